"""What refinement and a known cell say of the beam centre and the distance of the file."""

from pathlib import Path

import numpy as np
import pytest

from beampace.core.cell import UnitCell
from beampace.core.engine import Request
from beampace.core.taxonomy import Failure
from beampace.engines.dials import expt
from beampace.engines.dials.beam_rays import rays_of, turns
from beampace.engines.dials.geometry_check import against_cell, moved
from tests.unit.engines.test_files import dataset, experiments

CELL = UnitCell(40, 40, 30, 90, 90, 90)


def model(scale: float = 1.0, edges=(40.0, 40.0, 30.0)) -> expt.Expt:
    a, b, c = (edge * scale for edge in edges)
    crystal = {
        "real_space_a": [a, 0.0, 0.0],
        "real_space_b": [0.0, b, 0.0],
        "real_space_c": [0.0, 0.0, c],
        "space_group_hall_symbol": " P 1",
    }
    return experiments(dataset()) | {"crystal": [crystal]}


def request(frames: int = 100, cell: UnitCell | None = None) -> Request:
    return Request(dataset(), Path("m.h5"), Path(), (1, frames), 1, unit_cell=cell)


def test_a_beam_centre_that_moved_is_named_with_both_places():
    shifted = expt.with_beam_at(model(), (-30.0, 4.0))
    x, y, distance = expt.beam_position(shifted)
    x0, y0, _ = expt.beam_position(model())
    assert (x - x0, y - y0, distance) == pytest.approx((-30, 4, 100))
    assert "off by (-30.0, +4.0) px" in moved(shifted, request())
    assert moved(expt.with_beam_at(model(), (3.0, 3.0)), request()) == ""


def test_a_distance_is_believed_of_a_long_sweep_or_with_the_known_cell():
    nearer = expt.with_distance(model(), 91.0)
    assert expt.beam_position(nearer)[2] == pytest.approx(91)
    assert expt.beam_position(nearer)[:2] == pytest.approx(expt.beam_position(model())[:2])
    assert moved(nearer, request()) == "The detector is at 91.0 mm, the file says 100.0 mm."
    assert moved(nearer, request(4)) == ""
    assert moved(nearer, request(4, CELL)) != ""
    assert moved(nearer, request(4, UnitCell(50, 60, 70, 90, 90, 90))) == ""


def test_a_cell_that_is_scaled_asks_for_another_distance():
    judged = against_cell(model(1.1), CELL, request(4, CELL))
    assert judged.code is Failure.BEAM_CENTRE_OFF
    assert judged.distance == pytest.approx(100 / 1.1)
    assert "likely at 90.9 mm, the file says 100.0 mm" in judged.words


@pytest.mark.parametrize(
    ("edges", "code", "words"),
    [
        ((40.0, 40.0, 30.0), None, ""),
        ((80.0, 40.0, 30.0), Failure.CELL_SUSPECT, "2 times"),
        ((40.0, 20.0, 30.0), Failure.CELL_SUSPECT, "0.5 times"),
        ((43.0, 51.0, 67.0), None, "not the given one"),
    ],
)
def test_a_cell_that_is_not_the_given_one_is_said(edges, code, words):
    judged = against_cell(model(1.0, edges), CELL, request(4, CELL))
    assert (judged.code, judged.distance) == (code, None)
    assert words in judged.words
    assert bool(judged.words) == bool(words)


def test_rays_turn_lattice_points_back_to_where_they_are():
    """A point p turned by the goniometer onto the Ewald sphere gives its spot; the spot gives p."""
    model_ = model()
    hkl = np.array([[3, -2, 4], [1, 5, -3]], dtype=np.int32)
    points = expt.lattice_points(model_, hkl)
    assert points == pytest.approx(hkl / np.array([40.0, 40.0, 30.0]))
    wave = np.array([0.0, 0.0, -1 / 1.0332])
    angles = np.arange(0.0, 360.0, 1e-3)
    for p in points:
        turned = turns(np.array([1.0, 0.0, 0.0]), angles) @ p
        away = np.abs(np.linalg.norm(turned + wave, axis=1) - 1 / 1.0332)
        at = int(np.argmin(away))
        ray = (turned[at] + wave) * 100.0 / -(turned[at] + wave)[2]
        pixels = [(ray[0] + 38.0) / 0.075, (40.0 - ray[1]) / 0.075, (angles[at] - 10.0) / 0.5]
        assert rays_of(model_, np.array([pixels])).vectors()[0] == pytest.approx(p, abs=2e-5)
