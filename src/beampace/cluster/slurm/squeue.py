"""One question for all jobs of an account, and its answer.

The attempt's name is the job's comment and comes last, so that no text can be taken for another field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SQUEUE = "squeue"
_FORMAT = "%A|%T|%r|%L %C %M|%k"
_DIGITS = 12
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TIME = re.compile(r"(?:([0-9]{1,6})-)?(?:([0-9]{1,2}):)?([0-9]{1,2}):([0-9]{2})")
_STEP = re.compile(r"([0-9]+)\.([0-9]+)\|([A-Za-z0-9._-]{1,128})")


@dataclass(frozen=True, slots=True)
class Seen:
    """A job as one of Slurm's programs shows it.

    Attributes:
        job: its number.
        name: the attempt's opaque name, or "" where the program does not say it.
        state: Slurm's word.
        reason: why it waits, or "".
        step: number of the step, or "" for a whole job.
        left_s: seconds until its time limit, or None where the program does not say it.
        cpus: what Slurm calls CPUs that it holds or held; None where the program does not say it.
        used_s: seconds for which it has held them, or None where the program does not say it.
    """

    job: int
    name: str
    state: str
    reason: str = ""
    step: str = ""
    left_s: int | None = None
    cpus: int | None = None
    used_s: int | None = None

    @property
    def core_seconds(self) -> float | None:
        """What it has cost so far by Slurm's own figures, or None where they are not known."""
        return None if self.cpus is None or self.used_s is None else float(self.cpus * self.used_s)

    @property
    def id(self) -> str:
        """What `scancel` knows it by."""
        return f"{self.job}.{self.step}" if self.step else str(self.job)


def squeue_argv(account: str = "", name: str = "") -> tuple[str, ...]:
    """The question: every job of an account, those that ended lately too.

    Args:
        account: whose; "" for everybody whose jobs can be seen.
        name: only jobs of this name, or "".
    """
    whose = (f"--user={account}",) if account else ()
    which = (f"--name={name}",) if name else ()
    return (SQUEUE, "--noheader", "--states=all", *whose, *which, f"--format={_FORMAT}")


def parse_squeue(text: str) -> tuple[Seen, ...]:
    """The jobs of an answer that carry an attempt's name; all other lines are left out."""
    return tuple(seen for seen in map(_line, text.split("\n")) if seen is not None)


def steps_argv(account: str = "") -> tuple[str, ...]:
    """The question: every step that runs in an allocation of an account."""
    whose = (f"--user={account}",) if account else ()
    return (SQUEUE, "--noheader", "--steps", *whose, "--format=%i|%j")


def parse_steps(text: str) -> tuple[Seen, ...]:
    """The steps of an answer that carry an attempt's name; they run as long as they are listed."""
    found = (_STEP.fullmatch(line.strip()) for line in text.split("\n"))
    return tuple(Seen(int(one[1]), one[3], "RUNNING", step=one[2]) for one in found if one is not None)


def _line(line: str) -> Seen | None:
    fields = [field.strip() for field in line.split("|", 4)]
    if len(fields) != 5:
        return None
    number, state, reason, figures, name = fields
    if not (number.isascii() and number.isdigit() and _NAME.fullmatch(name)):
        return None
    left, cpus, used = (*figures.split(), "", "", "")[:3]
    why = "" if reason == "None" else reason
    return Seen(int(number), name, state, why, "", seconds(left), count(cpus), seconds(used))


def count(text: str) -> int | None:
    """The number in a text, or None when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def seconds(text: str) -> int | None:
    """Seconds in `[days-][[hours:]minutes:]seconds`; None for words such as `UNLIMITED`."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return ((24 * days + hours) * 60 + minutes) * 60 + rest


def by_name(jobs: Iterable[Seen]) -> dict[str, tuple[Seen, ...]]:
    """Attempt name -> its jobs, the latest last. More than one: an answer of `sbatch` was lost once."""
    found: dict[str, tuple[Seen, ...]] = {}
    for job in sorted(jobs, key=lambda seen: (seen.job, seen.step)):
        found[job.name] = (*found.get(job.name, ()), job)
    return found
