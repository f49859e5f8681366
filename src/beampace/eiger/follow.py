"""Following a dataset that is being written.

A finished dataset is only the case in which every frame can be read at the first look.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from beampace.core.errors import BeampaceError, InputError
from beampace.core.frames import FrameLedger
from beampace.core.taxonomy import Failure
from beampace.eiger.blocks import Block, FileState
from beampace.eiger.container import Container, open_container
from beampace.eiger.links import Link
from beampace.eiger.reader import ReadOptions
from beampace.eiger.survey import Survey, examine

Clock = Callable[[], float]
Sleep = Callable[[float], None]

_MAY_PASS = frozenset(
    {Failure.NOT_A_DATASET, Failure.FILE_TRUNCATED, Failure.FRAMES_MISSING, Failure.METADATA_INCONSISTENT}
)
"""Failures a master may show while it is being written, copied or patched."""


@dataclass(frozen=True, slots=True)
class FollowSettings:
    """When to look and when to stop.

    Attributes:
        poll_s: seconds from one look to the next (at most 5 looks per second).
        quiet_s: seconds without a new frame after which the dataset has stopped growing; 0 takes
            what is there at the first look.
        appear_s: seconds a master that was never seen may take to appear and become readable.
        patch_s: seconds to wait, after a dataset that was seen to grow is complete, for P11's
            patch of the master before its last reading.
        read: how masters are read.
    """

    poll_s: float = 0.25
    quiet_s: float = 30.0
    appear_s: float = 0.0
    patch_s: float = 1.5
    read: ReadOptions | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A dataset at one moment.

    Attributes:
        container: the container as the master now has it.
        ledger: frames readable now; frames are failed only in the last snapshot.
        blocks: where the frames are, for `FrameReader`.
        growing: whether more may come; false in the last snapshot.
    """

    container: Container
    ledger: FrameLedger
    blocks: tuple[Block, ...]
    growing: bool


@dataclass(slots=True)
class _Watch:
    """What the follower remembers from look to look."""

    known: dict[Link, FileState]
    id: str = ""
    usable: int = 0
    looks: int = 0

    def patience(self, settings: FollowSettings) -> float:
        """Seconds a master may be unreadable."""
        return settings.quiet_s if self.looks else settings.appear_s

    def look(self, master: Path, settings: FollowSettings) -> tuple[Container, Survey]:
        """Read the master and look behind the links that were not whole."""
        container = open_container(master, settings.read)
        self.looks += 1
        if self.id and container.dataset.id != self.id:  # another series was begun in the same place
            self.known, self.usable = {}, 0
        self.id = container.dataset.id
        survey = examine(container, self.known)
        self.known = dict(zip(container.links, survey.states, strict=True))
        return container, survey


def follow(
    master: Path,
    settings: FollowSettings | None = None,
    *,
    clock: Clock = time.monotonic,
    sleep: Sleep = time.sleep,
) -> Iterator[Snapshot]:
    """Snapshots of a dataset each time frames became readable, and a last one when it is settled.

    The master may appear late and may be rewritten or patched in place; a file that is not yet whole
    is *not yet*. The end is reached when every announced frame is readable, or when nothing new
    came for `quiet_s`; frames still missing are then failed, with the reason.

    Raises:
        InputError: after `quiet_s` there still is no master, or it is none.
    """
    chosen, watch = settings or FollowSettings(), _Watch({})
    grown_at = clock()
    while True:
        try:
            container, survey = watch.look(master, chosen)
        except InputError as error:
            _give_up(error, clock() - grown_at, watch.patience(chosen))
            sleep(chosen.poll_s)
            continue
        ledger = survey.ledger(settled=False)
        grew = ledger.usable > watch.usable
        if grew:
            watch.usable, grown_at = ledger.usable, clock()
        if ledger.usable == len(ledger):
            if watch.looks > 1 and grew:
                yield Snapshot(container, ledger, survey.blocks, growing=True)  # before P11's patch
            yield _settled(master, container, survey, watch, chosen, sleep)
            return
        if chosen.quiet_s <= 0 or (not grew and clock() - grown_at >= chosen.quiet_s):
            yield Snapshot(container, survey.ledger(settled=True), survey.blocks, growing=False)
            return
        if grew:
            yield Snapshot(container, ledger, survey.blocks, growing=True)
        sleep(chosen.poll_s)


def _give_up(error: BeampaceError, waited: float, patience: float) -> None:
    """Pass on an error that will not pass by itself."""
    if error.code not in _MAY_PASS or waited >= patience:
        raise error


def _settled(
    master: Path,
    container: Container,
    survey: Survey,
    watch: _Watch,
    settings: FollowSettings,
    sleep: Sleep,
) -> Snapshot:
    """The last snapshot of a complete dataset, read again after P11's patch when it was seen growing."""
    if watch.looks > 1:
        sleep(settings.patch_s)
        with suppress(InputError):  # being patched at this moment: what was read before stands
            container, survey = watch.look(master, settings)
    return Snapshot(container, survey.ledger(settled=True), survey.blocks, growing=False)
