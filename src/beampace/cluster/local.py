"""Processes of this machine behind the cluster protocol.

Nothing that matters is kept in memory: an attempt is known by its directory, so that a daemon that is
started again finds what its predecessor started. What can go wrong between two steps, and what happens then:

1. Killed before `launch.json` is written: no launcher exists. `find` says None.
2. Killed after it, before the launcher is started: there is no `pid.json` and never will be. `find` makes
   sure of it by *withdrawing* the attempt (`launch.json` linked as `pid.json`) and says None; `submit` may
   then start it anew.
3. Killed after the launcher is started and before it wrote `pid.json`: as 2; a launcher that comes late finds
   its `pid.json` taken and ends without starting anything. When `submit` has meanwhile started another
   launcher, the exclusive link lets exactly one of them go on: one execution, whichever it is.
4. The launcher dies before `pid.json`, or a full disk keeps it from writing: QUEUED for `start_s` seconds of
   this observer's clock (at once, when it was our own child), then withdrawn and GONE.
5. The launcher dies after `pid.json`: its program dies with it (PDEATHSIG); what else is marked as the
   attempt's, was written down as its tree, or descends from either is killed, and GONE is said only when two
   looks in a row find nothing.
6. `pid.json` of another boot: GONE. Of another process that has the pid by now: told by its start time, as 5.
7. `pid.json` that cannot be read (the machine lost power): no process is known; the marks decide, as 5.
8. Launcher alive: RUNNING, also when the program has ended and its exit record waits for a full disk. A
   launcher that does not obey `cancel` in time is killed, then as 5.
9. Files or the process table that cannot be read for the moment (no free descriptors, an I/O error): UNKNOWN,
   or a failed poll; nothing follows from it, and the next look decides.

The directories must lie on a disk of this machine.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from beampace.cluster import launcher
from beampace.cluster.environment import own_environment
from beampace.cluster.files import claimed, mark, read_started, read_tree, withdraw
from beampace.cluster.launcher import CANCEL, EXIT, LAUNCH, PID, Launch, Process
from beampace.cluster.plain import PlainCluster
from beampace.cluster.warm import Standby, StandbyProcess
from beampace.core.errors import InfrastructureError, failure
from beampace.core.job import ClusterState
from beampace.core.ports import JobSpec
from beampace.core.taxonomy import Failure

LOG = "launcher.txt"
"""What a launcher says when it cannot do its work."""
_PREFIX = "local:"


class LocalCluster(PlainCluster):
    """Processes of this machine.

    Args:
        directory: where the cluster keeps what it has to say; made.
        standby: what is kept loaded for warm starts, or None.
        environment: of the jobs; this process's own by default, without variables of beampace's own, which
            may hold secrets.
        nice: added to the nice level of jobs that are not urgent.
        grace_s: seconds a cancelled program has between SIGTERM and SIGKILL.
        start_s: seconds a launcher has to come up.
        insist_s: seconds a cancelled launcher has to end, after which it is killed.
    """

    name = "local"

    def __init__(
        self,
        directory: Path,
        *,
        standby: Standby | None = None,
        environment: Mapping[str, str] | None = None,
        nice: int = 5,
        grace_s: float = 10.0,
        start_s: float = 30.0,
        insist_s: float = 30.0,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._environment = dict(own_environment(os.environ) if environment is None else environment)
        self._standby: StandbyProcess | None = None
        if standby is not None:
            self._standby = StandbyProcess(standby, self._environment, directory / "standby.txt")
            self._standby.tend()
        self._nice = nice
        self._grace_s = grace_s
        self._start_s = start_s
        self._insist_s = insist_s
        self._children: dict[int, Path] = {}
        self._ended: set[Path] = set()
        self._since: dict[tuple[str, str], float] = {}

    def submit(self, spec: JobSpec) -> str:
        """Start an attempt, once; see `Cluster`.

        Raises:
            InfrastructureError: it could not be started; nothing of it runs.
        """
        directory = spec.directory.absolute()
        try:
            with claimed(directory):
                started = read_started(directory)
                if started is not None and started.pid == 0:
                    (directory / PID).unlink()  # only a withdrawal, which no launcher can have replaced
                if started is None or started.pid == 0:
                    self._begin(spec, directory)
        except OSError as error:
            raise _refused(directory, error) from error
        return _PREFIX + spec.name

    def find(self, spec: JobSpec) -> str | None:
        """The id of an attempt that began; None when it never did, and then it will not; see `Cluster`.

        Raises:
            InfrastructureError: it could not be made sure that it never begins.
        """
        directory = spec.directory.absolute()
        if not (directory / LAUNCH).exists() and not (directory / PID).exists():
            return None
        try:
            with claimed(directory):
                self._wait_for_own(directory)
                began = not withdraw(directory)
        except OSError as error:
            raise _refused(directory, error) from error
        return _PREFIX + spec.name if began else None

    def states(self, directories: Mapping[str, Path]) -> Mapping[str, ClusterState]:
        """States of attempts; see `Cluster`. What a dead launcher left running is killed.

        Raises:
            InfrastructureError: the process table cannot be read.
        """
        self._collect()
        if self._standby is not None:
            self._standby.tend()
        self._since = {key: since for key, since in self._since.items() if key[1] in directories}
        self._ended &= {directory.absolute() for directory in directories.values()}
        try:
            boot = launcher.boot_id()
        except OSError as error:
            detail = f"The process table of this machine cannot be read: {error}."
            raise failure(Failure.NODE_LOST, detail) from error
        return {
            native_id: self._state_or_unknown(native_id, directory.absolute(), boot)
            for native_id, directory in directories.items()
        }

    def cancel(self, native_id: str, directory: Path) -> None:  # noqa: ARG002 (the directory says all)
        """Ask for the end of a tree; see `Cluster`.

        Raises:
            InfrastructureError: the wish could be neither written down nor told to the launcher.
        """
        directory = directory.absolute()
        process = _launcher_of(directory)
        if process is not None:
            launcher.send(process, signal.SIGTERM)
        try:
            mark(directory / CANCEL)
        except OSError as error:
            if process is None and directory.exists():
                raise _refused(directory, error) from error

    def close(self) -> None:
        """Let go of the standby process; running attempts go on."""
        if self._standby is not None:
            self._standby.close()
        self._collect()

    @property
    def standby(self) -> str:
        """State of the standby process: `off`, `loading`, `ready`, or `refused: <why>`."""
        return "off" if self._standby is None else self._standby.state

    def _begin(self, spec: JobSpec, directory: Path) -> None:
        """Start a launcher.

        Raises:
            OSError: it could not be started, and no earlier one begins any more.
        """
        try:
            launcher.write_whole(directory / LAUNCH, self._launch_of(spec)._asdict())
            if self._standby is None or not self._standby.ask(directory, spec.argv):
                self._start_cold(directory)
        except OSError:
            with suppress(FileNotFoundError):  # without launch.json none can begin
                if not withdraw(directory):
                    return
            raise

    def _launch_of(self, spec: JobSpec) -> Launch:
        return Launch(
            name=spec.name,
            argv=list(spec.argv),
            environment=dict(spec.environment),
            time_s=spec.resources.time_s,
            memory_mb=spec.resources.memory_mb,
            cores=spec.resources.cores,
            nice=0 if spec.urgent else self._nice,
            grace_s=self._grace_s,
        )

    def _start_cold(self, directory: Path) -> None:
        argv = [sys.executable, "-I", "-S", str(Path(launcher.__file__)), str(directory / LAUNCH)]
        log = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(directory / LOG), log, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        plain = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD]
        pid = os.posix_spawn(
            argv[0],
            argv,
            self._environment,
            file_actions=files,
            setsid=True,
            setsigmask=[],
            setsigdef=plain,
        )
        self._children[pid] = directory
        self._ended.discard(directory)

    def _collect(self) -> None:
        """Collect launchers of ours that ended, so that none stays as a zombie."""
        for pid in list(self._children):
            try:
                ended = os.waitpid(pid, os.WNOHANG)[0]
            except ChildProcessError:
                ended = pid
            if ended and pid in self._children:
                self._ended.add(self._children.pop(pid))

    def _wait_for_own(self, directory: Path) -> None:
        """Give a launcher of our own the time to write its `pid.json`."""
        deadline = time.monotonic() + self._start_s
        while self._own(directory) and not (directory / PID).exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def _own(self, directory: Path) -> bool:
        self._collect()
        return directory in self._children.values()

    def _state_or_unknown(self, native_id: str, directory: Path, boot: str) -> ClusterState:
        """The state; UNKNOWN while files or processes cannot be read: that says nothing of other attempts."""
        try:
            return self._state(native_id, directory, boot)
        except OSError as error:
            _log().warning("attempt_unknown", extra={"directory": str(directory), "error": str(error)})
            return ClusterState.UNKNOWN

    def _state(self, native_id: str, directory: Path, boot: str) -> ClusterState:
        started = read_started(directory)
        if started is None:
            return self._not_begun(native_id, directory)
        if started.pid == 0 or (started.pid > 0 and started.boot != boot):
            return ClusterState.GONE
        process = _launcher_of(directory)
        if process is not None:
            self._insist(native_id, directory, process)
            return ClusterState.RUNNING
        if (directory / EXIT).exists() and started.pid > 0:
            return ClusterState.GONE
        return _kill_left(native_id.removeprefix(_PREFIX), directory)

    def _not_begun(self, native_id: str, directory: Path) -> ClusterState:
        """State of an attempt without `pid.json`: it is awaited for a while, then withdrawn."""
        waited = time.monotonic() - self._since.setdefault(("begin", native_id), time.monotonic())
        if (directory / LAUNCH).exists() and waited < self._start_s and directory not in self._ended:
            return ClusterState.QUEUED
        try:
            return ClusterState.GONE if withdraw(directory) else ClusterState.RUNNING
        except FileNotFoundError:  # without launch.json no launcher can begin
            return _kill_left(native_id.removeprefix(_PREFIX), directory)

    def _insist(self, native_id: str, directory: Path, process: Process) -> None:
        """Kill a launcher that does not obey."""
        if not (directory / CANCEL).exists():
            return
        now = time.monotonic()
        if now - self._since.setdefault(("cancel", native_id), now) > self._insist_s:
            launcher.send(process, signal.SIGKILL)


def _launcher_of(directory: Path) -> Process | None:
    """The launcher that `pid.json` names, if it is the same process and still runs."""
    started = read_started(directory)
    if started is None or started.pid <= 0 or started.boot != launcher.boot_id():
        return None
    process = launcher.read_process(started.pid)
    return process if process is not None and process.start == started.start else None


def _kill_left(name: str, directory: Path) -> ClusterState:
    """Kill what a dead launcher left; GONE when two looks in a row find nothing."""
    for _ in range(2):
        left = _left(name, directory)
        for process in left.values():
            launcher.send(process, signal.SIGKILL)
        if left:
            return ClusterState.RUNNING
    return ClusterState.GONE


def _left(name: str, directory: Path) -> dict[int, Process]:
    processes = launcher.all_processes()
    known = read_tree(directory)
    roots = {pid for pid, process in processes.items() if (pid, process.start) in known}
    return launcher.tree(roots | launcher.marked(name, directory, processes).keys(), processes)


def _refused(directory: Path, error: OSError) -> InfrastructureError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    busy = error.errno in (errno.EAGAIN, errno.ENOMEM)
    code = Failure.DISK_FULL if full else Failure.REJECTED_BY_QUEUE if busy else Failure.NOT_WRITABLE
    return InfrastructureError(code, f"{directory}: {error}.")


def _log() -> logging.Logger:
    return logging.getLogger(__name__)
