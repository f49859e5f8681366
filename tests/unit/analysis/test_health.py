from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beampace.analysis import Analyser, Ending, Setup, useful_range
from beampace.simulate.background import Background
from beampace.simulate.fate import Fate
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan

N = 80
SCAN = Scenario(background=Background(level=0.2), width=0.3, n_frames=N, photons=300.0)


def _look(fate: Fate):
    simulation = simulate_scan(replace(SCAN, fate=fate), cores=2)
    dataset = simulation.dataset
    analyser = Analyser(Setup.make(dataset.detector, dataset.beam, simulation.mask))
    return [analyser.analyse(frame, number) for number, frame in enumerate(simulation.frames, start=1)]


@pytest.fixture(scope="module")
def good():
    return _look(Fate())


def test_a_good_scan_raises_no_alarm(good):
    found = useful_range(good)
    assert (found.first, found.last, found.ending) == (1, N, Ending.WHOLE)


def test_going_up_and_down_raises_no_alarm(good):
    """A plate-shaped crystal: the signal goes up and down by a factor of four, twice per turn."""
    counts = [0.625 + 0.375 * np.cos(2 * np.pi * k / 40) for k in range(N)]
    shaped = [
        replace(
            analysis, n_spots_good=int(analysis.n_spots_good * share), intensity=analysis.intensity * share
        )
        for analysis, share in zip(good, counts, strict=True)
    ]
    assert useful_range(shaped).ending is Ending.WHOLE


def test_a_lost_frame_raises_no_alarm(good):
    assert useful_range(good[:30] + good[31:]).ending is Ending.WHOLE


def test_a_crystal_that_dies():
    found = useful_range(_look(Fate(intensity_left=0.003, b_growth=10)))
    assert found.ending is Ending.DIED
    assert found.first == 1
    assert 0.25 * N < found.last < 0.7 * N
    assert str(found.last + 1) in found.reason


def test_a_crystal_that_slips():
    found = useful_range(_look(Fate(slip=0.6, slip_frame=30)))
    assert (found.ending, found.first, found.last) == (Ending.SLIPPED, 30, N)


def test_a_crystal_that_leaves_the_beam():
    found = useful_range(_look(Fate(leaves=(50, 56))))
    assert found.ending is Ending.LEFT_BEAM
    assert found.first == 1
    assert abs(found.last - 55) <= 2


def test_a_beam_that_is_lost(good):
    dark = [
        replace(
            analysis,
            n_spots_good=0,
            n_spots=0,
            intensity=0.0,
            background=0.0,
            spots=analysis.spots.only(np.zeros(len(analysis.spots), bool)),
        )
        for analysis in good[60:]
    ]
    found = useful_range([*good[:60], *(replace(frame, verdict="blank") for frame in dark)])
    assert found.ending is Ending.NO_BEAM
    assert abs(found.last - 60) <= 2


def test_a_blank_scan():
    scenario = replace(SCAN, crystal=None, n_frames=25)
    simulation = simulate_scan(scenario)
    dataset = simulation.dataset
    analyser = Analyser(Setup.make(dataset.detector, dataset.beam, simulation.mask))
    analyses = [analyser.analyse(frame, k) for k, frame in enumerate(simulation.frames, start=1)]
    assert useful_range(analyses).ending is Ending.NO_DIFFRACTION
    with pytest.raises(ValueError, match="no frame"):
        useful_range([])
