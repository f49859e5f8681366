"""The replay of a beamtime on the laboratory's Slurm, with everything that can go wrong there.

Programs of jobs wait for the faults (`slurm_saboteur`); the player waits for them, too, so that data come in
before, during and after each of them. The last datasets come when all others are done: with their work under
way the beamtime ends.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from beampace.core.dataset import DatasetKind
from beampace.simulate.beamtime.acts import Act, Deed, Fate, Play, Script
from beampace.simulate.beamtime.daemon import Daemon
from beampace.simulate.beamtime.mischief import Mischief
from beampace.simulate.beamtime.played import Played
from beampace.simulate.beamtime.player import Player
from beampace.simulate.beamtime.script import write_script
from beampace.simulate.beamtime.stage import Stage, stage_of
from beampace.simulate.beamtime.wishes import Wishes
from tests.support.replay import Replay, Settled, ledger_of
from tests.support.slurm_faulty import FaultySite
from tests.support.slurm_holds import Submits
from tests.support.slurm_saboteur import Saboteur
from tools.lab import faults
from tools.lab.processes import until

R, G, T, S = DatasetKind.ROTATION, DatasetKind.GRID, DatasetKind.SCREENING, DatasetKind.STILLS
KINDS = (
    *(S, R, R, G, R, T, R, R, G),  # before the start
    *(S, S, R, R, R, R, R, T, R, G, R, R),  # before and after jobs are cancelled
    *(R, R, G, T),  # before the controller is restarted
    *(S, G),  # while nobody can log in
    *(R, R, R, S, R, G, T, R),  # around the end of the reservation
    *(R, R, R, R, R),  # when the beamtime ends
)
WISHES = Wishes(datasets=len(KINDS), kinds=KINDS, pace_s=1.0, frames=10, rate=50, linger_s=0.5, seed=60)
GATES = {10: "start", 22: "to go out", 26: "node", 28: "to end"}
"""Number of a dataset -> what must have happened before it comes."""
FIRST_TASK, TASKS = 10, 10
"""Among these datasets are those whose work fares badly by itself."""
LAST = 5
"""Datasets whose work is under way when the beamtime ends."""
KILLS = (6, 14, 26, 30)
"""Datasets soon after which the daemon is killed."""


def with_kills(script: Script) -> Script:
    """The script with the daemon being killed now and then."""
    begins = {act.play: act.at for act in script.acts if act.deed is Deed.MASTER}
    kills = (Act(begins[number] + 0.4, Deed.KILL_DAEMON, value=0.5) for number in KILLS)
    return replace(script, acts=tuple(sorted((*script.acts, *kills), key=lambda act: act.at)))


def tasks_of(script: Script) -> dict[str, str]:
    """How the work of some ordinary datasets fares; the same for every script of the same wishes."""
    renamed = {act.play for act in script.acts if act.deed in (Deed.COPY_MASTER, Deed.RENAME_MASTER)}
    places = Counter(play.place for play in script.plays)
    plain = [
        play
        for play in script.plays
        if play.fate is Fate.COMPLETE and play.number not in renamed and places[play.place] == 1
    ]
    middle = [play for play in plain if FIRST_TASK <= play.number < FIRST_TASK + TASKS]
    scans = [play.name for play in middle if play.kind is DatasetKind.ROTATION]
    stills = [play.name for play in middle if play.kind is DatasetKind.STILLS]
    last = [play.name for play in plain if play.number > WISHES.datasets - LAST]
    assert len(last) == LAST, "another seed is needed"
    own = {stills[0]: "late", stills[1]: "late once", scans[0]: "hog", scans[1]: "greedy"}
    return own | dict.fromkeys(last, "last")


@dataclass
class Clock:
    """Seconds of the play; they do not pass while somebody waits for a fault."""

    lost_s: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() - self.lost_s

    def stopped(self, wait: Callable[[], None]) -> None:
        """Wait without the play getting late."""
        began = time.monotonic()
        wait()
        self.lost_s += time.monotonic() - began


@dataclass
class FaultyStage(Stage):
    """Carries out a script whose beamtime begins and ends as the laboratory's."""

    site: FaultySite = field(kw_only=True)
    saboteur: Saboteur = field(kw_only=True)
    clock: Clock = field(kw_only=True)
    last: tuple[Act, ...] = field(kw_only=True)
    submits_at_stop: int = 0

    def carry_out(self, act: Act) -> None:
        if act.deed is Deed.STOP:
            self._stop()
            return
        if act.deed is Deed.MASTER and (event := GATES.get(act.play)):
            self.clock.stopped(lambda: self.saboteur.wait_for(event))
        super().carry_out(act)
        if act.deed is Deed.PRE_START:
            self.saboteur.start()

    def _stop(self) -> None:
        """End the beamtime with work of the last datasets running and waiting."""
        self.site.holds.arm("stop", LAST)
        begin = time.monotonic() - self.last[0].at
        for act in self.last:
            time.sleep(max(0.0, act.at - (time.monotonic() - begin)))
            super().carry_out(act)
        running = self.saboteur.held("stop", 2)
        with self.saboteur.queueing(running) as queued:
            waiting = queued or self.saboteur.waiting()
            self.played.stopped = datetime.now(UTC).isoformat()
            self._end_beamtime()
            until(self._closed, "the beamtime is closed", 60.0)
        self.submits_at_stop = Submits(self.site.lab).all()
        met = {"running": tuple(one.attempt for one in running), "waiting": waiting}
        self.saboteur.note("stop", "the beamtime ended", **met)

    def _end_beamtime(self) -> None:
        lab = self.site.lab
        if not lab.plan.shared:
            faults.stop_beamtime(lab)
            return
        reservation = lab.reservation  # staff take their time: the daemon itself has the chance to clear up
        self.beamtime.metadata.unlink()
        lab.place.current.unlink()
        until(lambda: not lab.queue(), "the daemon gave back all it had", 60.0)
        faults.end_account(lab, reservation)

    def _closed(self) -> bool:
        with ledger_of(self.site.state_dir) as ledger:
            return all(row.closed is not None for row in ledger.beamtimes())


@dataclass
class FaultyReplay(Replay):
    """Plays it."""

    site: FaultySite
    after_stop_s: float = 4.0
    stage: FaultyStage | None = None
    parent: int = 0

    def play(self) -> Played:
        try:
            return super().play()
        finally:
            if self.stage is not None:
                self.stage.saboteur.stop()

    def script(self) -> Script:
        return with_kills(super().script())

    def player(self, script: Script, mischief: Mischief, daemon: Daemon) -> Player:
        lab = self.site.lab
        faults.rename_reservation(lab, f"{lab.plan.beamtime}_pre", move_jobs=False)
        plain = stage_of(script, self.site.beamtime, self.stocks, self.wishes.rate, self.wishes.seed)
        numbers = {play.number for play in script.plays if self.site.tasks.get(play.name) == "last"}
        now, later = split(script, numbers)
        saboteur = Saboteur(
            lab,
            self.site.state_dir,
            self.site.holds,
            plain.played,
            move_jobs=not lab.plan.shared,
            spared=[name for name, task in self.site.tasks.items() if task != "last"],
        )
        clock = Clock()
        values = {name: getattr(plain, name) for name in ("beamtime", "stocks", "frame_time_s", "played")}
        self.stage = FaultyStage(
            replace(script, acts=now), **values, site=self.site, saboteur=saboteur, clock=clock, last=later
        )
        settled = Settled(self.site.state_dir, without(script, numbers))
        return Player(
            self.stage,
            mischief,
            daemon,
            clock=clock,
            check=lambda: self._check(saboteur),
            settled=lambda: saboteur.done and settled(),
            settle_s=self.settle_s,
            after_stop_s=self.after_stop_s,
        )

    def _check(self, saboteur: Saboteur) -> None:
        """Go on only while whoever wants to know lives, and the faults can be injected."""
        assert self.parent in (0, os.getppid()), "whoever started this is gone"
        saboteur.check()


def split(script: Script, numbers: set[int]) -> tuple[tuple[Act, ...], tuple[Act, ...]]:
    """The acts but those of some datasets and the start, and the acts of these datasets."""
    later = tuple(act for act in script.acts if act.play in numbers)
    now = tuple(act for act in script.acts if act.play not in numbers and act.deed is not Deed.START)
    return now, later


def without(script: Script, numbers: set[int]) -> Script:
    """The script without some of its datasets."""
    kept: tuple[Play, ...] = tuple(play for play in script.plays if play.number not in numbers)
    return replace(script, plays=kept)


def faulty_tasks(wishes: Wishes) -> dict[str, str]:
    """See `tasks_of`."""
    return tasks_of(write_script(wishes, datetime.now(UTC)))
