"""One turn of the loop: what should be (the ledger) against what is (files, cluster), one step further.

Every step is idempotent: a daemon that dies at any point takes the same steps again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from beampace.beamtime import BeamtimeWatch, OpenBeamtime
from beampace.core.sighting import Trouble
from beampace.plan import Capacity
from beampace.service.cancelling import Canceller
from beampace.service.desk import Desk
from beampace.service.following import Follower, Living
from beampace.service.groups import Groups
from beampace.service.growth import Counting, Growth
from beampace.service.intake import Intake
from beampace.service.lags import lag_infos, measured_starts
from beampace.service.life import Life
from beampace.service.metrics import Metrics
from beampace.service.publishing import Publisher
from beampace.service.space import SpaceWatch
from beampace.service.starting import Starter
from beampace.service.use import GroupUse
from beampace.watch import Watch

SLOW_S = 2.0
"""Seconds from one turn of the slow steps (cancelled jobs without an attempt, closing) to the next."""

LAGS_S = 30.0
"""Seconds from one measuring of lags to the next: it reads every attempt of the beamtime."""

WatchOf = Callable[[OpenBeamtime], Watch]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did.

    Attributes:
        seconds, watch_seconds: it took; of these, looking at the files.
        sightings, started, ended: how many masters were read, attempts started, results written down.
        troubles: what staff should know now.
    """

    seconds: float = 0.0
    watch_seconds: float = 0.0
    sightings: int = 0
    started: int = 0
    ended: int = 0
    troubles: tuple[Trouble, ...] = ()


@dataclass(slots=True)
class Reconciler:
    """The loop's body; everything it needs is handed in.

    Attributes:
        open: the beamtime that lasts, or None.
        watch: looks at its files, or None.
        last: what the last turn did.
    """

    desk: Desk
    beamtimes: BeamtimeWatch
    watch_of: WatchOf
    groups: Groups
    counting: Counting
    publisher: Publisher
    space: SpaceWatch
    capacity: Capacity
    metrics: Metrics
    open: OpenBeamtime | None = None
    watch: Watch | None = None
    last: Turn = Turn()
    intake: Intake | None = None
    life: Life = field(init=False)
    follower: Follower = field(init=False)
    starter: Starter = field(init=False)
    canceller: Canceller = field(init=False)
    growth: Growth = field(init=False)
    _slow_at: float = float("-inf")
    _known: bool = False
    _blind: bool = False
    _lags_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.life = Life(self.desk)
        use = GroupUse(self.desk.clock)
        self.follower = Follower(self.desk, use)
        self.starter = Starter(self.desk, self.capacity, use)
        self.canceller = Canceller(self.desk)
        self.growth = Growth(self.desk, self.counting)

    def turn(self) -> Turn:
        """Take every next step once."""
        began = time.monotonic()
        troubles = list(self._beamtime())
        sightings, watch_seconds, seen = self._look()
        troubles += seen
        self._take_up_once()
        living = self.desk.ledger.active()
        started = self.starter.start(living, short=self._short(troubles))
        ended = self._follow(self.desk.ledger.active())
        self._slowly(living)
        troubles += self.publisher.publish()
        self.last = Turn(time.monotonic() - began, watch_seconds, sightings, started, ended, tuple(troubles))
        return self.last

    def close(self) -> None:
        """Let go of the files that are watched."""
        if self.watch is not None:
            self.watch.close()

    def _beamtime(self) -> tuple[Trouble, ...]:
        observation = self.beamtimes.observe()
        self.life.apply(observation)
        if not self._known:
            self._leftovers(observation.open)
        before, self.open = self.open, observation.open
        if _place(before) != _place(self.open):
            self._switch(self.open)
        return observation.troubles

    def _leftovers(self, now_open: OpenBeamtime | None) -> None:
        """Beamtimes that were open when the daemon ended: one goes on, others drain."""
        self._known = True
        if now_open is not None:
            self.desk.ledger.open_beamtime(now_open.id, str(now_open.root), now_open.title)
        for row in self.desk.ledger.beamtimes():
            if row.closed is None and (now_open is None or row.id != now_open.id):
                self.life.stop(row.id)

    def _switch(self, beamtime: OpenBeamtime | None) -> None:
        self.close()
        self.watch = None if beamtime is None else self.watch_of(beamtime)
        self.intake = None if beamtime is None else Intake(self.desk, self.groups.of_sighting)

    def _look(self) -> tuple[int, float, tuple[Trouble, ...]]:
        if self.watch is None or self.intake is None or self.open is None:
            return 0, 0.0, ()
        tick = self.watch.tick()
        self._blind = tick.vanished
        for sighting in tick.sightings:
            observed = self.intake.sighted(self.open.id, sighting)
            if (
                observed.news == "changed"
            ):  # renamed, perhaps: what was begun under the old name found nothing
                self.growth.suspect(observed.dataset.id)
        for seen in tick.files:
            changed = self.intake.files(seen)
            if changed is not None:
                self.growth.suspect(changed)
        for dataset in self.growth.grown():
            self.intake.grew(dataset)
        return len(tick.sightings), tick.seconds, tick.troubles

    def _take_up_once(self) -> None:
        """Attempts written down and never given to the cluster, because the daemon ended in between."""
        self.starter.take_up(self.desk.ledger.active())

    def _follow(self, living: tuple[Living, ...]) -> int:
        results = self.follower.follow(living, self.life.closing)
        for result in results:
            self.growth.ended(result)
            self.metrics.result(result.work.value, result.result.code)
        self.metrics.poll("cluster", ok=self.follower.poll_failed_since is None)
        return len(results)

    def _short(self, troubles: list[Trouble]) -> bool:
        """Whether space for results is short; says so."""
        if self.open is None:
            return False
        state = self.space.check(self.open)
        troubles += [state.trouble] if state.trouble else []
        return state.only_results

    def _slowly(self, living: tuple[Living, ...]) -> None:
        now = self.desk.clock()
        if now - self._slow_at < SLOW_S:
            return
        self._slow_at = now
        self.canceller.carry_out(living)
        self.life.drain(living)
        self._measure()

    def _measure(self) -> None:
        """Counts for the metrics."""
        self.metrics.beamtime(is_open=self.open is not None, troubles=len(self.last.troubles))
        if self.open is None:
            return
        if self.space.space is not None:
            self.metrics.disk(self.space.info())
        self.metrics.poll("watch", ok=self.watch is None or not self._blind)
        counts = self.desk.ledger.counts(self.open.id)
        jobs = {(work_class.value, state.name.lower()): n for (work_class, state), n in counts.jobs.items()}
        self.metrics.counts(counts.datasets, jobs)
        if self.desk.clock() - self._lags_at >= LAGS_S:
            self._lags_at = self.desk.clock()
            self.metrics.lags(lag_infos(measured_starts(self.desk.ledger.lags(self.open.id))))


def _place(beamtime: OpenBeamtime | None) -> tuple[str, str] | None:
    return None if beamtime is None else (beamtime.id, str(beamtime.root))
