"""The questions to Slurm: `Queue` is what is asked, `CommandQueue` asks it by Slurm's programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from beampace.cluster.slurm.refusals import last_words, refusal
from beampace.cluster.slurm.sacct import log_argv, parse_log, parse_sacct, sacct_argv
from beampace.cluster.slurm.script import Request, job_number, sbatch_argv
from beampace.cluster.slurm.squeue import Seen, by_name, parse_squeue, parse_steps, squeue_argv, steps_argv
from beampace.cluster.slurm.transport import Completed, Transport
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure

_DETACHED = 'log=$1; shift; exec setsid --fork "$@" </dev/null >>"$log" 2>&1'
"""Fixed text; everything else comes to it as arguments. It ends at once, what it starts goes on."""


Jobs = Mapping[str, tuple[Seen, ...]]
"""Attempt -> its jobs and steps."""


class Queue(Protocol):
    """Slurm as one account sees it. May be used by several threads."""

    def submit(self, request: Request, script: bytes) -> int:
        """Give a job to the queue; returns its number.

        Raises:
            InfrastructureError: it was not taken (rejected_by_queue, disk_full), or this is not known.
        """
        ...

    def jobs(self, account: str, name: str = "") -> Jobs:
        """All jobs of an account by attempt; only those of one attempt, when it is named.

        Raises:
            InfrastructureError: the queue did not answer; nothing follows from it.
        """
        ...

    def history(self, account: str, names: Iterable[str]) -> Jobs:
        """Jobs that ended, by attempt, as far as accounting or log know them.

        Raises:
            InfrastructureError: neither answered.
        """
        ...

    def cancel(self, numbers: Iterable[str]) -> None:
        """Ask for the end of jobs and steps. What is answered is not believed; a later look shows it.

        Raises:
            InfrastructureError: it could not be asked.
        """
        ...

    def close(self) -> None:
        """Let go of connections. The next question makes a new one."""
        ...


@dataclass(slots=True)
class CommandQueue:
    """The queue by Slurm's programs: it also knows allocations that are held, and steps in them.

    Attributes:
        transport: how its programs are reached.
        programs: directory that holds them there, or None: they are on PATH.
        log: job-completion log there, or "".
        answer_s: seconds that a question has.
        accounting: whether `sacct` is asked; switched off when it says that there is no accounting.
    """

    transport: Transport
    programs: PurePosixPath | None = None
    log: str = ""
    answer_s: float = 8.0
    accounting: bool = True

    def submit(self, request: Request, script: bytes) -> int:
        """Give a job to the queue; see `Queue`."""
        return self.sbatch(sbatch_argv(request), script)

    def sbatch(self, argv: Sequence[str], script: bytes) -> int:
        """Give a job to the queue; see `submit`."""
        done = self._run(argv, script)
        number = job_number(done.stdout) if done.exit == 0 else None
        if number is None:
            raise refusal(done)
        return number

    def jobs(self, account: str, name: str = "") -> Jobs:
        """All jobs of an account by attempt; see `Queue`."""
        done = self._run(squeue_argv(account, name))
        if done.exit != 0:
            raise _mute("squeue", done)
        return by_name(parse_squeue(done.stdout))

    def history(self, account: str, names: Iterable[str]) -> Jobs:
        """Jobs that ended, by attempt, from `sacct` or else from the log; see `Queue`."""
        wanted = sorted(names)
        found = self._accounted(account, ",".join(wanted)) if self.accounting else ()
        if not found and self.log:
            done = self._run(log_argv(self.log))
            found = parse_log(done.stdout) if done.exit == 0 else ()
        return {name: jobs for name, jobs in by_name(found).items() if name in wanted}

    def steps(self, account: str) -> Jobs:
        """Steps that run in allocations of an account, by attempt.

        Raises:
            InfrastructureError: the queue did not answer; nothing follows from it.
        """
        done = self._run(steps_argv(account))
        if done.exit != 0:
            raise _mute("squeue", done)
        return by_name(parse_steps(done.stdout))

    def start_step(self, argv: Sequence[str], log: PurePosixPath) -> None:
        """Start a step that goes on by itself; what `srun` has to say goes to a file.

        Raises:
            InfrastructureError: it could not be started (rejected_by_queue), or this is not known.
        """
        first = argv[0] if self.programs is None else str(self.programs / argv[0])
        words = ("/bin/sh", "-c", _DETACHED, "sh", str(log), first, *argv[1:])
        done = self.transport.run(words, b"", self.answer_s)
        if done.exit != 0:
            raise refusal(done)

    def cancel(self, numbers: Iterable[str]) -> None:
        """Ask for the end of jobs and steps; see `Queue`. `scancel` exits with 0 for what it never knew."""
        self._run(("scancel", "--quiet", *sorted(numbers)))

    def end(self, steps: Iterable[str]) -> None:
        """Tell steps to end by themselves (SIGTERM); see `cancel`."""
        self._run(("scancel", "--quiet", "--signal=TERM", *sorted(steps)))

    def close(self) -> None:
        """Let go of the connection."""
        self.transport.close()

    def _accounted(self, account: str, names: str) -> tuple[Seen, ...]:
        done = self._run(sacct_argv(name=names, account=account))
        if done.exit == 0:
            return parse_sacct(done.stdout)
        if "accounting storage is disabled" in done.stderr or done.exit == 127:
            self.accounting = False
            return ()
        raise _mute("sacct", done)

    def _run(self, argv: Sequence[str], stdin: bytes = b"") -> Completed:
        first = argv[0] if self.programs is None or argv[0] == "tail" else str(self.programs / argv[0])
        return self.transport.run((first, *argv[1:]), stdin, self.answer_s)


def _mute(program: str, done: Completed) -> InfrastructureError:
    return InfrastructureError(Failure.NODE_LOST, f"{program} gave no answer: {last_words(done)}")
