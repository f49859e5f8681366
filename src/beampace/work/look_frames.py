"""The look at all frames of a dataset, while it is written or afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beampace.analysis import Analyser, FrameAnalysis, Setup, hot_sample
from beampace.core.dataset import Dataset, DatasetKind
from beampace.core.errors import InputError, failure
from beampace.core.frames import FrameFailure, FrameLedger, FrameState
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.eiger import (
    Block,
    Container,
    FollowSettings,
    FrameReader,
    ReadOptions,
    Snapshot,
    open_container,
)
from beampace.work.follower import Follower
from beampace.work.look_hot import find_hot
from beampace.work.look_pool import LookPool, Outcome, Task
from beampace.work.progress import tell_opened

POLL_S = 0.2
"""The design's limit: five looks per second at an active directory."""
TICK_S = 0.02
UPDATE_S = 0.1
"""Least time from one update of the output to the next, unless all frames at hand are done."""
PATCH_S = 1.5
"""P11 patches the master up to so long after the last frame."""


@dataclass(frozen=True, slots=True)
class LookPlan:
    """What to look at and how.

    Attributes:
        container: the dataset as its master was first read.
        cores: threads.
        images: first and last frame, from 1, both included; None for all.
        quiet_s: seconds without a new frame after which the dataset has stopped growing.
        appear_s: seconds the master may take to appear.
        keep_spots: keep the spots of rotation scans, to join them into reflections.
        reread: whether the master is read again after P11's patch when the dataset was seen to grow.
        read: how the master is read.
    """

    container: Container
    cores: int
    images: tuple[int, int] | None = None
    quiet_s: float = 30.0
    appear_s: float = 0.0
    keep_spots: bool = True
    reread: Callable[[Container], bool] = lambda container: True  # noqa: ARG005
    read: ReadOptions | None = None

    @property
    def master(self) -> Path:
        """The master file."""
        return self.container.master

    def follow_settings(self) -> FollowSettings:
        """How the dataset is followed: the last frames are not held back for P11's patch."""
        return FollowSettings(POLL_S, self.quiet_s, self.appear_s, 0.0, self.read)


@dataclass(slots=True)
class Looked:
    """What is known of the frames at one moment.

    Attributes:
        container: as the master was read last.
        setup: what the frames share, hot pixels left out once they are known.
        first, last: frames asked for.
        analyses: by frame number.
        failures: frames that cannot be looked at, and why; a provisional one is tried again at the end.
        growing: whether frames may still come.
        remarks: what was put right, as sentences.
        began: monotonic time of the first frame given to the threads.
        last_seen: monotonic time at which the last frame was first seen to be readable.
        seen_growing: whether frames came after the first look.
        settled: whether the analyses that are there will stay as they are.
        series: how many series were given up because another one began in the same place.
    """

    container: Container
    setup: Setup
    first: int
    last: int
    analyses: dict[int, FrameAnalysis] = field(default_factory=dict)
    failures: dict[int, FrameFailure] = field(default_factory=dict)
    growing: bool = True
    remarks: list[str] = field(default_factory=list)
    began: float = 0.0
    last_seen: float = 0.0
    seen_growing: bool = False
    settled: bool = False
    series: int = 0

    @property
    def n_frames(self) -> int:
        """Frames asked for."""
        return self.last - self.first + 1

    @property
    def n_done(self) -> int:
        """Frames with an answer or a reason why there is none."""
        return len(self.analyses) + len(self.failures)

    def ordered(self) -> list[FrameAnalysis]:
        """The analyses in the order of the frames."""
        return [self.analyses[number] for number in sorted(self.analyses)]

    def ledger(self) -> FrameLedger:
        """The frame ledger of the whole dataset."""
        ledger = FrameLedger.announced(self.container.dataset.n_announced)
        return ledger.mark(self.analyses, FrameState.ANALYSED).fail(self.failures)


Update = Callable[[Looked], None]


def look_at_frames(plan: LookPlan, progress: Progress, update: Update) -> Looked:
    """Look at every frame of a dataset, following it until it is complete or has stopped growing.

    Args:
        plan: what to look at.
        progress: told how far it is, asked whether to stop.
        update: called with what is known, soon after frames were done and at the end.

    Raises:
        InputError: the master cannot be read, or the frames asked for do not exist.
        Cancelled: `progress.check` said so; no thread is left.
    """
    with (
        Follower(plan.master, plan.follow_settings()) as follower,
        LookPool(plan.cores) as pool,
        ThreadPoolExecutor(1) as aside,
    ):
        ready = _ready(plan.container)
        snapshot, seen = _first(follower, progress)
        state = _begin(plan, snapshot, ready)
        progress.stage("look", state.n_frames)
        run = _Run(plan, state, pool, aside, snapshot, partial(tell_opened, progress))
        run.take(snapshot, seen)
        while run.busy:
            progress.check()
            newer = follower.latest()
            if newer is not None:
                state.seen_growing = True
                n_frames = state.n_frames
                run.take(*newer)
                if state.n_frames != n_frames:
                    progress.stage("look", state.n_frames)
            run.step()
            progress.advance(state.n_done)
            run.show(update)
    _read_again(plan, state, progress)
    state.growing, state.settled = False, True
    update(state)
    return state


def _first(follower: Follower, progress: Progress) -> tuple[Snapshot, float]:
    while (found := follower.latest(TICK_S)) is None:
        progress.check()
    return found


@dataclass(frozen=True, slots=True)
class _Ready:
    """What can be made before the first frame comes: the setup, and the kernels loaded."""

    container: Container
    setup: Setup

    def fits(self, container: Container) -> bool:
        """Whether the master still is of the same series and says the same of detector and beam."""
        before, now = self.container.dataset, container.dataset
        same = (before.detector, before.beam) == (now.detector, now.beam)
        return same and not another_series(before, now)


def _ready(container: Container) -> _Ready:
    """Prepare, so that the first frame waits for nothing.

    Raises:
        InputError: the pixel mask is of another size, or leaves nothing.
    """
    dataset = container.dataset
    setup = Setup.make(dataset.detector, dataset.beam, container.mask())
    blank = np.zeros(setup.shape, f"u{max(2, dataset.detector.bit_depth // 8)}")
    Analyser(setup).analyse(blank, 0)
    return _Ready(container, setup)


def _begin(plan: LookPlan, snapshot: Snapshot, ready: _Ready) -> Looked:
    container = snapshot.container
    first, last = _range(plan, container)
    if not ready.fits(container):
        ready = _ready(container)
    return Looked(container, ready.setup, first, last, began=time.monotonic())


def _range(plan: LookPlan, container: Container) -> tuple[int, int]:
    """First and last frame to look at.

    Raises:
        InputError: bad_request: the frames asked for do not exist.
    """
    n_frames = container.dataset.n_announced
    first, last = plan.images or (1, n_frames)
    if not 1 <= first <= last <= n_frames:
        raise failure(
            Failure.BAD_REQUEST, f"--images {first}:{last}: the dataset has frames 1 to {n_frames}."
        )
    return first, last


def another_series(before: Dataset, now: Dataset) -> bool:
    """Whether a master is of another series than before; what is not known yet is none."""
    return bool(before.id) and bool(now.id) and before.id != now.id


class _TellingReader(FrameReader):
    """A reader that tells of each frame it has read."""

    def __init__(self, container: Container, blocks: tuple[Block, ...], opened: Callable[[], None]) -> None:
        super().__init__(container, blocks)
        self._opened = opened

    def read(self, number: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """As `FrameReader.read`."""
        frame = super().read(number, out)
        self._opened()
        return frame


@dataclass(slots=True)
class _Run:
    """The frames on their way: which were given to the threads, which came back."""

    plan: LookPlan
    state: Looked
    pool: LookPool
    aside: ThreadPoolExecutor
    snapshot: Snapshot
    opened: Callable[[], None]
    submitted: set[int] = field(default_factory=set)
    waiting: int = 0
    hot: Future[Setup] | None = None
    hold: bool = False
    shown: float = float("-inf")
    show_cost: float = 0.0
    news: bool = False

    @property
    def busy(self) -> bool:
        """Whether anything is still to come."""
        return self.state.growing or not self._drained or bool(self._unlucky)

    @property
    def _drained(self) -> bool:
        """Whether the threads have done all they were given."""
        return self.waiting == 0 and self.hot is None and not self.hold

    @property
    def _unlucky(self) -> list[int]:
        """Frames that were there but failed, and were not tried again yet: a disk may err once."""
        return [] if self.retried else sorted(self.submitted & self.state.failures.keys())

    def take(self, snapshot: Snapshot, seen: float) -> None:
        """Give the frames that became readable to the threads."""
        state, ledger = self.state, snapshot.ledger
        if another_series(state.container.dataset, snapshot.container.dataset):
            self._begin_anew(snapshot)
        self.snapshot, state.container, state.growing = snapshot, snapshot.container, snapshot.growing
        new = [n for n in self._wanted(ledger.numbers(FrameState.READABLE)) if n not in self.submitted]
        if new:
            state.last_seen = seen
        if not snapshot.growing:
            self._lost(ledger)
        self._search_hot(ledger)
        self.submitted.update(new)
        if not self.hold:
            self._submit(new)

    def _begin_anew(self, snapshot: Snapshot) -> None:
        """Forget the frames of the series before; the new setup makes tasks in flight fall out of date."""
        state, container = self.state, snapshot.container
        state.first, state.last = _range(self.plan, container)
        state.setup = _ready(container).setup
        state.analyses.clear()
        state.failures.clear()
        self.submitted.clear()
        self.outdated.clear()
        self.hot, self.hold, self.hot_done, self.retried = None, False, False, False
        state.series += 1
        state.began, state.settled, self.news = time.monotonic(), False, True
        state.remarks.append(
            f"Another series began in the same place ({container.dataset.id} after "
            f"{state.container.dataset.id}): only its frames are shown."
        )

    def step(self) -> None:
        """Take what the threads have done; look again where hot pixels were found meanwhile."""
        for outcome in self.pool.collect(TICK_S):
            self.waiting -= 1
            if outcome.task.setup is self.state.setup:
                self._keep(outcome)
        if self.hot is not None and self.hot.done():
            setup, self.hot = self.hot.result(), None
            changed, self.state.setup = setup is not self.state.setup, setup
            if self.hold:
                self.hold = False
                self._submit(sorted(self.submitted))
            elif changed:
                self.outdated = set(self.state.analyses)
                self._submit(sorted(self.submitted - self.state.failures.keys()))
        if not self.state.growing and self._drained and self._unlucky:
            again, self.retried = self._unlucky, True
            self._submit(again)

    def show(self, update: Update) -> None:
        """Update the output when there is something new and it is time."""
        now = time.monotonic()
        due = now - self.shown >= max(UPDATE_S, 4 * self.show_cost)
        if self.news and (due or not self.waiting):
            self.state.settled = self.hot_done and self.hot is None and not self.outdated
            update(self.state)
            self.shown, self.news = time.monotonic(), False
            self.show_cost = self.shown - now

    def _keep(self, outcome: Outcome) -> None:
        state, number = self.state, outcome.task.number
        self.news = True
        self.outdated.discard(number)
        if outcome.analysis is not None:
            state.analyses[number] = outcome.analysis
            state.failures.pop(number, None)
        elif outcome.failure is not None:
            state.failures[number] = outcome.failure
            state.analyses.pop(number, None)

    def _lost(self, ledger: FrameLedger) -> None:
        """Frames that never came have failed."""
        lost = set(self._wanted(ledger.failures)) - self.submitted
        self.state.failures.update({n: reason for n, reason in ledger.failures.items() if n in lost})
        self.news = self.news or bool(lost)

    def _wanted(self, numbers: Iterable[int]) -> list[int]:
        return [number for number in numbers if self.state.first <= number <= self.state.last]

    def _submit(self, numbers: Iterable[int]) -> None:
        reader = _TellingReader(self.snapshot.container, self.snapshot.blocks, self.opened)
        rotation = self.state.container.dataset.kind is DatasetKind.ROTATION
        for number in numbers:
            keep = self.plan.keep_spots and (rotation or self.snapshot.growing)
            again = number in self.state.analyses
            self.pool.submit(Task(number, reader, self.state.setup, keep, again))
            self.waiting += 1

    def _search_hot(self, ledger: FrameLedger) -> None:
        """Begin the search once the sample is complete; frames wait for it when none was looked at yet."""
        if self.hot is not None or self.state.setup.hot.size or self.hot_done:
            return
        sample = hot_sample(len(ledger))
        readable = [n for n in sample if ledger.state(n) is FrameState.READABLE]
        if len(readable) < len(sample) and self.state.growing:
            return
        self.hot_done = True
        reader = _TellingReader(self.snapshot.container, self.snapshot.blocks, self.opened)
        width = self.snapshot.container.dataset.scan.width
        self.hold = not self.submitted
        self.hot = self.aside.submit(find_hot, self.state.setup, reader, readable, width, self.plan.cores)

    hot_done: bool = False
    retried: bool = False
    outdated: set[int] = field(default_factory=set)


def _read_again(plan: LookPlan, state: Looked, progress: Progress) -> None:
    """Read the master once more after P11's patch, which may say only then what the frames are."""
    if not state.seen_growing or not plan.reread(state.container):
        return
    while time.monotonic() < state.last_seen + PATCH_S:
        progress.check()
        time.sleep(TICK_S)
    with suppress(InputError):  # being patched at this moment: what was read before stands
        again = open_container(plan.master, plan.read)
        if another_series(state.container.dataset, again.dataset):
            state.remarks.append("Another series began in the same place: its frames are not shown.")
            return
        if (again.dataset.detector, again.dataset.beam) != (
            state.container.dataset.detector,
            state.container.dataset.beam,
        ):
            state.remarks.append("The geometry in the master changed after the frames were looked at.")
        state.container = again
