"""Which frames there are, and which of them to use."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from beampace.core.dataset import Dataset, DatasetKind
from beampace.core.errors import failure
from beampace.core.frames import FrameLedger, FrameState
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.eiger import Container, FileState, Link, Survey, examine

POLL_S = 0.5
LEAST_PATIENCE_S = 15.0
FRAMES_PER_FILE = 1000
"""P11 writes 1000 frames per file: that long nothing may change while a scan goes on."""

ENOUGH_OF_SPAN = 0.9

_READY = (FrameState.READABLE, FrameState.ANALYSED)
_NOT_A_ROTATION = {
    DatasetKind.GRID: ("a grid scan", "Use `beampace map` to see where the crystals are."),
    DatasetKind.SCREENING: (
        "a set of separate test shots",
        "Use `beampace strategy` to plan a rotation scan from them.",
    ),
    DatasetKind.STILLS: ("a set of stills", "Collect a rotation scan, or use a program for stills."),
}


@dataclass(frozen=True, slots=True)
class Followed:
    """The frames when the dataset was complete or stopped growing, and when the last one was seen.

    Attributes:
        ledger: settled.
        last_seen: monotonic time at which the number of readable frames last grew.
    """

    ledger: FrameLedger
    last_seen: float


def check_kind(dataset: Dataset) -> None:
    """Stop when there is nothing to integrate.

    Raises:
        ScienceError: not_a_rotation.
    """
    if dataset.kind is DatasetKind.ROTATION:
        return
    what, hint = _NOT_A_ROTATION[dataset.kind]
    frames = f"{dataset.n_announced} frame{'s' * (dataset.n_announced != 1)}"
    raise failure(
        Failure.NOT_A_ROTATION, f"It is {what} of {frames} ({dataset.kind_reason.rstrip('.')}).", hint
    )


def patience_for(dataset: Dataset) -> float:
    """Seconds without a new frame after which a dataset counts as having stopped growing."""
    per_file = min(FRAMES_PER_FILE, dataset.n_announced) * max(dataset.scan.frame_time, 0.0)
    return LEAST_PATIENCE_S + min(per_file, 600.0)


def follow(
    container: Container,
    patience_s: float,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Followed:
    """Wait until every frame is readable, or none came for `patience_s`.

    Raises:
        Cancelled: `progress.check` said so.
    """
    total = container.dataset.n_announced
    progress.stage("wait for frames", total)
    seen, last_seen = -1, clock()
    state: Survey | None = None
    while True:
        progress.check()
        state = examine(container, _known(container, state))
        usable = state.ledger(settled=False).usable
        if usable > seen:
            seen, last_seen = usable, clock()
            progress.advance(usable)
        if usable >= total or clock() - last_seen >= patience_s:
            return Followed(state.ledger(settled=True), last_seen)
        sleep(POLL_S)


def choose(dataset: Dataset, ledger: FrameLedger, asked: tuple[int, int] | None) -> tuple[int, int]:
    """First and last frame to process.

    All usable frames of one continuous sweep, also over a few lost ones; the longest run without
    loss when more than a tenth is lost.

    Raises:
        InputError: the range does not exist (bad_request), or nothing in it is usable.
    """
    first, last = asked or (1, len(ledger))
    if not 1 <= first <= last <= len(ledger):
        raise failure(
            Failure.BAD_REQUEST, f"--images {first}:{last}: the dataset has frames 1 to {len(ledger)}."
        )
    spans = [_usable_span(ledger, max(a, first), min(b, last)) for a, b in dataset.scan.sweeps()]
    usable = [span for span in spans if span is not None]
    if not usable:
        reason = ledger.failures.get(first)
        code, detail = (reason.code, reason.detail) if reason else (Failure.FRAMES_MISSING, "")
        raise failure(code, f"No frame of {first} to {last} can be read. {detail}".strip())
    return max(usable, key=lambda span: span[1] - span[0])


def _usable_span(ledger: FrameLedger, first: int, last: int) -> tuple[int, int] | None:
    runs = [(max(a, first), min(b, last)) for a, b in ledger.ranges(*_READY)]
    runs = [(a, b) for a, b in runs if a <= b]
    if not runs:
        return None
    whole = (runs[0][0], runs[-1][1])
    there = sum(b - a + 1 for a, b in runs)
    if there >= ENOUGH_OF_SPAN * (whole[1] - whole[0] + 1):
        return whole
    return max(runs, key=lambda run: run[1] - run[0])


def _known(container: Container, state: Survey | None) -> dict[Link, FileState]:
    return {} if state is None else dict(zip(container.links, state.states, strict=True))
