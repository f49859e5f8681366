"""Jobs that the queue has forgotten: from the accounting database, or from the job-completion log.

Not every site has either. The accounting database keeps comments only where it was told to, so jobs are
known there by their name, which is the attempt's too. Both say what a job has cost: CPUs and seconds. The
database also knows the steps of an allocation, by the name of the allocation, each with its own name; of
these only what a step had is its cost, and an allocation that idles is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from beampace.beamtime.moment import ZONE
from beampace.cluster.slurm.held import PREFIX as HELD
from beampace.cluster.slurm.squeue import Seen, count

SACCT = "sacct"
LOOK_BACK = "now-7days"
STEPS_BACK = "now-2hours"
"""The same where steps are asked for, of which an allocation may have thousands."""
LOG_LINES = 5000
_NUMBER = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,12}))?")
_LOGGED = re.compile(r"JobId=(\d+) .*?\bName=(\S*) JobState=([A-Z_]+)\b(.*)")
_TIMES = re.compile(r" StartTime=(\S+) EndTime=(\S+) ")
_CPUS = re.compile(r" ProcCnt=([0-9]+) ")


def sacct_argv(jobs: Iterable[int] = (), name: str = "", account: str = "") -> tuple[str, ...]:
    """The question: how jobs ended and what they cost, by their numbers or by their name.

    Args:
        jobs: numbers of jobs.
        name: names, with commas between; with the name of an allocation that is held also its steps of the
            last hours are told, and of all jobs only those of the last hours.
        account: whose; "" for everybody whose jobs can be seen.
    """
    which = [f"--jobs={','.join(str(job) for job in sorted(jobs))}"] if not name else [f"--name={name}"]
    whose = [f"--user={account}"] if account else []
    steps = any(one.startswith(HELD) for one in name.split(","))
    span = (f"--starttime={STEPS_BACK}",) if steps else (f"--starttime={LOOK_BACK}", "--allocations")
    fields = "--format=JobIDRaw,State,JobName,ElapsedRaw,AllocCPUS"
    return (SACCT, "--noheader", "--parsable2", "--duplicates", *span, *whose, *which, fields)


def parse_sacct(text: str) -> tuple[Seen, ...]:
    """The jobs and numbered steps of an answer, in its order; all other lines are left out."""
    return tuple(seen for seen in map(_accounted, text.split("\n")) if seen is not None)


def _accounted(line: str) -> Seen | None:
    number, _, rest = line.strip().partition("|")
    state, _, rest = rest.partition("|")
    match = _NUMBER.fullmatch(number)
    if match is None or not state:
        return None
    name, used, cpus = (*rest.rsplit("|", 2), "", "")[:3]  # a name of somebody else's may hold anything
    return Seen(int(match[1]), name, state, step=match[2] or "", cpus=count(cpus), used_s=count(used))


def log_argv(path: str) -> tuple[str, ...]:
    """The question: the end of a job-completion log (`JobCompType=jobcomp/filetxt`)."""
    return ("tail", f"--lines={LOG_LINES}", "--", path)


def parse_log(text: str) -> tuple[Seen, ...]:
    """The jobs of a job-completion log; lines that are no jobs are left out."""
    matches = (_LOGGED.match(line.strip()) for line in text.split("\n"))
    return tuple(_logged(one) for one in matches if one is not None)


def _logged(line: re.Match[str]) -> Seen:
    times, cpus = _TIMES.search(line[4]), _CPUS.search(line[4])
    used_s = None if times is None else between_s(times[1], times[2])
    return Seen(int(line[1]), line[2], line[3], cpus=None if cpus is None else count(cpus[1]), used_s=used_s)


def between_s(start: str, end: str) -> int | None:
    """Seconds between two moments of the log, which are local time where they have no zone.

    Returns:
        None when one is no moment (`Unknown`), when they are in the wrong order, or when one lies in the
        hour that comes twice at the end of summer time: which one is meant is not known then.
    """
    try:
        found = [datetime.fromisoformat(text) for text in (start, end)]
        moments = [one if one.tzinfo is not None else one.replace(tzinfo=ZoneInfo(ZONE)) for one in found]
        if any(one.utcoffset() != one.replace(fold=1).utcoffset() for one in moments):
            return None
        seconds = moments[1].timestamp() - moments[0].timestamp()
    except (ValueError, OverflowError, ZoneInfoNotFoundError):
        return None
    return round(seconds) if seconds >= 0 else None
