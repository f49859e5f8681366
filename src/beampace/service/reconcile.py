"""One turn of the loop: what should be (the ledger) against what is (files, cluster), one step further.

Every step is idempotent: a daemon that dies at any point takes the same steps again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from beampace.beamtime import BeamtimeWatch, ChangeKind, OpenBeamtime
from beampace.core.errors import BeampaceError
from beampace.core.sighting import Trouble
from beampace.plan import Capacity
from beampace.service.cancelling import Canceller
from beampace.service.capacities import capacity_of_cluster
from beampace.service.charging import Charging
from beampace.service.claims import Claims
from beampace.service.desk import Desk
from beampace.service.following import Follower
from beampace.service.groups import Groups
from beampace.service.growth import Counting, Growth
from beampace.service.intake import Intake
from beampace.service.life import Life
from beampace.service.lookout import Lookout
from beampace.service.measuring import Measuring
from beampace.service.metrics import Metrics
from beampace.service.pruning import Pruner
from beampace.service.publishing import Publisher
from beampace.service.roots import is_here
from beampace.service.space import SpaceWatch
from beampace.service.starting import Starter
from beampace.service.use import remembered_use
from beampace.watch import Watch

SLOW_S = 2.0
"""Seconds from one turn of the slow steps (cancelled jobs without an attempt, closing) to the next."""

WatchOf = Callable[[OpenBeamtime], Watch]
Troubles = tuple[Trouble, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did.

    Attributes:
        seconds, watch_seconds: it took; of these, looking at the files.
        started, ended: attempts started, results written down.
        troubles: what staff should know now.
    """

    seconds: float = 0.0
    watch_seconds: float = 0.0
    started: int = 0
    ended: int = 0
    troubles: Troubles = ()


@dataclass(slots=True)
class Reconciler:
    """The loop's body; everything it needs is handed in.

    Attributes:
        open: the beamtime that lasts, or None.
        lookout: looks at its files, or None.
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
    lookout: Lookout | None = None
    last: Turn = Turn()
    life: Life = field(init=False)
    claims: Claims = field(init=False)
    follower: Follower = field(init=False)
    starter: Starter = field(init=False)
    canceller: Canceller = field(init=False)
    growth: Growth = field(init=False)
    pruner: Pruner = field(init=False)
    charging: Charging = field(init=False)
    measuring: Measuring = field(init=False)
    _now: Turn = Turn()
    _faults: dict[str, str] = field(default_factory=dict)
    _slow_at: float = float("-inf")
    _known: bool = False
    _blind_since: float | None = None

    def __post_init__(self) -> None:
        use = remembered_use(self.desk.ledger, self.desk.clock)
        self.life = Life(self.desk)
        self.claims = Claims(self.desk)
        self.follower = Follower(self.desk, use)
        self.starter = Starter(self.desk, self.capacity, use)
        self.canceller = Canceller(self.desk)
        self.growth = Growth(self.desk, self.counting)
        self.pruner = Pruner(self.desk)
        self.charging = Charging(self.desk)
        self.measuring = Measuring(self.desk, self.metrics, self.space)

    @property
    def blind(self) -> bool:
        """Whether the raw data of the open beamtime are not there."""
        return self._blind_since is not None

    def turn(self) -> Turn:
        """Take every next step once. A step that fails is told to staff and keeps no other back."""
        began = time.monotonic()
        self._now = Turn()
        steps: tuple[Callable[[], Troubles], ...] = (
            self._beamtime,
            self._look,
            self._start,
            self._follow,
            self._slowly,
            self.publisher.publish,
        )
        troubles = tuple(trouble for step in steps for trouble in self._taken(step))
        self.last = replace(self._now, seconds=time.monotonic() - began, troubles=troubles)
        return self.last

    def close(self) -> None:
        """Let go of the files that are watched."""
        if self.lookout is not None:
            self.lookout.close()

    def _taken(self, step: Callable[[], Troubles]) -> Troubles:
        """What a step has to say. This is the boundary of a step: what fails is tried at the next turn."""
        name = step.__name__.strip("_")
        try:
            said = step()
        except BeampaceError as error:
            return (self._fault(name, error, error.words, error.next_step),)
        except Exception as error:  # noqa: BLE001 - one step that fails must not starve the others
            words = f"The daemon's step `{name}` failed: {type(error).__name__}: {error}."
            return (self._fault(name, error, words, "See the daemon's log; it goes on trying."),)
        self._faults.pop(name, None)
        return said

    def _fault(self, step: str, error: Exception, words: str, next_step: str) -> Trouble:
        """Log a fault once for as long as it is the same."""
        if self._faults.get(step) != words:
            self.desk.log.error("step.failed", step=step, why=words, exc_info=error)
        self._faults[step] = words
        return Trouble("daemon", words, next_step)

    def _beamtime(self) -> Troubles:
        observation = self.beamtimes.observe()
        self.desk.places.see(observation.open)
        self.life.apply(observation)
        if not self._known:
            self._leftovers(observation.open)
        before, self.open = self.open, observation.open
        if _place(before) != _place(self.open):
            self._switch(self.open)
        if any(change.kind is ChangeKind.CLOSED for change in observation.changes):
            self._slow_at = float("-inf")  # work whose files went with the beamtime is ended at once
            self._give_back()
        return observation.troubles

    def _give_back(self) -> None:
        """Have the cluster give back what it holds; it ends with the account, if that is gone already."""
        try:
            self.desk.cluster.release()
        except BeampaceError as error:
            self.desk.log.info("cluster.not_given_back", why=error.detail)

    def _leftovers(self, now_open: OpenBeamtime | None) -> None:
        """Beamtimes that were open when the daemon ended: one goes on, others drain."""
        if now_open is not None:
            self.life.open(now_open)
        for row in self.desk.ledger.beamtimes():
            if row.closed is None and (now_open is None or row.id != now_open.id):
                self.life.stop(row.id)
        self._known = True

    def _switch(self, beamtime: OpenBeamtime | None) -> None:
        self.close()
        self.lookout = None
        if beamtime is not None:
            intake = Intake(self.desk, self.groups.of_sighting)
            self.lookout = Lookout(beamtime.id, self.watch_of(beamtime), intake, self.growth)

    def _look(self) -> Troubles:
        if self.open is None or self.lookout is None:
            self._blind_since = None
            return ()
        here = is_here(self.open)
        troubles = self.lookout.look() if here else ()
        self._now = replace(self._now, watch_seconds=self.lookout.last.seconds if here else 0.0)
        if here and not self.lookout.last.vanished:
            self._blind_since = None
            return (*troubles, *self.groups.troubles)
        return (*troubles, *self._unseen(self.open))

    def _unseen(self, beamtime: OpenBeamtime) -> Troubles:
        """The raw data are not there: told when it lasts."""
        if self._blind_since is None:
            self._blind_since = self.desk.clock()
        if self.desk.clock() - self._blind_since < SLOW_S:
            return ()
        words = "raw/ is not there; no dataset can be seen."
        return (Trouble(str(beamtime.raw), words, "Check the mount and the configured root, or make raw/."),)

    def _start(self) -> Troubles:
        """Take up what an earlier daemon only wrote down, then start what fits."""
        ledger = self.desk.ledger
        absent = self.life.absent() | self.claims.refused() | self._elsewhere()
        self._resize()
        self.starter.take_up(one for one in ledger.active() if one[0].beamtime not in absent)
        state = None if self.open is None else self.space.check(self.open)
        if not self.space.no_room:
            only_results = state is not None and state.only_results
            started = self.starter.start(ledger.active(), short=only_results, absent=absent)
            self._now = replace(self._now, started=started)
        short = (state.trouble,) if state is not None and state.trouble is not None else ()
        told = (*self.desk.places.troubles(), *self.desk.cluster.troubles())
        return (*short, *told, *self.claims.troubles, *self.starter.troubles)

    def _elsewhere(self) -> frozenset[str]:
        """Beamtimes whose files jobs cannot see now."""
        rows = self.desk.ledger.beamtimes()
        return frozenset(row.id for row in rows if row.closed is None and not self.desk.places.sees(row.id))

    def _resize(self) -> None:
        """Plan with what the cluster has at this moment."""
        size = self.desk.cluster.size()
        if size is not None:
            self.capacity = self.starter.capacity = capacity_of_cluster(self.desk.settings.cluster, size)

    def _follow(self) -> Troubles:
        followed = self.follower.follow(self.desk.ledger.active(), self.life.closing)
        results = (*self.starter.taken, *followed)
        self.starter.taken.clear()
        for result in results:
            if is_here(self.desk.ledger.beamtime(result.beamtime)):
                self.growth.ended(result)
            self.metrics.result(result.work.value, result.result.code)
        self._now = replace(self._now, ended=len(results))
        since = self.follower.poll_failed_since
        self.metrics.poll("cluster", ok=since is None)
        if since is None or self.desk.clock() - since < SLOW_S:
            return self.follower.troubles
        words = f"The cluster does not answer; no job was changed. {self.follower.poll_failed_why}".strip()
        return (Trouble("cluster", words, "Work goes on by itself when it answers again."),)

    def _slowly(self) -> Troubles:
        now = self.desk.clock()
        if now - self._slow_at < SLOW_S:
            return ()
        self._slow_at = now
        living = self.desk.ledger.active()
        self.canceller.carry_out(living)
        self.life.drain(living)
        self.pruner.prune()
        self.charging.charge()
        self.measuring.measure(self.open, len(self.last.troubles), blind=self.blind)
        return ()


def _place(beamtime: OpenBeamtime | None) -> tuple[str, str, str] | None:
    return None if beamtime is None else (beamtime.id, str(beamtime.root), beamtime.root_id)
