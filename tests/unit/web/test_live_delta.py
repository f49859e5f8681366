"""From the files of looks and maps to what has changed in them."""

import json

from hypothesis import given
from hypothesis import strategies as st

from beampace.core.scope import EVERYTHING, Scope
from beampace.core.work import WorkName
from beampace.web.stream.audience import covers
from beampace.web.stream.live import COLUMNS, Whose, delta, delta_text, parse_table
from tests.support.live_files import look_content

LOOK = Whose(12, WorkName.LOOK, "k")
GRID = {
    "columns": 2, "rows": 2, "snaked": True, "vertical": False, "corner": "top_left", "step_um": [10, 10],
    "source": "info.txt", "order_given": True,
}  # fmt: skip
CRYSTAL = {
    "rank": 1, "centre": [0.5, 0.5], "extent": [1, 1], "best_cell": [0, 0], "best_frame": 1, "peak": 5.0,
    "total": 5.0, "n_cells": 1, "cells": [[0, 0]],
}  # fmt: skip


def table(frames, **changes):
    found = parse_table(json.dumps(look_content(frames, 100, **changes)).encode(), WorkName.LOOK)
    assert found is not None
    return found


def map_table(frames, crystals=()):
    content = look_content(frames, 4)
    part = {
        "frames": content["frames"],
        "columns": content["columns"],
        "grid": GRID,
        "numbers": [[1, 2], [4, 3]],
    }
    record = {"state": "running", "maps": [part | {"crystals": list(crystals)}]}
    found = parse_table(json.dumps(record).encode(), WorkName.MAP)
    assert found is not None
    return found


def test_the_first_delta_has_all_rows_and_later_ones_only_what_is_new():
    before, after = table(range(1, 4)), table(range(1, 6))
    first, second = delta(LOOK, None, before), delta(LOOK, before, after)
    assert first.columns["frame"] == (1, 2, 3)
    assert set(first.columns) == set(COLUMNS)
    assert second.columns["frame"] == (4, 5)
    assert (second.dataset, second.work, second.job, second.frames.analysed) == (12, "look", "k", 5)
    assert delta(LOOK, after, table(range(1, 6))) is None


def test_a_row_that_changed_and_one_that_came_late_are_told():
    before = table([1, 2, 4])
    content = look_content([1, 2, 3, 4], 100)
    content["columns"]["verdict"][0] = "ice"
    found = delta(LOOK, before, parse_table(json.dumps(content).encode(), WorkName.LOOK))
    assert found.columns["frame"] == (1, 3)
    assert found.columns["verdict"] == ("ice", "good")


def test_the_end_is_told_without_rows():
    found = delta(LOOK, table([1, 2]), table([1, 2], state="complete"))
    assert (found.state, found.columns) == ("complete", {})


def test_the_grid_is_told_once_and_crystals_when_they_change():
    whose = Whose(12, WorkName.MAP, "k")
    first = delta(whose, None, map_table([1, 2]))
    assert (first.grid.columns, first.numbers, first.crystals) == (2, ((1, 2), (4, 3)), ())
    second = delta(whose, map_table([1, 2]), map_table([1, 2, 3], [CRYSTAL]))
    assert (second.grid, second.numbers, second.crystals[0].best_frame) == (None, None, 1)
    assert delta(whose, map_table([1], [CRYSTAL]), map_table([1, 2], [CRYSTAL])).crystals is None


def test_what_is_told_is_json_that_every_browser_reads():
    content = look_content([1, 2], 100)
    content["columns"]["d_min"] = [float("nan"), 1e400]
    content["columns"]["verdict"] = ["<script>\n\n", True]
    found = delta(LOOK, None, parse_table(json.dumps(content).encode(), WorkName.LOOK))
    text = delta_text(found).decode()
    assert text.startswith("event: live\ndata: {")
    assert text.count("\n\n") == 1

    def refuse(name):
        raise AssertionError(name)

    told = json.loads(text.split("data: ")[1], parse_constant=refuse)
    assert told["columns"]["d_min"] == [None, None]
    assert told["columns"]["verdict"] == ["<script>\n\n", None]


NAMES = st.sampled_from(["columns", "frame", "frames", "state", "maps", "grid", "spots"])
LEAVES = st.none() | st.booleans() | st.floats() | st.text(max_size=5)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner))


@given(JSON)
def test_whatever_a_file_holds_nothing_breaks(content):
    for work in (WorkName.LOOK, WorkName.MAP):
        found = parse_table(json.dumps(content).encode(), work)
        if found is not None:
            delta(Whose(1, work, "k"), None, found)


@given(st.lists(st.sets(st.integers(1, 30)), min_size=1, max_size=6), st.randoms())
def test_deltas_put_together_are_the_last_table(steps, random):
    """In whatever order frames come, and whatever changes: all deltas upserted give the last table."""
    known, before, seen = {}, None, set()
    for step in steps:
        seen |= step
        content = look_content(sorted(seen), 30)
        content["columns"]["spots"] = [random.randint(0, 2) for _ in seen]
        after = parse_table(json.dumps(content).encode(), WorkName.LOOK)
        found = delta(LOOK, before, after)
        if found is not None and found.columns:
            columns = [found.columns[name] for name in COLUMNS]
            known |= {row[0]: row for row in zip(*columns, strict=True)}
        before = after
    assert known == dict(before.rows)


def test_events_are_for_those_whose_they_are():
    mine = Scope("11001", "a")
    assert covers(mine, "result", "11001", "a")
    assert covers(mine, "beamtime.opened", "11001", "")
    for topic, beamtime, group in (
        ("result", "11001", "b"),
        ("result", "11001", ""),
        ("dataset.seen", "11001", ""),
        ("result", "11002", "a"),
        ("beamtime.opened", "11002", ""),
        ("something.new", "", ""),
    ):
        assert not covers(mine, topic, beamtime, group)
        assert covers(EVERYTHING, topic, beamtime, group)
    assert covers(Scope("11001"), "result", "11001", "b")
    assert not covers(Scope("11001"), "something.new", "", "")
