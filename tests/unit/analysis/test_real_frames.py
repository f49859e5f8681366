"""The look on real frames, against what DIALS finds (README of the data)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from beampace.analysis import (
    Analyser,
    FrameAnalysis,
    FrameVerdict,
    GridShape,
    Setup,
    find_crystals,
    find_hot_pixels,
    hot_sample,
    join_spots,
    make_map,
)
from beampace.eiger import FrameReader, open_container

DIALS_GRID = (
    290, 1143, 1313, 1284, 1201, 1157, 1123, 1104, 1000, 975, 853, 804, 627, 354, 51, 0, 1, 1, 1,
)  # fmt: skip


@dataclass(frozen=True)
class Counted:
    """A frame of which only DIALS's count is known."""

    number: int
    n_spots_good: int
    intensity: float = 0.0
    d_min: float | None = None


def _look(master: Path) -> list[FrameAnalysis]:
    container = open_container(master)
    dataset, reader = container.dataset, FrameReader(container)
    setup = Setup.make(dataset.detector, dataset.beam, container.mask())
    sample = ((number, reader.read(number)) for number in hot_sample(dataset.n_announced))
    analyser = Analyser(find_hot_pixels(setup, sample, dataset.scan.width))
    return [analyser.analyse(reader.read(k), k) for k in range(1, dataset.n_announced + 1)]


@pytest.mark.real
def test_grid_agrees_with_dials(real_data: Path):
    analyses = _look(real_data / "thaumatin/grid_001/thaumatin_grid_001_master.h5")
    assert spearmanr([analysis.n_spots for analysis in analyses], DIALS_GRID).statistic >= 0.95
    shape = GridShape(19, 1)
    ours = find_crystals(make_map(shape, analyses))
    theirs = find_crystals(make_map(shape, [Counted(k, n) for k, n in enumerate(DIALS_GRID, start=1)]))
    assert (len(ours), len(theirs)) == (1, 1)
    assert abs(ours[0].centre[0] - theirs[0].centre[0]) < 0.5
    assert ours[0].best_frame == 3
    assert all(analysis.verdict is FrameVerdict.GOOD for analysis in analyses[1:13])
    assert all(analysis.verdict is FrameVerdict.BLANK for analysis in analyses[15:])
    assert all(1.5 < (analysis.d_min or 0) < 2.4 for analysis in analyses[1:13])


@pytest.mark.real
def test_small_molecule_rotation(real_data: Path):
    analyses = _look(real_data / "l-cysteine/rotational_001/l-cysteine_rotational_001_master.h5")
    found = join_spots(analyses)
    # DIALS finds 54 reflections, indexes 45 of them.
    assert 45 <= len(found) <= 65
    verdicts = [analysis.verdict for analysis in analyses]
    assert verdicts.count(FrameVerdict.SMALL_MOLECULE) >= 8
    assert np.median(found.n_frames) >= 3


@pytest.mark.real
def test_two_test_shots(real_data: Path):
    analyses = _look(real_data / "project_x/screening_001/project_x_screening_001_master.h5")
    # DIALS: 390 and 124.
    assert 350 < analyses[0].n_spots < 520
    assert 100 < analyses[1].n_spots < 180
    assert {analysis.verdict for analysis in analyses} == {FrameVerdict.GOOD}
