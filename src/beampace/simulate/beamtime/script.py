"""Writing the script: a pure function of the wishes. The same seed gives the same beamtime."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from beampace.core.dataset import DatasetKind
from beampace.simulate.beamtime.acts import Act, Deed, Fate, Play, Script
from beampace.simulate.beamtime.wishes import DETAILED, Fault, Wishes
from beampace.simulate.options import InfoFile

FOLDERS = {
    DatasetKind.GRID: "grid",
    DatasetKind.SCREENING: "screening",
    DatasetKind.ROTATION: "rotational",
    DatasetKind.STILLS: "ismo",
}
GRID = (4, 3)
SHOTS = 4
DETAILED_FRAMES = 100
LEAD_S = 1.0
"""Seconds from the start of the beamtime to the first dataset."""


class Twist(str):
    """What is unusual about a dataset besides its fate."""

    __slots__ = ()


COPIED, RENAMED, SAME_DIRECTORY, OVERWRITTEN, BLANK = map(
    Twist, ("copied", "renamed", "same directory", "overwritten", "blank")
)
_HABITS: tuple[tuple[str, int], ...] = (
    (Fate.ABORTED, 12),
    (BLANK, 8),
    (COPIED, 16),
    (RENAMED, 24),
    (SAME_DIRECTORY, 16),
    (OVERWRITTEN, 24),
)
"""One in so many datasets."""


@dataclass(slots=True)
class _Draft:
    """What is known of a dataset before it is written down."""

    number: int
    kind: DatasetKind
    detailed: bool
    twist: str = ""


def write_script(wishes: Wishes, begins: datetime) -> Script:
    """The script of a beamtime.

    Args:
        wishes: what it is like.
        begins: time stamp of its first moment (aware); masters carry it.
    """
    rng = random.Random(wishes.seed)  # noqa: S311 - a reproducible choice, not a secret
    plays: list[Play] = []
    acts: list[Act] = []
    free = LEAD_S
    for draft in _drafts(wishes, rng):
        start = LEAD_S + wishes.pace_s * (draft.number - 1)
        if draft.twist in (SAME_DIRECTORY, OVERWRITTEN):
            start = max(start, free)  # the second run into a directory comes after the first
        play = _play(draft, plays, wishes, begins + timedelta(seconds=start), rng)
        if draft.twist == OVERWRITTEN:
            plays[-1] = replace(plays[-1], fate=Fate.REPLACED)
        plays.append(play)
        acts += (done := sorted(_dataset_acts(play, start, draft.twist, wishes, rng), key=_when))
        free = done[-1].at + 0.2
    last = max((act.at for act in acts), default=LEAD_S)
    acts += _frame_of(wishes, last)
    acts += _injected(wishes, last, rng)
    return Script(tuple(plays), tuple(sorted(acts, key=_when)))


def _when(act: Act) -> float:
    return act.at


def _drafts(wishes: Wishes, rng: random.Random) -> list[_Draft]:
    kinds = itertools.cycle(wishes.kinds)
    drafts = [_Draft(number, next(kinds), detailed=False) for number in range(1, wishes.datasets + 1)]
    turning = [draft for draft in drafts if draft.kind is DatasetKind.ROTATION]
    for draft in rng.sample(turning, min(wishes.detailed, len(turning))):
        draft.detailed = True
    _twist(drafts, wishes, rng)
    return drafts


def _twist(drafts: list[_Draft], wishes: Wishes, rng: random.Random) -> None:
    """Give each unusual thing to datasets that have none yet."""
    for fault, fate in ((Fault.TRUNCATED, Fate.TRUNCATED), (Fault.LATE, Fate.LATE)):
        for draft in _free(drafts, rng)[: wishes.faults.get(fault, 0)]:
            draft.twist = fate
    if not wishes.habits:
        return
    for twist, share in _HABITS:
        for draft in _free(drafts, rng)[: max(1, wishes.datasets // share)]:
            if twist not in (SAME_DIRECTORY, OVERWRITTEN) or _may_follow(drafts, draft):
                draft.twist = twist


def _free(drafts: list[_Draft], rng: random.Random) -> list[_Draft]:
    """Datasets with nothing unusual and several data files, in any order."""
    fit = (DatasetKind.ROTATION, DatasetKind.GRID)
    free = [draft for draft in drafts if not draft.twist and draft.kind in fit and not draft.detailed]
    rng.shuffle(free)
    return free


def _may_follow(drafts: list[_Draft], draft: _Draft) -> bool:
    """Whether it can share the directory of the one before: an ordinary dataset of any kind."""
    if draft.number < 2:
        return False
    before = drafts[draft.number - 2]
    if before.twist or before.detailed:
        return False
    draft.kind = before.kind
    return True


def _play(draft: _Draft, before: list[Play], wishes: Wishes, when: datetime, rng: random.Random) -> Play:
    follows = draft.twist in (SAME_DIRECTORY, OVERWRITTEN)
    group = before[-1].group if follows else f"user{1 + (draft.number - 1) % wishes.groups}"
    crystal_control = rng.random() < 0.5 or draft.kind in (DatasetKind.GRID, DatasetKind.STILLS)
    sample = f"{'lyso' if crystal_control else 'thau'}_{draft.number:03d}"
    folder = f"{FOLDERS[draft.kind]}_{1 + draft.number % 3:03d}"
    name = f"{sample}_{folder}" if crystal_control else f"{sample}_{1 + draft.number % 3}"
    place = f"{group}/{sample}/{folder}"
    if follows:
        place = before[-1].place
        name = before[-1].name if draft.twist == OVERWRITTEN else f"{before[-1].name}_again"
    n_announced, per_file = _size(draft, wishes)
    blank = draft.twist == BLANK
    fate = Fate(draft.twist) if draft.twist in tuple(Fate) else Fate.COMPLETE
    aborted = max(1, round(n_announced * rng.uniform(0.3, 0.8)))
    return Play(
        number=draft.number,
        kind=draft.kind,
        stock=DETAILED if draft.detailed else f"{'blank ' if blank else ''}{draft.kind}",
        group=group,
        place=place,
        name=name,
        fate=fate,
        blank=blank,
        n_announced=n_announced,
        n_written=aborted if fate is Fate.ABORTED else n_announced,
        per_file=per_file,
        series=1000 + draft.number if rng.random() < 0.5 else None,
        collected=when + timedelta(microseconds=draft.number),
        info=InfoFile.BEFORE if crystal_control else InfoFile.AFTER,
    )


def _size(draft: _Draft, wishes: Wishes) -> tuple[int, int]:
    """Frames and frames per file: a grid has a file per row, test shots one file each."""
    if draft.detailed:
        return DETAILED_FRAMES, 25
    if draft.kind is DatasetKind.GRID:
        return GRID[0] * GRID[1], GRID[0]
    if draft.kind is DatasetKind.SCREENING:
        return SHOTS, 1
    return wishes.frames, min(wishes.per_file, wishes.frames)


def _dataset_acts(play: Play, start: float, twist: str, wishes: Wishes, rng: random.Random) -> Iterator[Act]:
    number = play.number
    if play.info is InfoFile.BEFORE:
        yield Act(start, Deed.INFO, number)
    armed = start + 0.1
    yield Act(armed, Deed.MASTER, number)
    early = play.info is InfoFile.BEFORE
    ends = armed + play.n_written / wishes.rate
    files = list(_file_acts(play, armed, wishes, rng))
    yield from files
    # CrystalControl patches half a second after the master shows up, MXCuBE one second after the scan.
    yield Act(armed + 0.5 if early else ends + 1.0, Deed.PATCH, number)
    last = max(act.at for act in files)
    if not early:
        yield Act(ends + 1.2, Deed.INFO, number)
    if twist == COPIED:
        yield Act(last + rng.uniform(0.1, 3), Deed.COPY_MASTER, number)
    if twist == RENAMED:
        yield Act(max(last, ends + 1.0) + rng.uniform(0.5, 5), Deed.RENAME_MASTER, number)


def _file_acts(play: Play, armed: float, wishes: Wishes, rng: random.Random) -> Iterator[Act]:
    frames = 0
    hit = rng.randint(1, len(play.file_frames))
    for order, count in enumerate(play.file_frames, start=1):
        frames += count
        at = armed + frames / wishes.rate
        if order == hit and play.fate is Fate.TRUNCATED:
            yield Act(at, Deed.CUT_FILE, play.number, order)
        elif order == hit and play.fate is Fate.LATE:
            yield Act(armed + play.n_written / wishes.rate + wishes.late_s, Deed.FILE, play.number, order)
        elif wishes.slow and rng.random() < 0.2:
            yield Act(at + rng.uniform(0.05, 0.5), Deed.HALF_FILE, play.number, order)
            yield Act(at + rng.uniform(0.6, 1.5), Deed.FILE, play.number, order)
        else:
            yield Act(at, Deed.FILE, play.number, order)


def _frame_of(wishes: Wishes, last: float) -> Iterator[Act]:
    """How the beamtime begins and ends."""
    if wishes.pre_start:
        yield Act(0.0, Deed.PRE_START)
    yield Act(LEAD_S / 2 if wishes.pre_start else 0.0, Deed.START)
    yield Act(last + wishes.linger_s, Deed.STOP)


def _injected(wishes: Wishes, last: float, rng: random.Random) -> Iterator[Act]:
    """Faults at random moments while data are taken."""
    for fault, deed in (
        (Fault.DAEMON_KILLED, Deed.KILL_DAEMON),
        (Fault.JOB_KILLED, Deed.KILL_JOB),
        (Fault.CLOCK_STEP, Deed.STEP_CLOCK),
    ):
        for _ in range(wishes.faults.get(fault, 0)):
            value = rng.choice((-300.0, 300.0, 3600.0)) if deed is Deed.STEP_CLOCK else rng.random()
            yield Act(rng.uniform(LEAD_S, last), deed, value=value)
    for _ in range(wishes.faults.get(Fault.DISK_FULL, 0)):
        begin = rng.uniform(LEAD_S, last)
        yield Act(begin, Deed.FILL_DISK)
        yield Act(begin + min(10.0, wishes.linger_s / 2), Deed.FREE_DISK)
