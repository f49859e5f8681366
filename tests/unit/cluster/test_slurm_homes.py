"""Steps and the allocations they run in; heartbeats of launchers the queue does not name."""

from __future__ import annotations

from pathlib import Path

import pytest

from beampace.cluster.slurm.homes import HOME, read_home, step_fate, write_home
from beampace.cluster.slurm.pulse import Pulses
from beampace.cluster.slurm.states import Fate, fate_of
from beampace.core.job import ClusterState
from beampace.core.taxonomy import Failure

RUNS, HELD = Fate(ClusterState.RUNNING), fate_of("RUNNING")
UNKNOWN = Fate(ClusterState.UNKNOWN)
VANISHED = Fate(ClusterState.GONE, Failure.NODE_LOST, "The queue does not know it any more.")


@pytest.mark.parametrize(
    ("fate", "homes", "state", "code", "words"),
    [
        (RUNS, [], ClusterState.RUNNING, None, ""),
        (RUNS, [HELD], ClusterState.RUNNING, None, ""),
        (UNKNOWN, [HELD], ClusterState.UNKNOWN, None, ""),
        (UNKNOWN, [fate_of("NODE_FAIL")], ClusterState.GONE, Failure.NODE_LOST, "Its node failed."),
        (RUNS, [fate_of("CANCELLED")], ClusterState.GONE, Failure.CANCELLED, "cancelled in the queue"),
        (RUNS, [fate_of("TIMEOUT")], ClusterState.GONE, Failure.PREEMPTED, "of the reservation"),
        (RUNS, [fate_of("COMPLETED")], ClusterState.RUNNING, None, ""),
        (RUNS, [fate_of("TIMEOUT"), HELD], ClusterState.RUNNING, None, ""),
        (VANISHED, [HELD], ClusterState.GONE, Failure.CANCELLED, "its node goes on"),
        (VANISHED, [None], ClusterState.GONE, Failure.NODE_LOST, "does not know it"),
        (VANISHED, [], ClusterState.GONE, Failure.NODE_LOST, "does not know it"),
    ],
)
def test_a_step_ends_with_its_allocation(fate, homes, state, code, words):
    found = step_fate(fate, homes)
    assert (found.state, found.code) == (state, code)
    assert words in found.words


def test_where_a_step_was_started_is_kept(tmp_path: Path) -> None:
    assert read_home(tmp_path) is None
    write_home(tmp_path, 4711)
    assert read_home(tmp_path) == 4711


@pytest.mark.parametrize("text", ["", "x", "-3", "12 13"])
def test_nonsense_is_no_allocation(tmp_path: Path, text: str) -> None:
    (tmp_path / HOME).write_text(text)
    assert read_home(tmp_path) is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("12")
    (tmp_path / HOME).symlink_to(tmp_path / "other")
    assert read_home(tmp_path) is None
    write_home(tmp_path, 13)
    assert (tmp_path / "other").read_text() == "12"


def test_a_heartbeat_that_changes_is_a_sign_of_life(tmp_path: Path) -> None:
    pulses, where = Pulses(), {"a": tmp_path}
    assert pulses.beats(where) == set()
    (tmp_path / "heartbeat.json").write_text("1")
    assert pulses.beats(where) == {"a"}
    assert pulses.beats(where) == set()
    (tmp_path / "heartbeat.json").write_text("2")
    assert pulses.beats({}) == set()
    assert pulses.beats(where) == {"a"}
