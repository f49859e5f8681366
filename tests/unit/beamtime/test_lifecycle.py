"""The life of a beamtime, as a table of what is seen and what follows."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.beamtime import ChangeKind, OnlineResources, OpenBeamtime, Phase, Seen, next_phase
from tests.support.properties import patient

A = replace(OpenBeamtime.at("A", Path("/gpfs/current")), rank=0)
B = replace(OpenBeamtime.at("B", Path("/gpfs/current")), rank=0)
C = replace(OpenBeamtime.at("C", Path("/gpfs/commissioning")), rank=1)
FIRST = OnlineResources("bttest01", None, "pre", "ponline", ("max-1",))
SECOND = OnlineResources("bttest01", None, "11010000", "ponline", ("max-1",))
GONE, UNKNOWN = "gone", "unknown"


def played(*looks: tuple[float, OpenBeamtime | str]) -> list[tuple[float, str, str]]:
    """What happens when these looks follow each other, with a grace of 10 s."""
    phase, happened = Phase(), []
    for at, found in looks:
        beamtime = found if isinstance(found, OpenBeamtime) else None
        phase, changes = next_phase(phase, Seen(at, beamtime, gone=found == GONE), 10.0)
        happened += [(at, change.kind.value, change.beamtime.id) for change in changes]
    return happened


@pytest.mark.parametrize(
    ("looks", "happened"),
    [
        ([(0, GONE), (1, A)], [(1, "opened", "A")]),
        ([(0, A), (1, A), (900, A)], [(0, "opened", "A")]),
        ([(0, A), (1, GONE), (2, A), (30, A)], [(0, "opened", "A")]),
        ([(0, A), (60, GONE)], [(0, "opened", "A")]),  # one failed poll, however late
        ([(0, A), (1, GONE), (10.9, GONE)], [(0, "opened", "A")]),
        ([(0, A), (1, GONE), (11, GONE), (12, GONE)], [(0, "opened", "A"), (11, "closed", "A")]),
        ([(0, A), (1, GONE), (5, A), (6, GONE), (12, GONE)], [(0, "opened", "A")]),
        ([(0, A), (1, GONE), (5, UNKNOWN), (11, GONE)], [(0, "opened", "A"), (11, "closed", "A")]),
        ([(0, A), (1, UNKNOWN), (500, UNKNOWN)], [(0, "opened", "A")]),
        ([(0, UNKNOWN), (1, UNKNOWN)], []),
        ([(0, A), (1, B)], [(0, "opened", "A"), (1, "closed", "A"), (1, "opened", "B")]),
        ([(0, A), (1, GONE), (2, B)], [(0, "opened", "A"), (2, "closed", "A"), (2, "opened", "B")]),
        ([(0, A), (1, C), (2, A), (3, A)], [(0, "opened", "A")]),  # `current` flickers
        ([(0, A), (1, C), (11, C)], [(0, "opened", "A"), (11, "closed", "A"), (11, "opened", "C")]),
        ([(0, C), (1, A)], [(0, "opened", "C"), (1, "closed", "C"), (1, "opened", "A")]),
    ],
)
def test_what_follows(looks: list, happened: list) -> None:
    assert played(*looks) == happened


def test_from_pre_start_to_start_the_reservation_changes_and_the_beamtime_goes_on() -> None:
    before, after = replace(A, resources=FIRST), replace(A, resources=SECOND)
    phase, _ = next_phase(Phase(), Seen(0, before))
    phase, (change,) = next_phase(phase, Seen(1, after))
    assert change.kind is ChangeKind.RESOURCES
    assert "pre" in change.words
    assert "11010000" in change.words
    assert phase.open == after
    _, (withdrawn,) = next_phase(phase, Seen(2, A))
    assert withdrawn.kind is ChangeKind.RESOURCES


def test_another_title_is_an_update() -> None:
    phase, _ = next_phase(Phase(), Seen(0, A))
    phase, (change,) = next_phase(phase, Seen(1, replace(A, title="new")))
    assert (change.kind, phase.open.title) == (ChangeKind.UPDATED, "new")


@patient
@given(st.lists(st.tuples(st.floats(0, 8), st.sampled_from([A, B, C, GONE, UNKNOWN])), max_size=30))
def test_openings_and_closings_alternate_and_unknown_changes_nothing(steps: list) -> None:
    phase, at, is_open = Phase(), 0.0, None
    for pause, found in steps:
        at += pause
        beamtime = found if isinstance(found, OpenBeamtime) else None
        phase, changes = next_phase(phase, Seen(at, beamtime, gone=found == GONE), 10.0)
        assert found != UNKNOWN or not changes
        for change in changes:
            if change.kind is ChangeKind.OPENED:
                assert is_open is None
                is_open = change.beamtime.id
            elif change.kind is ChangeKind.CLOSED:
                assert is_open == change.beamtime.id
                is_open = None
        assert is_open == (phase.open.id if phase.open else None)
