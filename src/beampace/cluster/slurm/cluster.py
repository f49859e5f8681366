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
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.files import claimed, read_started, withdraw
from beampace.cluster.launcher import CANCEL, EXIT, LAUNCH, PID
from beampace.cluster.slurm.gate import Gate, Outage
from beampace.cluster.slurm.held import HeldPool, HeldSettings, step_argv
from beampace.cluster.slurm.keeper import Keeper
from beampace.cluster.slurm.native import Native, native_of
from beampace.cluster.slurm.node import NodeSide, asked_for, put_launcher, write_launch
from beampace.cluster.slurm.poller import Poller
from beampace.cluster.slurm.queue import Queue
from beampace.cluster.slurm.refusals import RESERVATION
from beampace.cluster.slurm.script import OUTPUT_FILE, job_name, request_of
from beampace.cluster.slurm.settings import SlurmSettings
from beampace.cluster.slurm.states import Fate
from beampace.cluster.slurm.transport import Transport
from beampace.core.errors import BeampaceError, InfrastructureError, failure
from beampace.core.job import ClusterState
from beampace.core.ports import JobSpec
from beampace.core.taxonomy import Failure

Granted = Callable[[], OnlineResources | None]


class SlurmCluster:
    """Jobs of Slurm; see `core.ports.Cluster`.

    Args:
        directory: where the launcher is put for nodes to read; made. On a file system that nodes see.
        transport: how Slurm's programs are reached.
        resources: what the beamtime grants at this moment; None before its start and after its stop.
        node: how things are on a node.
        settings: how Slurm is used.
        held: what is kept for attempts that are to start at once; nothing by default.
        clock: monotonic seconds.
    """

    name = "slurm"

    def __init__(
        self,
        directory: Path,
        transport: Transport,
        resources: Granted,
        node: NodeSide | None = None,
        settings: SlurmSettings | None = None,
        held: HeldSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)
        self._launcher = put_launcher(directory.absolute())
        self._transport = transport
        self._resources = resources
        self._node = node or NodeSide()
        self._settings = settings or SlurmSettings()
        self._clock = clock
        self._queue = Queue(
            transport, self._settings.programs, self._settings.job_log, self._settings.answer_s
        )
        self._outage = Outage(clock)
        self._gate = Gate(clock)
        self._poller = Poller(self._queue, self._settings, clock)
        self._held = HeldPool(held or HeldSettings(), directory.absolute(), clock)
        self._keeper = Keeper(self._held, self._queue, self._gate, self._settings.sbatch)
        self._poller.steps = self._held.settings.allocations > 0
        self._closed_since: dict[str, float] = {}

    def submit(self, spec: JobSpec) -> str:
        """Give an attempt to the queue, once; see `Cluster`.

        Raises:
            InputError: its directory cannot be named to Slurm (bad_request).
            InfrastructureError: it was not taken (rejected_by_queue, disk_full, not_writable), or whether it
                was is not known (node_lost); or there is no open beamtime (beamtime_closed).
        """
        directory, granted = spec.directory.absolute(), self._granted()
        try:
            with claimed(directory), self._outage:
                known = self._known(spec, granted) if (directory / LAUNCH).exists() else None
                return str(known or self._submit(spec, directory, granted))
        except OSError as error:
            raise _not_writable(directory, error) from error

    def find(self, spec: JobSpec) -> str | None:
        """The id of an attempt that the queue has, or None when it never runs it; see `Cluster`.

        Raises:
            InfrastructureError: that is not known now.
        """
        directory = spec.directory.absolute()
        if not (directory / LAUNCH).exists() and not (directory / PID).exists():
            return None
        try:
            with claimed(directory), self._outage:
                granted = self._resources()
                known = None if granted is None else self._known(spec, granted)
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
        granted = self._resources()
        if granted is None:
            self._transport.close()  # the account and its key are forgotten
        natives = {text: native for text in directories if (native := native_of(text)) is not None}
        mine = {t: n for t, n in natives.items() if granted is not None and n.account == granted.account}
        self._closed_since = {
            text: self._closed_since.get(text, self._clock()) for text in natives if text not in mine
        }
        self._poller.follow({native.name: native.number for native in mine.values()})
        self.tend()
        self._adopt({native.name: directories[text] for text, native in mine.items()})
        return {text: self._state(text, natives.get(text), where) for text, where in directories.items()}

    def tend(self) -> None:
        """Take in answers, ask when it is time, keep what is to be held. `states` does it, too.

        Raises:
            InfrastructureError: the last question was not answered.
        """
        granted = self._resources()
        if granted is None:
            return
        self._poller.tend(granted.account, self._settings.wait_s)
        self._outage.answered()
        if self._poller.steps:
            self._keeper.tend(granted, self._poller.jobs)

    def ending(self, native_id: str) -> Fate | None:
        """Why an attempt is gone, in the queue's own words; None when it is not, or the queue cannot say."""
        if native_id in self._closed_since:
            return _closed() if self._over(native_id) else None
        native = native_of(native_id)
        fate = None if native is None else self._poller.fate(native.name)
        return fate if fate is not None and fate.state is ClusterState.GONE else None

    def waiting(self, native_id: str) -> str:
        """What an attempt waits for, in plain words; "" when that is not known."""
        native = native_of(native_id)
        return "" if native is None else self._poller.fate(native.name).words

    def cancel(self, native_id: str, directory: Path) -> None:
        """Ask for the end of an attempt; see `Cluster`.

        Raises:
            InfrastructureError: the wish could not be written down.
        """
        native = native_of(native_id)
        if native is not None:
            self._poller.wish(native.name, native.number)
        try:
            (directory / CANCEL).touch()
        except OSError as error:
            if directory.exists():
                raise _not_writable(directory, error) from error

    def give_back(self) -> None:
        """Give back what is held, as before the end of the beamtime; steps that still run end with it.

        Raises:
            InfrastructureError: the queue could not be asked.
        """
        self._keeper.give_back()

    def close(self) -> None:
        """Let go of the connection; jobs go on."""
        self._poller.close()
        self._transport.close()

    def _granted(self) -> OnlineResources:
        granted = self._resources()
        if granted is None:
            detail = "Outside a beamtime with online resources nothing is submitted."
            raise failure(Failure.BEAMTIME_CLOSED, detail)
        return granted

    def _known(self, spec: JobSpec, granted: OnlineResources) -> Native | None:
        """The latest job of an attempt; whether an earlier one runs is asked by its name."""
        name = job_name(spec)
        jobs = self._queue.jobs(granted.account, name).get(name, ())
        jobs = jobs or self._queue.history(granted.account, [name]).get(name, ())
        return Native(granted.account, jobs[-1].job, name) if jobs else None

    def _submit(self, spec: JobSpec, directory: Path, granted: OnlineResources) -> Native:
        name, started = job_name(spec), read_started(directory)
        if started is not None and started.pid != 0:
            return Native(granted.account, 0, name)
        self._gate.check(granted)
        job = self._keeper.room(spec)
        write_launch(directory, self._node.launch_of(spec), other_account=self._node.other_account)
        if started is not None:
            (directory / PID).unlink()  # only a withdrawal, which no launcher can have replaced
        try:
            number = self._ask(spec, directory, granted) if job is None else self._step(spec, directory, job)
        except BeampaceError as error:
            if error.code is not Failure.NODE_LOST:
                withdraw(directory)  # nothing was taken, and nothing of it may begin
            raise
        self._gate.taken()
        self._poller.hurry()
        return Native(granted.account, number, name)

    def _adopt(self, directories: Mapping[str, Path]) -> None:
        """Count steps that a predecessor of this process started."""
        for name, directory in directories.items():
            seen = self._poller.jobs.get(name, ())
            if seen and seen[-1].step and not (directory / EXIT).exists():
                self._held.adopt(seen[-1].job, name, partial(asked_for, directory))

    def _step(self, spec: JobSpec, directory: Path, job: int) -> int:
        """Start an attempt as a step of an allocation; it is known by its name, so its number is 0."""
        there, name = self._node.view(directory), job_name(spec)
        command = self._node.step(self._launcher, directory)
        argv = step_argv(job, name, spec.resources, there, command)
        self._queue.start_step(argv, there / OUTPUT_FILE)
        self._held.take(job, name, spec.resources)
        return 0

    def _ask(self, spec: JobSpec, directory: Path, granted: OnlineResources) -> int:
        """Submit; when the reservation is refused, with the one the metadata name by now, once."""
        try:
            return self._sbatch(spec, directory, granted)
        except InfrastructureError as error:
            if error.code is Failure.REJECTED_BY_QUEUE:
                self._gate.refused(granted, error)
            if RESERVATION.search(error.detail) is None:
                raise
            now = self._granted()
            if now == granted or now.account != granted.account:
                raise
            return self._sbatch(spec, directory, now)

    def _sbatch(self, spec: JobSpec, directory: Path, granted: OnlineResources) -> int:
        settings, there = self._settings, self._node.view(directory)
        request = request_of(spec, there, granted, settings)
        return self._queue.submit(request, self._node.script(self._launcher, directory))

    def _state(self, text: str, native: Native | None, directory: Path) -> ClusterState:
        if native is None:
            return ClusterState.UNKNOWN
        if (directory / EXIT).exists():
            self._held.free([native.name])
            return ClusterState.GONE  # its launcher writes it when nothing of its tree is left
        if text in self._closed_since:
            return ClusterState.GONE if self._over(text) else ClusterState.UNKNOWN
        state = self._poller.fate(native.name).state
        if state is ClusterState.GONE:
            self._held.free([native.name])
        return state

    def _over(self, text: str) -> bool:
        return self._clock() - self._closed_since[text] >= self._settings.closed_s


def _closed() -> Fate:
    words = "The beamtime has ended, and with it the account that could be asked."
    return Fate(ClusterState.GONE, Failure.BEAMTIME_CLOSED, words)


def _not_writable(directory: Path, error: OSError) -> InfrastructureError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return InfrastructureError(Failure.DISK_FULL if full else Failure.NOT_WRITABLE, f"{directory}: {error}.")
