"""The verdict of a map in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from beampace.core.errors import InputError
from beampace.core.frames import FrameFailure
from beampace.core.taxonomy import Failure
from beampace.results.look_schema import LookedAt, LookFrames
from beampace.results.map_schema import GridInfo, Map, MapCrystal, MapPart, MapPosition
from beampace.work.map_verdict import judge_map, where

GONE = FrameFailure(Failure.FRAMES_MISSING, "x_data_000002.h5 is missing.")


def crystal(**changes):
    values = {
        "rank": 1, "centre": (3.5, 1.25), "extent": (2, 3), "best_cell": (3, 1), "best_frame": 14,
        "peak": 80.0, "total": 300.0, "n_cells": 5,
    }  # fmt: skip
    return MapCrystal(**{**values, **changes})


def a_map(*crystals, analysed=12, failed=0, **changes):
    part = MapPart(
        dataset=LookedAt(id="i", name="grid_1", path="/raw/grid_1_master.h5", kind="grid"),
        frames=LookFrames(announced=12, first=1, last=12, analysed=analysed, failed=failed, waiting=0),
        grid=GridInfo(
            columns=4, rows=3, snaked=False, vertical=False, corner="top_left", source="", order_given=True
        ),
        scores=(),
        lit=(),
        numbers=(),
        crystals=crystals,
        columns={},
    )
    return Map(state="complete", updated=datetime.now(UTC), score="spots", maps=(part,), **changes)


def test_people_count_cells_from_one():
    assert where(crystal()) == "column 4.0, row 1.8"
    assert "(70, 25 µm" in where(crystal(centre_um=(70.0, 25.0)))


def test_the_best_crystal_is_where_to_go():
    said = judge_map(a_map(crystal(), crystal(rank=2)), None, [{}])
    assert said.code == "mapped" and "2 crystals" in said.words and "frame 14 (80 spots)" in said.words
    assert "column 4.0, row 1.8" in said.next_step and said.warnings == ()


def test_an_empty_map():
    said = judge_map(a_map(), None, [{}])
    assert said.code == Failure.NO_DIFFRACTION and "None of 12 cells" in said.words


def test_missing_cells_are_counted_with_every_reason():
    lost = {5: GONE, 6: GONE, 9: FrameFailure(Failure.FILE_TRUNCATED, "frame 9 is cut.")}
    said = judge_map(a_map(crystal(), analysed=9, failed=3), None, [lost])
    assert said.warnings[0] == "3 cells are missing in grid_1."
    assert "2 frames" in said.warnings[1] and "frame 9 is cut" in said.warnings[2]


def test_no_frame_at_all():
    with pytest.raises(InputError) as ending:
        judge_map(a_map(analysed=0, failed=12), None, [dict.fromkeys(range(1, 13), GONE)])
    assert ending.value.code is Failure.FRAMES_MISSING and "grid_1_master" in ending.value.detail


def test_positions_in_space():
    position = MapPosition(
        rank=1,
        centre=(1.5, 2.0, 3.25),
        best_voxel=(1, 2, 3),
        extent=(1, 1, 1),
        peak=1.0,
        total=1.0,
        n_voxels=1,
    )
    said = judge_map(a_map(crystal(), positions=(position,)), None, [{}])
    assert "x, y, z = 1.5, 2.0, 3.2 cells" in said.words
    in_um = position.model_copy(update={"centre_um": (30.0, 40.0, 65.0)})
    assert "30, 40, 65 µm" in judge_map(a_map(crystal(), positions=(in_um,)), None, [{}]).next_step
