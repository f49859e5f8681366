"""Slurm behind the cluster protocol.

Everything that matters is in the attempt's directory and in the queue itself. An attempt is known to Slurm by
an opaque name, as job name and comment; its directory lets exactly one launcher of any number go on. So what
can go wrong between two steps ends well:

1. Killed before `launch.json` is written: nothing was submitted. `find` says None without asking.
2. Killed after it, or the answer of `sbatch` lost: `find` asks the queue, then the accounting or the log, for
   the name. When none knows it, the attempt is *withdrawn*, so that a job that comes late ends at once, and
   None is said; `submit` may submit anew. When both come, one runs; the attempt is gone when both are.
3. The queue forgets a job (it does, minutes after its end): accounting or log say how it ended; where there
   is neither, it is UNKNOWN for a while and GONE when the queue answers twice without it.
4. No answer at all: the poll fails, and nothing follows from it.
5. A job that would never start (its reservation was deleted) is cancelled here; why is remembered.
6. After the stop of the beamtime the account is no more: nothing is asked, and what is left is said to be
   gone after a while. Nothing is submitted then, or before the start.

Questions are asked by a thread of its own, so that a dead connection holds up nobody; `states` gives the last
answer, and UNKNOWN when that is old.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from os.path import lexists
from pathlib import Path

from beampace.cluster.files import claimed, mark, withdraw
from beampace.cluster.launcher import CANCEL, EXIT, LAUNCH, PID
from beampace.cluster.slurm.gate import Gate, NoRoom, Outage
from beampace.cluster.slurm.giver import Giver
from beampace.cluster.slurm.grants import Grants
from beampace.cluster.slurm.held import HeldPool
from beampace.cluster.slurm.homes import read_home, step_fate
from beampace.cluster.slurm.keeper import Keeper
from beampace.cluster.slurm.layouts import Layouts
from beampace.cluster.slurm.native import Native, native_of
from beampace.cluster.slurm.node import NodeSide, asked_for
from beampace.cluster.slurm.poller import Poller
from beampace.cluster.slurm.pulse import Pulses
from beampace.cluster.slurm.queue import CommandQueue, Queue
from beampace.cluster.slurm.script import job_name
from beampace.cluster.slurm.settings import SlurmSettings
from beampace.cluster.slurm.states import Fate, fate_of
from beampace.core.errors import BeampaceError, InfrastructureError
from beampace.core.job import ClusterState, Ending, Resources
from beampace.core.ports import ClusterSize, JobSpec
from beampace.core.sighting import Trouble
from beampace.core.taxonomy import Failure


class SlurmCluster:
    """Jobs of Slurm; see `core.ports.Cluster`.

    Args:
        place: the daemon's own directory; only its name is used, to know what is held for it.
        queue: Slurm as the account sees it. What is held needs one that knows steps.
        grants: what the beamtime grants.
        layouts: how the site is used.
        node: how things are on a node.
        settings: paces and limits.
        clock: monotonic seconds.
    """

    name = "slurm"

    def __init__(
        self,
        place: Path,
        queue: Queue,
        grants: Grants,
        layouts: Layouts,
        node: NodeSide | None = None,
        settings: SlurmSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._grants = grants
        self._layouts = layouts
        self._settings = settings or SlurmSettings()
        self._clock = clock
        self._outage = Outage(clock)
        self._gate = Gate(clock)
        self._held = HeldPool(place.absolute(), clock=clock)
        steps = queue if isinstance(queue, CommandQueue) else None
        self._keeper = None if steps is None else Keeper(self._held, steps, self._gate, self._settings.sbatch)
        self._poller = Poller(queue, self._settings, clock, steps)
        self._giver = Giver(
            queue,
            grants.open,
            node or NodeSide(),
            self._settings,
            self._gate,
            self._keeper,
            self._poller.hurry,
        )
        self._pulses = Pulses()
        self._released = False
        self._closed_since: dict[str, float] = {}

    def fitting(self, wish: Resources, least: int, *, urgent: bool) -> int:
        """Cores with which an attempt would be taken now; see `Cluster`."""
        granted = self._grants.open()
        layout = None if granted is None else self._layouts.look(granted)
        if granted is None or layout is None or layout.over or self._outage.lasts:
            return 0
        own = wish.cores if self._gate.is_open(granted) else 0
        if self._keeper is None or not (urgent or layout.held.everything):
            return own
        held = self._held.fitting(wish, least)
        return held if held or layout.held.everything else own

    def size(self) -> ClusterSize | None:
        """What there is for attempts of the open beamtime; see `Cluster`."""
        granted = self._grants.open()
        layout = None if granted is None else self._layouts.look(granted)
        return None if layout is None else layout.size

    def submit(self, spec: JobSpec) -> str:
        """Give an attempt to the queue, once; see `Cluster`.

        Raises:
            InputError: its directory cannot be named to Slurm (bad_request).
            InfrastructureError: it was not taken (rejected_by_queue, disk_full, not_writable), or whether it
                was is not known (node_lost); or there is no open beamtime (beamtime_closed).
        """
        directory, granted = spec.directory.absolute(), self._giver.granted()
        layout = self._layouts.look(granted)
        try:
            with claimed(directory), self._outage:
                known = self._giver.known(spec, granted) if lexists(directory / LAUNCH) else None
                if known is not None:
                    return str(known)
                if layout is None:  # a job of its own could take a whole node
                    raise NoRoom(Failure.NODE_LOST, "Slurm has not said yet how the site is used.")
                self._held.settings = layout.held
                return str(self._giver.give(spec, directory, granted, layout.most_time_s))
        except OSError as error:
            raise _not_writable(directory, error) from error

    def find(self, spec: JobSpec) -> str | None:
        """The id of an attempt that the queue has, or None when it never runs it; see `Cluster`.

        Raises:
            InfrastructureError: that is not known now.
        """
        directory = spec.directory.absolute()
        if not lexists(directory / LAUNCH) and not lexists(directory / PID):
            return None
        try:
            with claimed(directory), self._outage:
                granted = self._grants.lasting()
                known = None if granted is None else self._giver.known(spec, granted)
                if known is None and not withdraw(directory):
                    account = "" if granted is None else granted.account
                    known = Native(account, 0, job_name(spec))  # a launcher began; the queue has forgotten it
        except OSError as error:
            raise _not_writable(directory, error) from error
        return None if known is None else str(known)

    def states(self, directories: Mapping[str, Path]) -> Mapping[str, ClusterState]:
        """States of attempts, from at most one question for all of them; see `Cluster`.

        Raises:
            InfrastructureError: the last question was not answered; nothing follows from it.
        """
        granted, lasting = self._grants.open(), self._grants.lasting()
        if lasting is None:
            self._queue.close()  # the account and its key are forgotten
        natives = {text: native for text in directories if (native := native_of(text)) is not None}
        over = {t: n for t, n in natives.items() if granted is None or n.account != granted.account}
        self._closed_since = {text: self._closed_since.get(text, self._clock()) for text in over}
        mine = {t: n for t, n in natives.items() if lasting is not None and n.account == lasting.account}
        self._poller.follow({native.name: native.number for native in mine.values()})
        self._held.keep(native.name for native in mine.values())
        self._listen({native: directories[text] for text, native in mine.items()})
        self._tend()
        self._adopt({native.name: directories[text] for text, native in mine.items()})
        return {text: self._state(text, natives.get(text), where) for text, where in directories.items()}

    def ending(self, native_id: str) -> Ending | None:
        """Why an attempt is gone, in the queue's own words; None when it is not, or the queue cannot say."""
        native = native_of(native_id)
        fate = None if native is None else self._fate(native.name)
        if fate is not None and fate.state is ClusterState.GONE:
            return Ending(fate.code, fate.words)
        return _CLOSED if native_id in self._closed_since and self._over(native_id) else None

    def charges(self, native_ids: Iterable[str]) -> Mapping[str, float]:
        """Core-seconds by Slurm's own accounts; see `Cluster`."""
        known = self._poller.charges.of(native_ids)
        lasting = self._grants.lasting()
        if lasting is not None:
            with suppress(BeampaceError):  # whether attempts can be followed is told elsewhere
                self._poller.tend(lasting.account, 0.0)
        return known

    def waiting(self, native_id: str) -> str:
        """What an attempt waits for, in plain words; "" when that is not known."""
        native = native_of(native_id)
        return "" if native is None else self._poller.fate(native.name).words

    def troubles(self) -> tuple[Trouble, ...]:
        """What keeps attempts from being taken; see `Cluster`."""
        granted = self._grants.open()
        if granted is None:
            return ()
        refused, unknown = self._gate.why(granted), self._layouts.error
        held = () if self._keeper is None else self._held.troubles()
        errors = [error for error in (refused, unknown) if error is not None]
        return (*(Trouble("slurm", _words(error), error.next_step) for error in errors), *held)

    def cancel(self, native_id: str, directory: Path) -> None:
        """Ask for the end of an attempt; see `Cluster`.

        Raises:
            InfrastructureError: the wish could not be written down.
        """
        native = native_of(native_id)
        if native is not None:
            self._poller.wish(native.name, native.number)
        try:
            mark(directory / CANCEL)
        except OSError as error:
            if directory.exists():
                raise _not_writable(directory, error) from error

    def release(self) -> None:
        """Give back what is held, as before the end of the beamtime; steps that still run end with it.

        Raises:
            InfrastructureError: the queue could not be asked.
        """
        self._released = True
        if self._keeper is not None and self._grants.lasting() is not None:
            self._keeper.give_back()

    def close(self) -> None:
        """Let go of the connection; jobs go on."""
        self._poller.close()
        self._layouts.close()
        self._queue.close()

    def _tend(self) -> None:
        """Take in answers, ask when it is time, keep what is to be held.

        Raises:
            InfrastructureError: the last question was not answered.
        """
        granted, lasting = self._grants.open(), self._grants.lasting()
        if lasting is None:
            return
        self._released = self._released and granted is None
        layout = None if granted is None else self._layouts.look(granted)
        # A predecessor may have held something as long as it is not known that nothing is held.
        self._poller.stepping = layout is None or layout.held.allocations > 0
        try:
            self._poller.tend(lasting.account, self._settings.wait_s)
        except BeampaceError:
            if granted is None:
                return  # after the stop nobody need answer any more
            raise
        self._outage.answered()
        if self._keeper is None or not self._poller.answered:
            return  # what a predecessor holds is not known yet
        if granted is None and self._released:
            self._held.look(self._poller.jobs)
            with suppress(InfrastructureError):
                self._keeper.give_back()  # as often as it takes
        elif granted is not None and layout is not None:
            self._keeper.tend(granted, layout, self._poller.jobs)

    def _listen(self, directories: Mapping[Native, Path]) -> None:
        """Hear whether what the queue does not name any more has begun, and goes on; and where steps are."""
        for native, where in directories.items():
            home = None if native.number or self._held.home(native.name) else read_home(where)
            if home is not None:
                self._held.at_home(native.name, home)
        missing = self._poller.missing()
        begun = {n: where for n, where in directories.items() if n.name in missing and lexists(where / PID)}
        alive = self._pulses.beats({native.name: where for native, where in begun.items()})
        self._poller.hear((native.name for native in begun if not native.number), alive)

    def _adopt(self, directories: Mapping[str, Path]) -> None:
        """Count steps that a predecessor of this process started."""
        for name, directory in directories.items():
            seen = self._poller.jobs.get(name, ())
            if seen and seen[-1].step and not lexists(directory / EXIT):
                self._held.adopt(seen[-1].job, name, partial(asked_for, directory))

    def _state(self, text: str, native: Native | None, directory: Path) -> ClusterState:
        if native is None:
            return ClusterState.UNKNOWN
        if lexists(directory / EXIT):
            self._held.free([native.name])
            return ClusterState.GONE  # its launcher writes it when nothing of its tree is left
        state = self._fate(native.name).state
        if state is ClusterState.GONE:
            self._held.free([native.name])
            return state if _withdrawn(directory) else ClusterState.UNKNOWN
        if text in self._closed_since:
            return ClusterState.GONE if self._over(text) and _ended(directory) else ClusterState.UNKNOWN
        return state

    def _fate(self, name: str) -> Fate:
        """How an attempt fares; a step as its allocation, once that has ended."""
        fate = self._poller.fate(name)
        home = self._held.home(name)
        jobs = {one.partition(".")[0] for one in self._poller.ids(name) if "." in one}
        jobs |= {str(home)} if home else set()
        held = {str(seen.job): fate_of(seen.state) for seen in self._poller.jobs.get(self._held.name, ())}
        return step_fate(fate, [held.get(job) for job in sorted(jobs)])

    def _over(self, text: str) -> bool:
        return self._clock() - self._closed_since[text] >= self._settings.closed_s


_CLOSED = Ending(
    Failure.BEAMTIME_CLOSED, "The beamtime has ended, and with it the account that could be asked."
)


def _words(error: BeampaceError) -> str:
    """What is wrong; of a question without answer not that work was lost."""
    return error.detail if error.code is Failure.NODE_LOST else error.words


def _withdrawn(directory: Path) -> bool:
    """See that nothing of an attempt that is gone begins any more; False when that is not known now."""
    try:
        withdraw(directory)
    except FileNotFoundError:
        return True  # nothing was ever given, or all of it is away
    except OSError:
        return False
    return True


def _ended(directory: Path) -> bool:
    """See that nothing begins any more of an attempt nobody can ask about, and that what began ends.

    Its launcher reads the wish, if it still lives: the account may come back with the metadata.
    """
    try:
        mark(directory / CANCEL)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return _withdrawn(directory)


def _not_writable(directory: Path, error: OSError) -> InfrastructureError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return InfrastructureError(Failure.DISK_FULL if full else Failure.NOT_WRITABLE, f"{directory}: {error}.")
