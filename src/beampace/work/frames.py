"""Which frames there are, and which of them to use."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from beampace.core.dataset import Dataset, DatasetKind
from beampace.core.errors import InputError, failure
from beampace.core.frames import FrameLedger, FrameState
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.eiger import Container, FollowSettings, ReadOptions, Snapshot, follow, open_container

LEAST_PATIENCE_S = 15.0
FRAMES_PER_FILE = 1000
"""P11 writes 1000 frames per file: that long nothing may change while a scan goes on."""

OLD = timedelta(days=1)
OLD_PATIENCE_S = 5.0
"""Patience with a dataset collected longer ago than that, unless its files are just being copied."""

LOOK_EVERY_S = 0.5
"""From one look at a master that is not yet whole to the next."""

ENOUGH_OF_SPAN = 0.9

_READY = (FrameState.READABLE, FrameState.ANALYSED)
_NOT_A_ROTATION = {
    DatasetKind.GRID: ("a grid scan", "Use `beampace map` to see where the crystals are."),
    DatasetKind.SCREENING: (
        "a set of separate test shots",
        "Test shots are for planning: collect a rotation scan.",
    ),
    DatasetKind.STILLS: ("a set of stills", "Collect a rotation scan, or use a program for stills."),
}


@dataclass(frozen=True, slots=True)
class Followed:
    """The frames when the dataset was complete or stopped growing, and when the last one was seen.

    Attributes:
        container: as the master has it now.
        ledger: settled.
        last_seen: monotonic time at which the last readable frame was first seen.
    """

    container: Container
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


def patience_for(dataset: Dataset, now: datetime | None = None) -> float:
    """Seconds without a new frame after which a dataset counts as having stopped growing.

    Args:
        dataset: the dataset.
        now: to be less patient with what was collected more than a day before; None for no matter when.
    """
    collected = dataset.collected
    if now is not None and collected is not None and now - _utc(collected) > OLD:
        return OLD_PATIENCE_S
    per_file = min(FRAMES_PER_FILE, dataset.n_announced) * max(dataset.scan.frame_time, 0.0)
    return LEAST_PATIENCE_S + min(per_file, 600.0)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def sizes(container: Container) -> Mapping[Path, int]:
    """Size in bytes of every data file that is there; a file that is still copied grows."""
    found = {}
    for file in {link.file for link in container.links if not link.refused}:
        with suppress(OSError):  # Not there yet.
            found[file] = file.stat().st_size
    return found


def is_growing(container: Container) -> bool:
    """Whether data files that the master names are not there yet."""
    return len(sizes(container)) < len({link.file for link in container.links if not link.refused})


def first_look(
    master: Path,
    patience_s: float | None,
    read: ReadOptions | None,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
) -> Container:
    """Open a master, and wait while it is there but not yet whole.

    Args:
        master: the master file.
        patience_s: seconds it may take to become whole; None for the least patience.
        read: how to read it.
        progress: told that it is waited for, and asked whether to stop.
        clock: seconds.

    Raises:
        InputError: there is no such file, it is no master, or it did not become whole.
        Cancelled: `progress.check` said so.
    """
    end = clock() + (LEAST_PATIENCE_S if patience_s is None else patience_s)
    waiting = False
    while True:
        try:
            return open_container(master, read)
        except InputError as error:
            if error.code is not Failure.FILE_TRUNCATED or clock() >= end:
                raise
        if not waiting:
            progress.stage("wait for the master")
        waiting = True
        _sleep(LOOK_EVERY_S, progress, clock)


def _nobody(_: Snapshot) -> None:
    return None


def wait_for(
    master: Path,
    settings: FollowSettings,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
    on_snapshot: Callable[[Snapshot], None] = _nobody,
) -> Followed:
    """Wait until every frame is readable, or none came for a while.

    Args:
        master: the master file.
        settings: when to look and when to stop.
        progress: told how many frames are readable, and asked whether to stop.
        clock: seconds.
        on_snapshot: told each time frames became readable.

    Raises:
        InputError: the master cannot be read any more.
        Cancelled: `progress.check` said so.
    """
    looked = [clock()]

    def sleep(seconds: float) -> None:
        looked[0] = clock()
        _sleep(seconds, progress, clock)

    last = None
    for last in follow(master, settings, clock=clock, sleep=sleep):
        progress.advance(last.ledger.usable)
        on_snapshot(last)
    if last is None:
        raise failure(Failure.FRAMES_MISSING, f"{master} was never readable.")
    complete = last.ledger.usable == len(last.ledger)
    # A complete dataset is read once more after P11's patch: its last frame was seen before that wait.
    seen = looked[0] if complete else looked[0] - settings.quiet_s
    return Followed(last.container, last.ledger, seen)


def settled(
    container: Container,
    master: Path,
    patience_s: float | None,
    read: ReadOptions | None,
    progress: Progress,
    on_snapshot: Callable[[Snapshot], None] = _nobody,
) -> Followed:
    """The settled frames: as patient as was asked for, else as fits the age of the dataset.

    Args:
        container: as the master was first read.
        master: the master file, absolute.
        patience_s: seconds without a new frame after which no more come, or None.
        read: how to read it.
        progress: told how many frames are readable, and asked whether to stop.
        on_snapshot: told each time frames became readable.

    Raises:
        InputError: the master cannot be read any more.
        Cancelled: `progress.check` said so.
    """

    def wait(quiet_s: float) -> Followed:
        return wait_for(master, FollowSettings(quiet_s=quiet_s, read=read), progress, on_snapshot=on_snapshot)

    if patience_s is not None:
        return wait(patience_s)
    full, short = (patience_for(container.dataset, now) for now in (None, datetime.now(UTC)))
    before = sizes(container)
    followed = wait(short)
    complete = followed.ledger.usable == len(followed.ledger)
    if complete or short == full or sizes(container) == before:
        return followed
    # Collected long ago, but its files grew while it was waited for: somebody is copying them.
    return wait(full)


def _sleep(seconds: float, progress: Progress, clock: Callable[[], float]) -> None:
    """Sleep, and let `progress` stop the work meanwhile."""
    end = clock() + seconds
    while (left := end - clock()) > 0:
        progress.check()
        time.sleep(min(left, 0.2))


def in_range(n_frames: int, asked: tuple[int, int] | None) -> tuple[int, int]:
    """The range asked for, or all frames.

    Raises:
        InputError: the range does not exist (bad_request).
    """
    first, last = asked or (1, n_frames)
    if not 1 <= first <= last <= n_frames:
        raise failure(
            Failure.BAD_REQUEST, f"--images {first}:{last}: the dataset has frames 1 to {n_frames}."
        )
    return first, last


def choose(dataset: Dataset, ledger: FrameLedger, asked: tuple[int, int] | None) -> tuple[int, int]:
    """First and last frame to process.

    All usable frames of one continuous sweep, also over a few lost ones; the longest run without
    loss when more than a tenth is lost.

    Raises:
        InputError: the range does not exist (bad_request), or nothing in it is usable.
    """
    first, last = in_range(len(ledger), asked)
    spans = [_usable_span(ledger, max(a, first), min(b, last)) for a, b in dataset.scan.sweeps()]
    usable = [span for span in spans if span is not None]
    if not usable:
        reason = ledger.failures.get(first)
        code, detail = (reason.code, reason.detail) if reason else (Failure.FRAMES_MISSING, "")
        raise failure(code, f"No frame of {first} to {last} can be read. {detail}".strip())
    return max(usable, key=lambda span: span[1] - span[0])


def whole(ledger: FrameLedger, asked: tuple[int, int] | None) -> tuple[int, int]:
    """First and last frame of a dataset that is no sweep, or what was asked for.

    Raises:
        InputError: the range does not exist (bad_request), or nothing in it is usable.
    """
    first, last = in_range(len(ledger), asked)
    usable = [number for number in ledger.numbers(*_READY) if first <= number <= last]
    if not usable:
        raise failure(Failure.FRAMES_MISSING, f"No frame of {first} to {last} can be read.")
    return usable[0], usable[-1]


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
