"""What test shots tell of a lattice, against the simulator's truth."""

import numpy as np
import pytest

from beampace.analysis import Analyser, Setup
from beampace.analysis.shots import explained, longest_axis, mosaicity_of, points_of, shot_of
from beampace.simulate.crystal import orthogonalisation_b
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan


class Shooting:
    def __init__(self, **scenario):
        made = simulate_scan(Scenario(name="shots", width=0.2, interval=45.0, n_frames=3, **scenario))
        self.truth, self.dataset = made.truth, made.dataset
        analyser = Analyser(Setup.make(self.dataset.detector, self.dataset.beam, made.mask))
        looked = [analyser.analyse(frame, n) for n, frame in enumerate(made.frames, 1)]
        scan = self.dataset.scan
        self.shots = [shot_of(one, scan.starts[one.number - 1], scan.width) for one in looked]
        self.points = [self.points_of(shot) for shot in self.shots]
        cell = self.truth.scenario.crystal.unit_cell
        self.a = tuple(
            map(tuple, (np.array(self.truth.orientations[0]) @ orthogonalisation_b(cell)).tolist())
        )

    def points_of(self, shot):
        return points_of(shot, self.dataset.detector, self.dataset.beam, self.dataset.goniometer)


@pytest.fixture(scope="module", params=[0.08, 0.25])
def shooting(request):
    return Shooting(mosaicity=request.param)


def test_the_true_lattice_explains_the_spots(shooting):
    assert sum(len(shot) for shot in shooting.shots) > 60
    for points in shooting.points:
        assert explained(points, shooting.a).mean() > 0.95


def test_a_turned_lattice_does_not(shooting):
    turned = np.array(shooting.a)[[1, 2, 0]]
    shares = [explained(points, tuple(map(tuple, turned))).mean() for points in shooting.points]
    assert max(shares) < 0.35


def test_mosaicity(shooting):
    """Divergence, bandwidth and errors of the centroids are part of what is measured."""
    pairs = list(zip(shooting.shots, shooting.points, strict=True))
    found = mosaicity_of(pairs, shooting.a, shooting.dataset.beam, shooting.dataset.goniometer)
    assert found == pytest.approx(shooting.truth.scenario.mosaicity, rel=0.2, abs=0.035)


def test_the_longest_axis_has_room(shooting):
    axis = max(shooting.truth.scenario.crystal.unit_cell.parameters[:3])
    assert 1.1 * axis < longest_axis(shooting.points) <= 600


def test_a_large_cell_is_looked_for():
    """Points 1/300 A apart along one axis."""
    points = np.zeros((50, 3))
    points[:, 0] = np.arange(50) / 300
    assert longest_axis([points]) == pytest.approx(450)


def test_nothing_to_go_by():
    assert longest_axis([np.zeros((1, 3))]) == 600
