"""What staff, nodes and network do to a beamtime that is played on Slurm, and the proof that they did it.

Programs of jobs wait where they are told to (`Holds`), so that each fault meets jobs that run, whatever the
speed of the machine. Every fault is written down with what it met (`Strike`).
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from beampace.core.job import JobState
from beampace.core.taxonomy import Failure
from beampace.simulate.beamtime.played import Played
from beampace.store import AttemptRow, JobRow, Ledger
from tests.support.replay import ledger_of
from tests.support.slurm_holds import Alive, Holds, Note, Strike, Submits, alive
from tools.lab import faults
from tools.lab.lab import Lab
from tools.lab.processes import LabError, until

PATIENCE_S = 120.0
CANCELLED = 5
SSHD_DOWN_S = 30.0
REMEMBERED_S = 6.0
"""Seconds after which a controller that crashes has not forgotten a job that began."""
WITHOUT_S = 8.0
"""Seconds without any reservation."""


@dataclass
class Saboteur:
    """Injects the faults one after another, in a thread of its own.

    Attributes:
        lab: the cluster.
        state_dir: of the daemon, whose ledger is read.
        holds: where programs wait.
        played: faults are written down there, too.
        move_jobs: whether jobs go over to the reservation of the start; else they are cancelled.
        spared: names of datasets whose work fares badly by itself: nobody cancels it, and it has ended before
            work is lost.
        strikes: what was done.
        reached: names of faults that were injected, and `to end` as soon as the reservation may end.
        error: what went wrong, or None.
    """

    lab: Lab
    state_dir: Path
    holds: Holds
    played: Played
    move_jobs: bool
    spared: Sequence[str] = ()
    strikes: list[Strike] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)
    error: BaseException | None = None
    done: bool = False
    _thread: threading.Thread | None = None
    _over: bool = False

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="saboteur", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Do nothing more; returns when it is so."""
        self._over = True
        if self._thread is not None:
            self._thread.join(2 * SSHD_DOWN_S)

    @contextmanager
    def _ledger(self) -> Iterator[Ledger]:
        """The ledger of the daemon, as long as that is there."""
        if self._over:
            raise LabError("The play is over.")
        with ledger_of(self.state_dir) as ledger:
            yield ledger

    def check(self) -> None:
        """Raise what went wrong."""
        if self.error is not None:
            raise self.error

    def wait_for(self, event: str) -> None:
        """Wait until something has happened."""
        until(lambda: self.error is not None or event in self.reached, event, 3 * PATIENCE_S)
        self.check()

    @property
    def shared(self) -> bool:
        return self.lab.plan.shared

    def note(self, fault: str, words: str, **met: object) -> None:
        """Write a fault down."""
        at = datetime.now(UTC).isoformat()
        self.strikes.append(Strike(fault, at, words, **met))  # type: ignore[arg-type]
        self.played.injected.append((at, f"{fault}: {words}"))
        self.reached.add(fault)

    def _run(self) -> None:
        try:
            for step in (self._start, self._cancel, self._controller, self._outage, self._end):
                step()
            self.done = True
        except BaseException as error:  # noqa: BLE001 - raised by `check` in the thread of the player
            self.error = error

    def held(self, fault: str, count: int) -> list[Note]:
        """Wait until so many programs wait for a fault."""

        def enough() -> bool:
            return self._over or len(self.holds.notes(fault)) >= count

        until(enough, f"{count} jobs wait for {fault}", PATIENCE_S)
        return self.holds.notes(fault)[:count]

    def _start(self) -> None:
        """The beamtime starts: the reservation gets its own name while jobs run and wait."""
        plan, submits = self.lab.plan, Submits(self.lab)
        old, before = self.lab.reservation, submits.refused()
        self.holds.arm("start", 2 if self.shared else 3)
        running = self.held("start", 2 if self.shared else 3)
        with self.queueing(running) as queued:
            waiting = queued or self.waiting()
            faults.rename_reservation(self.lab, plan.beamtime, move_jobs=self.move_jobs)
        time.sleep(3.0)
        self.holds.strike("start")
        words = f"reservation {old} is now {plan.beamtime}, jobs {'moved' if self.move_jobs else 'cancelled'}"
        met = {"running": attempts_of(running), "waiting": waiting}
        self.note("start", words, **met, refused=submits.refused() - before)

    def waiting(self) -> tuple[str, ...]:
        """Wait until the ledger has jobs of full processing that wait."""
        until(lambda: bool(self._full_waiting()), "a job waits in the ledger", PATIENCE_S)
        return self._full_waiting()

    def _full_waiting(self) -> tuple[str, ...]:
        with self._ledger() as ledger:
            return tuple(job.key for job in ledger.waiting() if job.work == "process")

    @contextmanager
    def queueing(self, running: Sequence[Note]) -> Iterator[tuple[str, ...]]:
        """With attempts that wait in the queue, because a node is drained; not where nodes are held."""
        if not self.shared:
            yield ()
            return
        with faults.drained(self.lab, self._other_node(running)):
            until(lambda: bool(self._pending()), "an attempt waits in the queue", PATIENCE_S)
            yield self._pending()

    @contextmanager
    def asking(self, running: Sequence[Note]) -> Iterator[tuple[str, ...]]:
        """With an allocation that is asked for again and waits, where nodes are held; else see `queueing`."""
        if self.shared:
            with self.queueing(running) as queued:
                yield queued
            return
        node = self._other_node(running)
        with faults.drained(self.lab, node):
            on_it = self.lab.run(["squeue", "-h", "-w", node, "-o", "%i"]).stdout.split()
            faults.cancel_jobs(self.lab, on_it)
            until(lambda: "PENDING" in self.lab.queue().values(), "an allocation waits", PATIENCE_S)
            yield tuple(job for job, state in self.lab.queue().items() if state == "PENDING")

    def _other_node(self, running: Sequence[Note]) -> str:
        busy = {one.node for one in running}
        return next(name for name in self.lab.plan.reserved_nodes if name not in busy)

    def _pending(self) -> tuple[str, ...]:
        return tuple(one.attempt for one in alive(self.lab) if not one.running)

    def _cancel(self) -> None:
        """Jobs of ours are cancelled behind our back, as many as it takes: some are done at that moment."""
        self.holds.arm("cancel", CANCELLED)
        holders = set(attempts_of(self.held("cancel", 2)))
        victims: dict[str, str] = {}

        def enough() -> bool:
            codes = self._codes(victims)
            lost = [attempt for attempt, code in codes.items() if code == Failure.PREEMPTED]
            wanted = CANCELLED - len(lost) - sum(not code for code in codes.values())
            fresh = [
                one for one in alive(self.lab) if self._may_be_cancelled(one) and one.attempt not in victims
            ]
            fresh.sort(key=lambda one: one.attempt not in holders)
            for one in fresh[: max(0, wanted)]:
                faults.cancel_jobs(self.lab, [one.id])
                victims[one.attempt] = one.id
            if len(victims) >= CANCELLED and "cancel" not in self.reached:
                self.holds.strike("cancel")
                self.reached.add("cancel")
            time.sleep(0.3)
            return len(lost) >= CANCELLED

        until(enough, f"{CANCELLED} attempts were cancelled", PATIENCE_S)
        lost = tuple(one for one, code in self._codes(victims).items() if code == Failure.PREEMPTED)
        self.note("cancel", f"scancel {' '.join(victims.values())}", running=lost)

    def _may_be_cancelled(self, one: Alive) -> bool:
        key, _, number = one.attempt.rpartition("-")
        return number == "1" and key not in {job.key for job in self._spared()}

    def _codes(self, names: Iterable[str]) -> dict[str, str]:
        """How attempts have ended in the ledger; "" while they have not."""
        attempts = tuple(names)
        with self._ledger() as ledger:
            found = {f"{a.job}-{a.number}": a.code for a in ledger_attempts(ledger, attempts)}
        return {attempt: found.get(attempt, "") for attempt in attempts}

    def _spared(self) -> list[JobRow]:
        with self._ledger() as ledger:
            mine = {row.id for row in ledger.datasets() if row.name in self.spared}
            return [job for job in ledger.jobs() if job.dataset in mine]

    def _controller(self) -> None:
        """The controller is restarted."""
        until(self._spared_have_ended, "what fails by itself has ended", PATIENCE_S)
        self.holds.arm("outage", 1, latest=2)
        self.reached.add("to go out")
        running = self.held("outage", 1)
        self.holds.arm("node", 1, latest=2)
        running += self.held("node", 1)
        number = signal.SIGKILL if self.shared else signal.SIGTERM
        time.sleep(REMEMBERED_S if self.shared else 0.0)
        with faults.slurmctld_down(self.lab, number):
            time.sleep(3.0)
        assert all(one.lives for one in running)
        words = f"slurmctld ended by {number.name}, and started"
        self.note("controller", words, running=attempts_of(running))

    def _outage(self) -> None:
        """A node dies, and nobody can log in; what runs elsewhere goes on."""
        (safe,), (victim,) = self.holds.notes("outage"), self.holds.notes("node")
        there = tuple(one.attempt for one in alive(self.lab) if one.running and one.node == victim.node)
        faults.kill_node(self.lab, victim.node)
        assert victim.attempt in there
        assert not victim.lives
        self.holds.strike("node")
        self.note("node", f"{victim.node} killed with all that ran there", running=there)
        with faults.sshd_down(self.lab):
            time.sleep(SSHD_DOWN_S)
        assert safe.lives or safe.node == victim.node
        self.holds.strike("outage")
        self.note("sshd", f"nobody could log in for {SSHD_DOWN_S:.0f} s", running=(safe.attempt,))
        faults.wait_until_down(self.lab, victim.node)
        faults.restore_node(self.lab, victim.node)

    def _end(self) -> None:
        """The reservation ends with jobs queued and running; later there is another one."""
        until(self._calm, "what was hit before has recovered", PATIENCE_S)
        submits, old = Submits(self.lab), self.lab.reservation
        self.holds.arm("end", 2)
        self.reached.add("to end")
        running = self.held("end", 2)
        before = submits.refused()
        with self.asking(running) as waiting:
            faults.end_reservation(self.lab)
            until(lambda: not faults.reservations(self.lab), "the reservation is gone", 60.0)
        self.holds.strike("end")
        until(lambda: not any(one.lives for one in running), "what ran there is gone")
        time.sleep(WITHOUT_S)
        faults.reserve_again(self.lab, f"{self.lab.plan.beamtime}_more")
        words = f"reservation {old} ended; {WITHOUT_S:.0f} s later there was another one"
        met = {"running": attempts_of(running), "waiting": waiting}
        self.note("end", words, **met, refused=submits.refused() - before)

    def _calm(self) -> bool:
        """Whether no job that lost an attempt is under way: three losses, and it is given up."""
        if not all(self._codes(one for strike in self.strikes for one in strike.running).values()):
            return False  # the daemon has not noticed yet
        with self._ledger() as ledger:
            return not any(job.attempts > 1 and job.state is not JobState.ENDED for job in ledger.jobs())

    def _spared_have_ended(self) -> bool:
        jobs = [job for job in self._spared() if job.work == "process"]
        return len(jobs) == len(self.spared) and all(job.state is JobState.ENDED for job in jobs)


def ledger_attempts(ledger: Ledger, names: Iterable[str]) -> Iterator[AttemptRow]:
    """Attempts of the jobs that are named with them."""
    for key in {name.rpartition("-")[0] for name in names}:
        yield from ledger.attempts(key)


def attempts_of(notes: Sequence[Note]) -> tuple[str, ...]:
    """Names of attempts."""
    return tuple(one.attempt for one in notes)
