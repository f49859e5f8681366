"""One question for all jobs of an account, and its answer.

The attempt's name is the job's comment and comes last, so that no text can be taken for another field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SQUEUE = "squeue"
_FORMAT = "%A|%T|%r|%k"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class Seen:
    """A job as one of Slurm's programs shows it.

    Attributes:
        job: its number.
        name: the attempt's opaque name, or "" where the program does not say it.
        state: Slurm's word.
        reason: why it waits, or "".
    """

    job: int
    name: str
    state: str
    reason: str = ""


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


def _line(line: str) -> Seen | None:
    number, state, reason, name = ("", "", "", "")
    fields = line.strip().split("|", 3)
    if len(fields) == 4:
        number, state, reason, name = (field.strip() for field in fields)
    if not (number.isascii() and number.isdigit() and _NAME.fullmatch(name)):
        return None
    return Seen(int(number), name, state, "" if reason == "None" else reason)


def by_name(jobs: Iterable[Seen]) -> dict[str, tuple[Seen, ...]]:
    """Attempt name -> its jobs, the latest last. More than one: an answer of `sbatch` was lost once."""
    found: dict[str, tuple[Seen, ...]] = {}
    for job in sorted(jobs, key=lambda seen: seen.job):
        found[job.name] = (*found.get(job.name, ()), job)
    return found
