"""Random cells among junk; what is reduced, doubled, halved or displaced; all fourteen lattices."""

from __future__ import annotations

import itertools

import gemmi
import numpy as np
import pytest

from beampace.analysis.rotation import checks
from beampace.analysis.rotation.assign import assign
from beampace.analysis.rotation.basis import cell_of, is_like, reduced
from beampace.analysis.rotation.known_cell import has_cell, known_bases, reduced_cells
from beampace.analysis.rotation.lattice_search import HARDEST, longest_edge, search
from beampace.analysis.rotation.lattice_symmetry import lattice_symmetries
from beampace.analysis.rotation.solution import primitive
from beampace.core.cell import UnitCell
from tests.support.rotation_spots import axes_of, random_axes, random_turn

LIMIT = 330.0


def junk(rng, n, d_min):
    directions = rng.normal(size=(n, 3))
    size = rng.uniform(0, 1, n) ** (1 / 3) / d_min
    return directions * (size / np.linalg.norm(directions, axis=1))[:, None]


def spots_of(rng, axes, n=300, share=0.3, d_min=3.0, noise=3e-4):
    """Points of a lattice, evenly over a sphere, and junk."""
    whole = np.unique(np.round(junk(rng, 20 * n, d_min) @ axes.T), axis=0)
    whole = whole[(whole != 0).any(axis=1)]
    some = whole[rng.permutation(len(whole))[:n]]
    q = some @ np.linalg.inv(axes).T + rng.normal(size=(len(some), 3)) * noise
    return np.concatenate([q, junk(rng, int(share * n), d_min)])


def found(q):
    """The lattice, with more and more effort."""
    for longest, most in ((longest_edge(q, LIMIT), 20_000), (LIMIT, 20_000), (LIMIT, HARDEST)):
        best = search(q, longest, most=most)
        if best and best[0].share > 0.5:
            return np.linalg.inv(primitive(best[0].a_matrix, q, np.zeros(len(q))))
    return None


@pytest.mark.parametrize("seed", range(8))
def test_random_cells_among_a_third_of_junk(seed):
    rng = np.random.default_rng(seed)
    axes = random_axes(rng, 20, 300)
    best = found(spots_of(rng, axes, d_min=3.0 if np.linalg.det(axes) < 3e5 else 5.0))
    assert best is not None
    assert np.linalg.det(best) == pytest.approx(np.linalg.det(axes), rel=0.02)
    whole = best @ np.linalg.inv(axes)
    assert np.abs(whole - np.round(whole)).max() < 0.05


def test_junk_alone_is_no_lattice():
    rng = np.random.default_rng(5)
    best = search(junk(rng, 400, 3.0), 120.0)
    assert all(one.share < 0.45 for one in best)


def test_a_displaced_lattice_is_found_when_phases_are_free():
    rng = np.random.default_rng(6)
    axes = axes_of(UnitCell(40, 50, 60, 90, 100, 90), turn=random_turn(rng))
    shift = np.array([0.3, 0.45, -0.4]) @ np.linalg.inv(axes).T
    q = spots_of(rng, axes) + shift
    best = search(q, 100.0, free=True)[0]
    assert is_right(best.axes, axes)
    whole = np.linalg.solve(best.a_matrix, shift) - best.origin
    assert np.abs(whole - np.round(whole)).max() < 0.05


def is_right(one, other):
    whole = one @ np.linalg.inv(other)
    return abs(np.linalg.det(whole) - 1) < 0.02 and np.abs(whole - np.round(whole)).max() < 0.05


def test_a_known_cell_needs_few_spots_and_no_centring():
    rng = np.random.default_rng(7)
    cell = UnitCell(78.4, 38.7, 46.3, 90, 103.5, 90)
    axes = axes_of(cell, "C", random_turn(rng))
    best = known_bases(spots_of(rng, axes, n=35, d_min=4.0), cell)
    assert best
    assert is_right(best[0].axes, axes)
    assert has_cell(best[0].axes, cell)
    assert not has_cell(best[0].axes, UnitCell(50, 60, 70, 90, 90, 90))
    assert len(reduced_cells(UnitCell(60, 60, 90, 90, 90, 120))) > len({"P", "C"})


def test_reduction_is_the_same_for_every_basis_and_whole():
    rng = np.random.default_rng(8)
    axes = random_axes(rng, 30, 60)
    for _ in range(100):
        change = np.eye(3)
        for _ in range(4):
            i, j = rng.permutation(3)[:2]
            change[i] += rng.integers(-2, 3) * change[j]
        again = reduced(change @ axes)
        assert np.allclose(cell_of(again), cell_of(axes), atol=1e-4)
        whole = again @ np.linalg.inv(axes)
        assert np.allclose(whole, np.round(whole), atol=1e-6)
        assert np.linalg.det(again) > 0
    with pytest.raises(ValueError, match="plane"):
        reduced(np.array([[10.0, 0, 0], [0, 10, 0], [10, 10, 0.01]]))


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_multiplied_cell_is_recognised(factor, axis):
    rng = np.random.default_rng(9)
    axes = random_axes(rng, 30, 60)
    q = spots_of(rng, axes, share=0.02)
    larger = axes.copy()
    larger[axis] *= factor
    larger[axis] += larger[(axis + 1) % 3]
    good = assign(q, np.linalg.inv(larger), np.zeros(len(q)))
    assert checks.sublattice(good.hkl[good.indexed]) is not None
    small = np.linalg.inv(primitive(np.linalg.inv(larger), q, np.zeros(len(q))))
    assert np.linalg.det(small) == pytest.approx(np.linalg.det(axes), rel=0.01)


def test_a_cell_that_is_right_is_left_alone():
    for seed in range(20):
        hkl = np.random.default_rng(seed).integers(-15, 16, size=(60, 3)).astype(np.int32)
        assert checks.sublattice(hkl) is None
        assert not checks.is_displaced(hkl)
        assert checks.is_displaced(2 * hkl + np.array([1, 0, 0], np.int32))


def test_a_halved_cell_is_recognised_and_doubled():
    rng = np.random.default_rng(10)
    axes = random_axes(rng, 30, 60)
    hkl = rng.integers(-9, 10, size=(600, 3))
    hkl = hkl[(hkl[:, 0] + hkl[:, 1]) % 2 == 1]
    q = hkl @ np.linalg.inv(axes).T
    small = np.linalg.inv(axes) @ np.array([[1, 1, 0], [1, -1, 0], [0, 0, 1]])
    half, share = checks.halved(q, small, len(q) * 4)
    assert share == pytest.approx(0.25, abs=0.01)
    again = checks.superlattice(small, half)
    whole = np.linalg.solve(again, q.T)
    assert np.abs(whole - np.round(whole)).max() < 1e-9
    assert checks.halved(junk(rng, 300, 3.0), small, 1200) is None


LATTICES = {
    "aP": ("P", (27.07, 31.25, 33.76, 87.98, 72.0, 67.89), 6),
    "mP": ("P", (38.1, 55.3, 48.6, 90, 103.2, 90), 4),
    "mC": ("C", (78.4, 38.7, 46.3, 90, 103.5, 90), 4),
    "mI": ("I", (78.4, 38.7, 46.3, 90, 93.5, 90), 4),
    "oP": ("P", (38.3, 51.8, 66.6, 90, 90, 90), 3),
    "oC": ("C", (38.3, 51.8, 66.6, 90, 90, 90), 3),
    "oI": ("I", (38.3, 51.8, 66.6, 90, 90, 90), 3),
    "oF": ("F", (38.3, 51.8, 66.6, 90, 90, 90), 3),
    "tP": ("P", (78.5, 78.5, 37.5, 90, 90, 90), 2),
    "tI": ("I", (48.5, 48.5, 137.5, 90, 90, 90), 2),
    "hP": ("P", (46.8, 46.8, 76.4, 90, 90, 120), 2),
    "hR": ("R", (96.8, 96.8, 26.4, 90, 90, 120), 2),
    "cP": ("P", (68.3, 68.3, 68.3, 90, 90, 90), 1),
    "cI": ("I", (68.3, 68.3, 68.3, 90, 90, 90), 1),
    "cF": ("F", (68.3, 68.3, 68.3, 90, 90, 90), 1),
}


@pytest.mark.parametrize(("bravais", "noise"), list(itertools.product(LATTICES, (0.0, 2e-3))))
def test_every_lattice_has_its_symmetry_and_its_conventional_cell(bravais, noise):
    centring, cell, _ = LATTICES[bravais]
    rng = np.random.default_rng(11)
    axes = axes_of(UnitCell(*cell), centring, random_turn(rng))
    axes = reduced(axes @ (np.eye(3) + noise * rng.normal(size=(3, 3))))
    found_ = lattice_symmetries(np.linalg.inv(axes))
    best = found_[0]
    assert best.bravais == bravais
    assert found_[-1].bravais == "aP"
    mine, true = sorted(best.cell.parameters[:3]), sorted(cell[:3])
    assert np.allclose(mine, true, rtol=0.01)
    assert sorted(best.cell.parameters[3:]) == pytest.approx(sorted(cell[3:]), abs=0.6)
    assert best.penalty <= (0.8 if noise else 1e-3)
    assert best.order == len(gemmi.SpaceGroup(best.space_group).operations().sym_ops)


def test_the_conventional_matrix_and_indices_agree():
    axes = axes_of(UnitCell(*LATTICES["hR"][1]), "R", random_turn(np.random.default_rng(12)))
    a_matrix = np.linalg.inv(axes)
    best = lattice_symmetries(a_matrix)[0]
    hkl = np.random.default_rng(13).integers(-9, 10, size=(200, 3)).astype(np.int32)
    conventional = best.reindexed(hkl)
    assert np.allclose(conventional @ best.conventional(a_matrix).T, hkl @ a_matrix.T, atol=1e-9)
    h, k, l = conventional.T  # noqa: E741
    assert ((-h + k + l) % 3 == 0).all(), "obverse"


def test_cells_are_alike_whatever_the_order_of_their_axes():
    axes = axes_of(UnitCell(40, 50, 60, 90, 90, 90))
    assert is_like(axes, UnitCell(60, 40.5, 50, 90, 90, 90))
    assert not is_like(axes, UnitCell(60, 44, 50, 90, 90, 90))
