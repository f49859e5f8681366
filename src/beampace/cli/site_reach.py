"""What is needed to ask a cluster something for `beampace check --site`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from beampace.beamtime.resources import OnlineResources
from beampace.cli.site_row import Question, Row
from beampace.cluster.slurm.settings import SlurmSettings
from beampace.cluster.slurm.transport import DEADLINE_S, Completed, Transport
from beampace.core.errors import BeampaceError, Cancelled


@dataclass(frozen=True, slots=True)
class Reach:
    """The way to a cluster, and what jobs there are told.

    Attributes:
        transport: how commands get there.
        granted: what the beamtime grants.
        slurm: how Slurm is used.
        node: the beamtime's directory as nodes see it, or None when it is not known.
        core: the same on the core file system.
        python: interpreter there, for the launcher.
        program: command there that is the interpreter with beampace, in its container if there is one.
        setup: lines of bash before each job, from the configuration only.
        stop: raises `Cancelled` once somebody asked to stop.
    """

    transport: Transport
    granted: OnlineResources
    slurm: SlurmSettings
    node: PurePosixPath | None = None
    core: PurePosixPath | None = None
    python: str = "python3"
    program: tuple[str, ...] = ("python3",)
    setup: tuple[str, ...] = ()
    stop: Callable[[], None] = lambda: None

    def run(self, argv: Sequence[str], stdin: bytes = b"", deadline_s: float = DEADLINE_S) -> Completed:
        """Run a command there; see `Transport`."""
        self.stop()
        return self.transport.run(argv, stdin, deadline_s)

    def run_as_job(self, argv: Sequence[str], deadline_s: float) -> Completed:
        """Run a command after the lines that go before each job, which see none of its arguments."""
        text = "\n".join(('beampace=("$@")', "set --", *self.setup, 'exec "${beampace[@]}"'))
        return self.run(("/bin/bash", "-c", text, "bash", *argv), deadline_s=deadline_s)

    def slurms(self, program: str) -> str:
        """One of Slurm's programs as it is called there."""
        return program if self.slurm.programs is None else str(self.slurm.programs / program)


Probe = tuple[Question, Callable[[], Row]]
"""A question, and how it is answered."""


Answer = Callable[[Iterable[Probe]], tuple[Row, ...]]
"""Makes rows of questions."""


def answered(probes: Iterable[Probe]) -> tuple[Row, ...]:
    """The rows; an answer that fails keeps no other from being asked for.

    Raises:
        Cancelled: somebody asked to stop.
    """
    return tuple(_answer(question, probe) for question, probe in probes)


def _answer(question: Question, probe: Callable[[], Row]) -> Row:
    try:
        return probe()
    except Cancelled:
        raise
    except BeampaceError as error:
        return question.unknown(error.detail, "the cluster")
    except OSError as error:
        words = f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")
        return question.unknown(words, "this machine")


def silent(why: str) -> Answer:
    """Rows of a cluster that does not answer: every question is there, and nothing is asked."""
    return lambda probes: tuple(question.unknown(why, "") for question, _ in probes)


def unasked(why: str) -> Answer:
    """Rows of a cluster that nobody asks."""
    return lambda probes: tuple(question.open(why) for question, _ in probes)


def in_words(seconds: float) -> str:
    """A duration in words, in the two largest units that it has."""
    left = round(abs(seconds))
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        parts += [f"{count} {unit}"] if count else []
    return " ".join(parts[:2]) or "less than 1 s"
