"""Jobs that the queue has forgotten: from the accounting database, or from the job-completion log.

Not every site has either. The accounting database keeps comments only where it was told to, so jobs are
known there by their name, which is the attempt's too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from beampace.cluster.slurm.squeue import Seen

SACCT = "sacct"
LOOK_BACK = "now-7days"
LOG_LINES = 5000
_LOGGED = re.compile(r"JobId=(\d+) .*?\bName=(\S*) JobState=([A-Z_]+)\b")


def sacct_argv(jobs: Iterable[int] = (), name: str = "", account: str = "") -> tuple[str, ...]:
    """The question: how jobs ended, by their numbers or by their name."""
    which = [f"--jobs={','.join(str(job) for job in sorted(jobs))}"] if not name else [f"--name={name}"]
    whose = [f"--user={account}"] if account else []
    fields = "--format=JobIDRaw,State,JobName"
    fixed = ("--noheader", "--parsable2", "--allocations", "--duplicates", f"--starttime={LOOK_BACK}")
    return (SACCT, *fixed, *whose, *which, fields)


def parse_sacct(text: str) -> tuple[Seen, ...]:
    """The jobs of an answer, in its order; lines that are no jobs are left out."""
    found = []
    for line in text.split("\n"):
        number, _, rest = line.strip().partition("|")
        state, _, name = rest.partition("|")
        if number.isascii() and number.isdigit() and state:
            found.append(Seen(int(number), name, state))
    return tuple(found)


def log_argv(path: str) -> tuple[str, ...]:
    """The question: the end of a job-completion log (`JobCompType=jobcomp/filetxt`)."""
    return ("tail", f"--lines={LOG_LINES}", "--", path)


def parse_log(text: str) -> tuple[Seen, ...]:
    """The jobs of a job-completion log; lines that are no jobs are left out."""
    matches = (_LOGGED.match(line.strip()) for line in text.split("\n"))
    return tuple(Seen(int(one[1]), one[2], one[3]) for one in matches if one is not None)
