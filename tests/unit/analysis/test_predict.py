"""Predictions against the simulator, and against spots that are found in its frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beampace.analysis import Analyser, Setup
from beampace.analysis.predict import MOST_POINTS, Frame, Predictions, predict
from beampace.core.geometry import Beam, Detector, Goniometer, rotation, transpose
from beampace.simulate import diffraction as d
from beampace.simulate.bench import build_bench
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import Simulation, simulate_scan
from tests.support.eiger_data import small_dataset

SCAN = Scenario(name="scan", detector="EIGER2 X 1M", n_frames=30, width=0.5, d_min=2.0)


@pytest.fixture(scope="module")
def made() -> Simulation:
    return simulate_scan(SCAN)


def predicted(made: Simulation, number: int, d_min: float = 2.0, **changes) -> Predictions:
    dataset, scan = made.true_dataset, made.true_dataset.scan
    low = scan.starts[number - 1]
    matrix = build_bench(made.truth).a_matrices[0]
    frame = Frame(matrix, dataset.goniometer, low, low + scan.width, made.scenario.mosaicity)
    sigmas = changes.pop("n_sigma", 2.0)
    return predict(replace(frame, **changes), dataset.detector, dataset.beam, d_min, sigmas)


def true_spots(made: Simulation, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Table of the simulator's spots on the picture, and their indices."""
    table = made.maker.spots(number)
    nx, ny = made.dataset.detector.image_size
    on = (table[:, d.X] > 0) & (table[:, d.X] < nx) & (table[:, d.Y] > 0) & (table[:, d.Y] < ny)
    return table[on], build_bench(made.truth).hkl[table[on][:, d.ROW].astype(int)]


@pytest.mark.parametrize("number", [1, 13, 30])
def test_every_bright_reflection_of_the_simulator_is_predicted_where_it_is(made, number):
    table, hkl = true_spots(made, number)
    found = predicted(made, number, n_sigma=3.5)
    places = {}
    for row, index in enumerate(found.hkl.tolist()):
        places.setdefault(tuple(index), []).append((found.x[row], found.y[row]))
    bright = table[:, d.PHOTONS] > np.median(table[:, d.PHOTONS])
    assert bright.sum() > 50
    matched = 0
    for spot, index in zip(table[bright], hkl[bright].tolist(), strict=True):
        away = [np.hypot(x - spot[d.X], y - spot[d.Y]) for x, y in places.get(tuple(index), [])]
        matched += bool(away) and min(away) < 0.1
    assert matched / bright.sum() > 0.97


def test_what_crosses_within_the_frame_is_full_and_the_simulator_agrees(made):
    table, hkl = true_spots(made, 13)
    scan = made.true_dataset.scan
    low, high = np.radians(scan.starts[12]), np.radians(scan.starts[12] + scan.width)
    within = {tuple(i) for i, phi in zip(hkl.tolist(), table[:, d.PHI], strict=True) if low < phi < high}
    found = predicted(made, 13)
    ours = {tuple(index) for index in found.hkl[found.full].tolist()}
    assert len(within) > 50
    assert len(within & ours) / len(within) > 0.97


def test_most_spots_found_in_the_frame_are_predicted_within_a_pixel_and_another_frame_does_not_fit(made):
    found = Analyser(Setup.make(made.dataset.detector, made.dataset.beam, made.mask)).analyse(
        made.frame(13), 13
    )
    spots = found.spots.only(found.spots.good)
    assert len(spots) > 30

    def share(predictions: Predictions) -> float:
        away = np.hypot(spots.x[:, None] - predictions.x, spots.y[:, None] - predictions.y).min(axis=1)
        return float((away < 1.5).mean())

    assert share(predicted(made, 13)) > 0.9
    assert share(predicted(made, 24)) < 0.4


def test_a_setting_and_a_fixed_rotation_are_part_of_the_orientation(made):
    """The same crystal behind another goniometer: what is put in by one rotation is taken out by another."""
    turn = rotation((0.3, 0.5, 0.8), 40.0)
    plain = predicted(made, 5)
    matrix = np.array(transpose(turn)) @ build_bench(made.truth).a_matrices[0]
    axis = made.true_dataset.goniometer.axis
    fixed = predicted(made, 5, a_matrix=matrix, goniometer=Goniometer(axis, fixed=turn))
    assert fixed.hkl.tolist() == plain.hkl.tolist()
    assert np.allclose(fixed.x, plain.x, atol=1e-6)
    turned = tuple(float(x) for x in np.array(transpose(turn)) @ np.array(axis))
    setting = predicted(made, 5, a_matrix=matrix, goniometer=Goniometer(turned, setting=turn))
    assert setting.hkl.tolist() == plain.hkl.tolist()


def test_an_enormous_cell_is_followed_to_a_coarser_resolution_only():
    detector: Detector = small_dataset().detector
    frame = Frame(np.diag([1 / 900.0, 1 / 800.0, 1 / 700.0]), Goniometer(), 0.0, 0.1, 0.05)
    found = predict(frame, detector, Beam(1.0), 1.0)
    assert found.d_min > 3
    assert np.prod(2 * np.array([900, 800, 700]) / found.d_min) <= 1.1 * MOST_POINTS


@pytest.mark.parametrize("edge", [1e6, 0.1, np.inf])
def test_no_cell_is_refused(edge):
    frame = Frame(np.eye(3) / edge, Goniometer(), 0.0, 0.1, 0.05)
    with pytest.raises((ValueError, np.linalg.LinAlgError)):
        predict(frame, small_dataset().detector, Beam(1.0), 1.0)
