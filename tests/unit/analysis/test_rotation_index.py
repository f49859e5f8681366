"""Indexing: the eight groups on simulated frames, few degrees, wrong headers, and more than one lattice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beampace.analysis import Analyser, Setup, join_spots
from beampace.analysis.rotation.index import index, model_of
from beampace.core.cell import UnitCell
from beampace.core.errors import BeampaceError
from beampace.core.scan import Scan
from beampace.core.taxonomy import Failure
from beampace.simulate.bench import build_bench
from beampace.simulate.groups import CRYSTALS, group_scenario
from beampace.simulate.scenario import HeaderErrors, Lattice
from beampace.simulate.simulation import simulate_scan
from tests.support.rotation_spots import axes_of, drifting, exact, model_for, random_turn, reflections

BRAVAIS = {
    "P1": "aP", "P21": "mP", "C2": "mC", "P212121": "oP",
    "P43212": "tP", "P3221": "hP", "P6122": "hP", "I23": "cI",
}  # fmt: skip


def seen(scenario, n_frames=20):
    """A simulated scan and its spots."""
    made = simulate_scan(scenario)
    analyser = Analyser(Setup.make(made.dataset.detector, made.dataset.beam, made.mask))
    return made, join_spots([analyser.analyse(made.frame(k), k) for k in range(1, n_frames + 1)])


def is_true(found, made, lattice=0):
    """Whether a lattice is the true one: true indices of its reduced axes are whole, and all are there."""
    true = build_bench(made.truth).a_matrices[lattice]
    whole = np.linalg.solve(true, found.a_matrix)
    centred = 1 / abs(np.linalg.det(whole))
    return np.abs(whole - np.round(whole)).max() < 0.02 and abs(1 / centred - round(1 / centred)) < 0.01


@pytest.mark.parametrize(
    ("group", "n_frames"), [*((group, 20) for group in BRAVAIS), ("P1", 10), ("I23", 10)]
)
def test_the_groups(group, n_frames):
    made, spots = seen(group_scenario(group), n_frames)
    found = index(spots, made.dataset)
    true = CRYSTALS[group].unit_cell
    assert found.symmetry.bravais == BRAVAIS[group]
    assert is_true(found.model, made)
    assert found.fraction > 0.95
    assert found.indexed.mean() > 0.93
    assert max(found.rmsd[:2]) < 0.3
    assert found.remarks == ()
    assert found.second is None
    mine, theirs = sorted(found.symmetry.cell.parameters), sorted(true.parameters)
    assert np.allclose(mine, theirs, rtol=2.5e-3)


@pytest.mark.parametrize("n_frames", [10, 40])
@pytest.mark.parametrize("shift", [(30.0, -12.0), (7.0, 5.0), (2.0, 1.0)])
def test_a_beam_centre_that_is_off_is_put_right(shift, n_frames):
    scenario = replace(group_scenario("P212121"), header=HeaderErrors(beam_shift=shift))
    made, spots = seen(scenario, n_frames)
    found = index(spots, made.dataset)
    assert is_true(found.model, made)
    assert found.fraction > 0.95
    assert any("The beam is" in remark for remark in found.remarks) == (np.hypot(*shift) > 5)
    true = made.true_dataset
    centre = found.model.detector.pixel(found.model.beam.direction)
    assert np.hypot(*np.subtract(centre, true.detector.pixel(true.beam.direction))) < 0.5


@pytest.mark.parametrize("shift", [(0.0, 0.0), (15.0, 9.0)])
def test_a_spindle_that_turns_the_other_way_is_recognised(shift):
    header = HeaderErrors(axis_flipped=True, beam_shift=shift)
    made, spots = seen(replace(group_scenario("P43212"), header=header), 10)
    found = index(spots, made.dataset)
    assert "The spindle turns the other way than the file says." in found.remarks
    assert is_true(found.model, made)
    assert found.model.goniometer.axis[0] == pytest.approx(1.0)


@pytest.mark.parametrize("factor", [0.9, 1.05])
def test_a_wrong_distance_is_recognised(factor):
    scenario = replace(group_scenario("P212121"), header=HeaderErrors(distance_factor=factor))
    made, spots = seen(scenario, 20)
    found = index(spots, made.dataset)
    assert found.symmetry.bravais == "oP"
    assert found.model.detector.distance == pytest.approx(85.0, rel=2e-3)
    assert any("mm away" in remark for remark in found.remarks)


def test_two_lattices_are_told_apart():
    pair = (Lattice(seed=9, weight=0.6), Lattice(seed=12, weight=0.4))
    made, spots = seen(replace(group_scenario("P43212"), lattices=pair), 10)
    found = index(spots, made.dataset)
    assert found.second is not None
    assert any("second lattice" in remark for remark in found.remarks)
    for lattice in (0, 1):
        assert is_true(found.model, made, lattice) or is_true(found.second, made, lattice)


def test_a_spindle_that_turns_backwards():
    made, spots = seen(replace(group_scenario("P43212"), width=-0.5))
    found = index(spots, made.dataset)
    assert found.model.width == 0.5
    assert found.fraction > 0.95
    assert found.remarks == ()


def test_without_a_crystal_there_are_too_few_spots_or_no_lattice():
    made, spots = seen(replace(group_scenario("P1"), crystal=None), 10)
    with pytest.raises(BeampaceError) as ending:
        index(spots, made.dataset)
    assert ending.value.code in (Failure.TOO_FEW_SPOTS, Failure.NOT_INDEXED)


CELL = UnitCell(41.0, 52.0, 63.0, 90, 90, 90)


def dataset_for(model, n_frames):
    """A dataset of the model's apparatus."""
    made = simulate_scan(replace(group_scenario("P1"), n_frames=n_frames))
    scan = Scan.even(model.start, model.width, n_frames, 0.01, 0.01)
    return replace(
        made.dataset, detector=model.detector, beam=model.beam, goniometer=model.goniometer, scan=scan
    )


def spots_of(model, n_frames, noise=0.15, every=4, junk=0.0, seed=0):
    rng = np.random.default_rng(seed)
    _, xyz = exact(model, n_frames, 2.5)
    xyz = xyz[::every] + noise * rng.normal(size=xyz[::every].shape)
    extra = rng.uniform(0, 1, (int(junk * len(xyz)), 3)) * (1000, 1000, n_frames)
    return reflections(np.concatenate([xyz, extra]))


@pytest.fixture(scope="module")
def model():
    return model_for(axes_of(CELL, turn=random_turn(np.random.default_rng(8))))


def test_junk_is_not_indexed(model):
    spots = spots_of(model, 30, junk=0.5)
    found = index(spots, dataset_for(model, 30))
    true = np.arange(len(spots)) < len(spots) / 1.5
    assert found.symmetry.bravais == "oP"
    assert found.indexed[true].mean() > 0.97
    assert found.indexed[~true].mean() < 0.05
    assert not found.hkl[~found.indexed].any()
    assert found.hkl.dtype == np.int32


def test_a_crystal_that_drifts_is_followed_over_the_scan(model):
    found = index(spots_of(drifting(model, 240, 3.0), 240, every=25), dataset_for(model, 240))
    assert found.fraction > 0.97
    turned = np.degrees(np.linalg.norm(found.model.drift.vectors[-1]))
    assert turned == pytest.approx(3.0, abs=0.1)
    assert found.symmetry.bravais == "oP"


def test_only_frames_to_the_last_are_used(model):
    spots = spots_of(model, 60, every=8)
    whole, part = (index(spots, dataset_for(model, 60), last=last) for last in (None, 24))
    assert part.fraction > 0.97
    assert part.indexed.mean() > 0.9
    assert whole.model.cell.worst_deviation(part.model.cell) < 2e-3


def test_a_given_cell_is_used_and_one_that_does_not_fit_is_said_so(model):
    spots = spots_of(model, 6, every=6)
    assert len(spots) < 400
    found = index(spots, dataset_for(model, 6), cell=CELL)
    assert found.symmetry.cell.worst_deviation(CELL) < 0.01
    assert found.remarks == ()
    other = index(spots_of(model, 30, every=6), dataset_for(model, 30), cell=UnitCell(50, 60, 99, 90, 90, 90))
    assert any("does not fit" in remark for remark in other.remarks)
    assert other.symmetry.cell.worst_deviation(CELL) < 0.01


def test_the_run_of_frames_with_the_spots_decides(model):
    dataset = dataset_for(model, 60)
    starts = tuple(start - (100 if number < 20 else 0) for number, start in enumerate(dataset.scan.starts))
    gap = replace(dataset, scan=replace(dataset.scan, starts=starts))
    found = index(spots_of(model, 60, every=8), gap)
    assert found.symmetry.bravais == "oP"
    assert found.model.start == pytest.approx(model.start)
    assert found.fraction > 0.95


def test_few_spots_and_stills_are_refused(model):
    few = spots_of(model, 4, every=200)
    with pytest.raises(BeampaceError, match="too_few_spots"):
        index(few, dataset_for(model, 4))
    dataset = dataset_for(model, 4)
    with pytest.raises(BeampaceError, match="not_a_rotation"):
        model_of(replace(dataset, scan=replace(dataset.scan, width=0.0)))
