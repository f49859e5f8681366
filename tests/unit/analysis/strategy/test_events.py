"""Crossings against `predict`, a scan of the spindle, and gemmi's asymmetric units."""

from __future__ import annotations

import itertools
from dataclasses import replace

import gemmi
import numpy as np
import pytest

from beampace.analysis.predict import Frame, predict
from beampace.analysis.strategy import find_events
from beampace.analysis.strategy.events import MOST_UNIQUE
from beampace.core.geometry import Goniometer, rotation
from tests.unit.analysis.strategy.bench import BEAM, GROUPS, a_matrix, detector, group

DETECTOR = detector()
PLAIN = Goniometer()
TURNED = Goniometer(
    axis=(0.8, 0.6, 0.0), setting=rotation((0.0, 0.0, 1.0), -20.0), fixed=rotation((1.0, 2.0, 3.0), 50.0)
)


def found(name: str, d_min: float = 3.0, seed: int = 1, goniometer=PLAIN, **more):
    return find_events(a_matrix(GROUPS[name], seed), group(name), goniometer, BEAM, DETECTOR, d_min, **more)


@pytest.mark.parametrize("name", GROUPS)
def test_the_unique_reflections_are_those_of_gemmi(name):
    ours = found(name, 2.97)  # no edge of a cell is a multiple
    cell, ops = gemmi.UnitCell(*GROUPS[name]), group(name).operations()
    theirs = gemmi.make_miller_array(cell, group(name), 2.97, 0, True)
    theirs = theirs[~ops.systematic_absences(theirs)]
    assert ours.n_unique == len(theirs)
    assert ours.n_pairs == np.count_nonzero(~ops.centric_flag_array(theirs))
    unit = gemmi.ReciprocalAsu(group(name))
    mapped = {tuple(unit.to_asu(row.tolist(), ops)[0]) for row in ours.hkl}
    assert mapped == {tuple(row) for row in theirs.tolist()}
    assert np.allclose(ours.inverse_d2[:50], [cell.calculate_1_d2(row.tolist()) for row in ours.hkl[:50]])


@pytest.mark.parametrize("goniometer", [Goniometer(), TURNED])
@pytest.mark.parametrize("seed", [1, 2])
def test_predict_finds_the_same_crossings(seed, goniometer):
    ours = found("P1", 3.0, seed, goniometer)
    matrix, angles, hkl = a_matrix(GROUPS["P1"], seed), [], []
    for low in range(0, 360, 30):
        frame = Frame(matrix, goniometer, low, low + 30, 0.001)
        part = predict(frame, DETECTOR, BEAM, 3.0)
        angles.append(part.phi[part.full])
        hkl.append(part.hkl[part.full])
    hkl, angles = np.concatenate(hkl), np.concatenate(angles) % 360
    assert len(ours.phi) == len(angles)
    assert np.allclose(np.sort(angles), ours.phi, atol=1e-6)
    signed = ours.hkl[ours.unique_id] * ours.sign[:, None]
    assert sorted(map(tuple, signed.tolist())) == sorted(map(tuple, hkl.tolist()))


@pytest.mark.parametrize("name", ["P43212", "I23"])
def test_all_mates_are_followed_and_none_that_is_absent(name):
    ours = found(name, 3.97)
    matrix, ops = a_matrix(GROUPS[name]), group(name).operations()
    count = 0
    for low in range(0, 360, 30):
        part = predict(Frame(matrix, Goniometer(), low, low + 30, 0.001), DETECTOR, BEAM, 3.97)
        count += np.count_nonzero(part.full & ~ops.systematic_absences(part.hkl))
    assert len(ours.phi) == count


def test_a_scan_of_the_spindle_sees_the_same_crossings():
    ours = find_events(a_matrix((20, 21, 22, 80, 85, 95)), group("P1"), TURNED, BEAM, detector(20.0), 3.0)
    matrix = np.array(TURNED.fixed) @ a_matrix((20, 21, 22, 80, 85, 95))
    s0 = np.array(BEAM.direction) / BEAM.wavelength
    box = np.array(list(itertools.product(range(-8, 9), repeat=3)))
    points = box @ matrix.T
    inside = ((points**2).sum(axis=1) <= 1 / 9) & (np.abs(box).sum(axis=1) > 0)
    steps, crossings = np.arange(0, 360.1, 0.1), 0
    outside = None
    for angle in steps:
        turn = np.array(TURNED.setting) @ np.array(rotation(TURNED.axis, angle))
        now = np.linalg.norm(points[inside] @ turn.T + s0, axis=1) > np.linalg.norm(s0)
        crossings += 0 if outside is None else int((now != outside).sum())
        outside = now
    # Those near the blind region are left out, or cross twice between two steps.
    assert 0.93 * crossings < len(ours.phi) <= crossings


@pytest.mark.parametrize("name", GROUPS)
def test_signs_tell_the_friedel_mates_and_centric_reflections_have_none(name):
    ours = found(name, 4.0)
    assert (ours.centric[ours.unique_id] == (ours.sign == 0)).all()
    plus, minus = (np.count_nonzero(ours.sign == sign) for sign in (1, -1))
    assert plus == pytest.approx(minus, rel=0.01)
    assert (ours.phi >= 0).all()
    assert (ours.phi < 360).all()
    assert (np.diff(ours.phi) >= 0).all()


def test_what_is_not_blind_crosses_twice_as_each_friedel_mate():
    ours = found("P1", 4.0)
    per_pair = np.bincount(ours.unique_id, minlength=ours.n_unique)
    assert set(per_pair.tolist()) == {0, 4}


def test_masked_pixels_and_a_small_detector_take_crossings_away():
    everything = found("P212121")
    mask = np.zeros((2000, 2000), np.bool_)
    mask[:1000] = True
    half = found("P212121", mask=mask)
    assert len(half.phi) == pytest.approx(len(everything.phi) / 2, rel=0.05)
    coarse = found("P212121", mask=mask[::100, ::100])
    assert np.array_equal(coarse.phi, half.phi)
    small = replace(DETECTOR, image_size=(2000, 1000))
    fewer = find_events(a_matrix(GROUPS["P212121"]), group("P212121"), Goniometer(), BEAM, small, 3.0)
    assert len(fewer.phi) == pytest.approx(len(everything.phi) / 2, rel=0.05)


def test_a_mask_is_addressed_as_slow_and_fast():
    mask = np.zeros((2000, 2000), np.bool_)
    mask[:700] = True
    upright = found("P1", mask=mask)
    # The axis lies along the fast direction, so that half a turn exchanges up and down, not left and right.
    sideways = found("P1", mask=np.ascontiguousarray(mask.T))
    assert len(upright.phi) != len(sideways.phi)
    cut = replace(DETECTOR, origin=DETECTOR.lab(0.0, 700.0), image_size=(2000, 1300))
    same = find_events(a_matrix(GROUPS["P1"]), group("P1"), Goniometer(), BEAM, cut, 3.0)
    assert np.array_equal(same.phi, upright.phi)


@pytest.mark.parametrize(("name", "seed"), [("P1", 1), ("P6122", 2), ("I23", 3)])
def test_a_large_cell_is_sampled_with_all_mates_and_reproducibly(name, seed):
    cell = tuple(value * (5 if i < 3 else 1) for i, value in enumerate(GROUPS[name]))
    crystal = (a_matrix(cell), group(name), Goniometer(), BEAM, DETECTOR)
    ours = find_events(*crystal, 2.0, seed=seed)
    assert ours.share < 1
    assert 5_000 < ours.n_unique < 1.05 * MOST_UNIQUE
    assert np.array_equal(ours.phi, find_events(*crystal, 2.0, seed=seed).phi)
    most = 4 * len(group(name).operations().sym_ops)  # two crossings of each mate and its Friedel mate
    assert 0.9 * most < len(ours.phi) / ours.n_unique < most
    assert len({tuple(row) for row in ours.hkl.tolist()}) == ours.n_unique
    half_the_volume = 1 / 2.0**2 / 2 ** (2 / 3)
    assert np.count_nonzero(ours.inverse_d2 < half_the_volume) / ours.n_unique == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("matrix", "d_min"),
    [(np.full((3, 3), np.nan), 2.0), (np.zeros((3, 3)), 2.0), (np.eye(2), 2.0), (np.eye(3) / 50, 0.0)],
)
def test_nonsense_is_refused(matrix, d_min):
    with pytest.raises(ValueError, match="is no"):
        find_events(matrix, group("P1"), Goniometer(), BEAM, DETECTOR, d_min)


def test_an_axis_along_the_beam_is_refused():
    along = Goniometer(axis=(0.0, 0.0, 1.0))
    with pytest.raises(ValueError, match="along the beam"):
        found("P1", goniometer=along)
