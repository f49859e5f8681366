"""How commands get to where Slurm's programs are: here, or through ssh. Twin: `RecordedTransport`."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from beampace.cluster.environment import own_environment
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure

DEADLINE_S = 15.0
"""Seconds that a command has."""
MOST_BYTES = 16_000_000
"""Bytes of an answer at most."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ran.

    Attributes:
        exit: its exit code.
        stdout, stderr: what it said.
        seconds: how long it took, the way there and back included.
    """

    exit: int
    stdout: str
    stderr: str
    seconds: float = 0.0


class Transport(Protocol):
    """Runs commands where Slurm's programs are. May be used by several threads."""

    def run(self, argv: Sequence[str], stdin: bytes = b"", deadline_s: float = DEADLINE_S) -> Completed:
        """Run a command to its end.

        Raises:
            Unreachable: it certainly was not started.
            InfrastructureError: whether it was, and how it ended, is not known (node_lost); or the beamtime
                is closed and nothing is run any more (beamtime_closed).
        """
        ...

    def close(self) -> None:
        """Let go of connections. A later `run` makes a new one."""
        ...


class Unreachable(InfrastructureError):
    """A command was certainly not started, because there is no way to where it would run."""

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(Failure.NODE_LOST, f"The cluster cannot be reached: {detail}", hint)


class LocalTransport:
    """Commands of this machine, as this account.

    Args:
        environment: of the commands; this process's own by default, without variables of beampace's own,
            which may hold secrets, and without those that would change what Slurm's programs do.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(plain_environment(os.environ) if environment is None else environment)

    def run(self, argv: Sequence[str], stdin: bytes = b"", deadline_s: float = DEADLINE_S) -> Completed:
        """Run a command; see `Transport`."""
        began = time.monotonic()
        try:
            done = subprocess.run(
                list(argv),
                input=stdin,
                capture_output=True,
                timeout=deadline_s,
                check=False,
                env=self._environment,
                cwd="/",
            )
        except subprocess.TimeoutExpired as error:
            raise unanswered(argv, deadline_s) from error
        except OSError as error:
            hint = "Install Slurm's client programs, or correct PATH of the daemon."
            raise Unreachable(f"{argv[0]} cannot be started: {error}.", hint) from error
        return Completed(done.returncode, _text(done.stdout), _text(done.stderr), time.monotonic() - began)

    def close(self) -> None:
        """Nothing is held."""


def unanswered(argv: Sequence[str], deadline_s: float) -> InfrastructureError:
    """A command that did not end in time."""
    return InfrastructureError(Failure.NODE_LOST, f"{argv[0]} gave no answer within {deadline_s:.0f} s.")


def plain_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment that Slurm's programs, and through `sbatch` the jobs, may see."""
    foreign = ("SBATCH_", "SQUEUE_", "SACCT_", "SCANCEL_", "SLURM_")
    return {
        name: value
        for name, value in own_environment(variables).items()
        if name == "SLURM_CONF" or not name.startswith(foreign)
    }


def _text(data: bytes) -> str:
    return data[:MOST_BYTES].decode(errors="replace")


@dataclass(slots=True)
class RecordedTransport:
    """Commands that are only remembered; somebody else gives the answers.

    Attributes:
        answer: what is answered to a command and its input; may raise.
        asked: commands and inputs, in order.
        closed: how often it was closed.
    """

    answer: Callable[[Sequence[str], bytes], Completed]
    asked: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list)
    closed: int = 0

    def run(self, argv: Sequence[str], stdin: bytes = b"", deadline_s: float = DEADLINE_S) -> Completed:  # noqa: ARG002 (part of the protocol)
        """Remember the command, give the answer."""
        self.asked.append((tuple(argv), stdin))
        return self.answer(argv, stdin)

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed += 1
