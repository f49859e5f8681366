"""What slurmrestd answers, whichever version it speaks. No I/O.

From version to version a number became an object, a word a list, and an exit code more than a number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from beampace.cluster.slurm.rest_settings import KNOWN
from beampace.cluster.slurm.squeue import Seen
from beampace.cluster.slurm.states import STATES

_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PING = re.compile(r"/slurm/v0\.0\.([0-9]{1,3})/ping/?")
_UNSET = 0xFFFFFFFE
"""Slurm's 32-bit numbers from here on mean: not set, or without bound."""
_FLAGS = (
    "COMPLETING",
    "STAGE_OUT",
    "CONFIGURING",
    "RESIZING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "SPECIAL_EXIT",
    "STOPPED",
    "REVOKED",
    "RESV_DEL_HOLD",
    "SIGNALING",
)
"""Which of several words `squeue` shows: the first of these that is there, else the base state."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry of `errors`.

    Attributes:
        code: Slurm's number of it, or 0.
        text: Slurm's words, or "".
    """

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read.

    Attributes:
        status: of HTTP.
        document: what was answered, empty when it is no JSON object.
        faults: its `errors`.
        said: when it is no JSON object, how it begins.
    """

    status: int
    document: Record
    faults: tuple[Fault, ...] = ()
    said: str = ""

    @property
    def good(self) -> bool:
        """Whether it is what was asked for. A token that is not accepted gives a status of 200, too."""
        return self.status == 200 and bool(self.document) and not self.faults


def read_reply(status: int, text: str) -> Reply:
    """An answer, read."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return Reply(status, {}, said=" ".join(text[:200].split()))
    return Reply(status, document, tuple(_fault(one) for one in _records(document.get("errors"))))


def number(value: object) -> int | None:
    """A number, or an object with `set`, `infinite` and `number`; None when it is not set or has no bound."""
    if isinstance(value, Mapping):
        value = value.get("number") if value.get("set", True) and not value.get("infinite") else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < _UNSET else None


def words(value: object) -> tuple[str, ...]:
    """A word, or a list of words."""
    found = value if isinstance(value, list) else [value]
    return tuple(word for word in found if isinstance(word, str) and word)


def exit_code(value: object) -> tuple[int | None, int | None]:
    """Exit code and signal: of a wait status, or of an object with `return_code` and `signal`."""
    if isinstance(value, Mapping) and "return_code" in value:
        signal = value.get("signal")
        return number(value["return_code"]), _signal(signal)
    status = number(value)
    return (None, None) if status is None else (status >> 8 & 0xFF, status & 0x7F or None)


def state_word(value: object) -> str:
    """The one word that `squeue` would show for a state and its flags; "" when there is none."""
    found = words(value)
    return next((word for word in (*_FLAGS, *STATES) if word in found), next(iter(found), ""))


def served(document: Record) -> int | None:
    """The highest version (N of v0.0.N) that an OpenAPI document has and that is spoken here."""
    paths = document.get("paths")
    found = [_PING.fullmatch(path) for path in paths] if isinstance(paths, Mapping) else []
    return max({int(one[1]) for one in found if one is not None} & {*KNOWN}, default=None)


def submitted(document: Record) -> int | None:
    """The number of the job that was taken, or None."""
    return number(document.get("job_id")) or number(_in(document, "result", "job_id")) or None


def queued_jobs(document: Record, account: str, now: float) -> Iterator[Seen]:
    """Jobs of the queue that carry an attempt's name as their comment; all others are left out.

    Args:
        document: answer to `/slurm/v0.0.N/jobs` or `.../job/N`.
        account: whose; "" for everybody.
        now: seconds since 1970.
    """
    for job in _records(document.get("jobs")):
        if account and job.get("user_name") != account:
            continue
        job_id, name = number(job.get("job_id")), job.get("comment")
        if job_id and isinstance(name, str) and _NAME.fullmatch(name):
            word, used_s = state_word(job.get("job_state")), ran_s(job, now)
            left = left_s(job, used_s)
            yield Seen(job_id, name, word, _reason(job), "", left, number(job.get("cpus")), used_s)


def past_jobs(document: Record, account: str) -> Iterator[Seen]:
    """Jobs of the accounting; the attempt's name is the job's, as comments are not always kept.

    Args:
        document: answer to `/slurmdb/v0.0.N/jobs`.
        account: whose; "" for everybody.
    """
    for job in _records(document.get("jobs")):
        if account and job.get("user") != account:
            continue
        job_id, name, word = (
            number(job.get("job_id")),
            job.get("name"),
            state_word(_in(job, "state", "current")),
        )
        if job_id and word and isinstance(name, str) and _NAME.fullmatch(name):
            yield Seen(job_id, name, word, cpus=_cpus(job), used_s=number(_in(job, "time", "elapsed")))


def left_s(job: Record, used_s: int) -> int | None:
    """Seconds until a job's time limit (minutes), as `squeue` counts them; None when it has no limit."""
    limit = number(job.get("time_limit"))
    return None if limit is None else max(0, 60 * limit - used_s)


def ran_s(job: Record, now: float) -> int:
    """Seconds for which a job has run; a time for which it was suspended does not count.

    Args:
        job: as `/slurm/v0.0.N/jobs` has it.
        now: seconds since 1970.
    """
    found = words(job.get("job_state"))
    if "PENDING" in found:
        return 0
    before = number(job.get("pre_sus_time")) or 0
    if "SUSPENDED" in found:
        return before
    began = number(job.get("suspend_time")) or number(job.get("start_time")) or now
    end = number(job.get("end_time")) or now
    return max(0, int(min(end, now) - began)) + before


def _cpus(job: Record) -> int | None:
    """CPUs that a job of the accounting had."""
    given = _records(_in(job, "tres", "allocated"))
    return next((number(one.get("count")) for one in given if one.get("type") == "cpu"), None)


def _in(record: Record, outer: str, inner: str) -> object:
    found = record.get(outer)
    return found.get(inner) if isinstance(found, Mapping) else None


def _reason(job: Record) -> str:
    """Why a job waits: the words of whoever stopped it, else Slurm's."""
    said = [job.get("state_description"), job.get("state_reason")]
    return next((one for one in said if isinstance(one, str) and one not in ("", "None")), "")


def _signal(value: object) -> int | None:
    """A signal's number: in .40 and later below `id`, in the accounting of .39 below `signal_id`."""
    if isinstance(value, Mapping) and not {"set", "number"} & value.keys():
        value = value.get("id", value.get("signal_id"))
    return number(value) or None


def _fault(one: Record) -> Fault:
    code = one.get("error_number", one.get("error_code"))
    said = [one.get("description"), one.get("error")]
    texts = [text.strip() for text in said if isinstance(text, str) and text.strip()]
    text = texts[0] if len(texts) == 2 and texts[1] in texts[0] else ": ".join(texts)
    return Fault(code if isinstance(code, int) else 0, text)


def _records(value: object) -> Iterable[Record]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
