"""Values per frame."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from beampace.core.engine import FrameSeries
from beampace.results.merging import merge
from beampace.results.series import columns_of, frame_series, joined
from beampace.results.unmerged import Observations


def test_by_hand() -> None:
    observed = Observations(
        gemmi.UnitCell(10, 11, 12, 90, 90, 90),
        gemmi.SpaceGroup("P 1"),
        np.array([(1, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], dtype=np.int32),
        np.array([10.0, 14.0, 20.0, 6.0]),
        np.array([1.0, 1.0, 2.0, 3.0]),
        np.array([3, 5, 5, 3]),
        np.array([1.0, 0.5, 0.7, 3.0]),
    )
    found = frame_series(observed, merge(observed))
    assert found["frame"] == (3, 4, 5)
    assert found["observations"] == (2, 0, 2)
    assert found["r_merge"] == (pytest.approx(2 / 10), None, pytest.approx(2 / 14))
    assert found["scale"] == (2.0, None, pytest.approx(0.6))
    assert found["i_over_sigma"] == (6.0, None, 12.0)


def test_frames_of_both_sides_are_kept() -> None:
    ours = {"frame": (2, 3), "scale": (1.0, 0.9)}
    columns = joined(ours, FrameSeries((1, 2), {"spots": (10.0, 11.0)}))
    assert columns == {"frame": (1, 2, 3), "scale": (None, 1.0, 0.9), "spots": (10.0, 11.0, None)}


def test_columns_have_one_length(record) -> None:
    columns = columns_of(record.unmerged, record.series)
    assert {len(column) for column in columns.values()} == {100}
    assert {"frame", "spots", "scale", "r_merge", "observations"} <= set(columns)


def test_absent_reflections_do_not_disturb() -> None:
    observed = Observations(
        gemmi.UnitCell(10, 11, 12, 90, 90, 90),
        gemmi.SpaceGroup("P 21 21 21"),
        np.array([(0, 0, 1)], dtype=np.int32),
        np.array([10.0]),
        np.array([1.0]),
        np.array([1]),
    )
    assert frame_series(observed, merge(observed))["r_merge"] == (None,)
