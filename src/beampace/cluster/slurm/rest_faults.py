"""Why slurmrestd did not do what it was asked, in the words and codes of `refusals.py`. No I/O.

`errors` of the answer is believed, the status only where there are none: slurmctld's refusals are a status of
500, a token that is not accepted is 200, 401 or 500.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from beampace.cluster.slurm.refusals import refusal
from beampace.cluster.slurm.rest_answers import Fault, Reply
from beampace.cluster.slurm.transport import Completed
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure

UNKNOWN_JOB = 2017
ALREADY_OVER = 2021
NOTHING_FOUND = 9003

MEANINGS: dict[int, str] = {
    1000: "Unexpected message received",
    1001: "Communication connection failure",
    1002: "Message send failure",
    1003: "Message receive failure",
    1007: "Protocol authentication error",
    1800: "Unable to contact slurm controller (connect failure)",
    1801: "Unable to contact slurm controller (send failure)",
    1802: "Unable to contact slurm controller (receive failure)",
    2000: "Invalid partition name specified",
    2003: "User's group not permitted to use this partition",
    2005: "More processors requested than permitted",
    2006: "Node count specification invalid",
    2010: "Invalid user id",
    2014: "Requested node configuration is not available",
    2015: "Requested partition configuration not available now",
    UNKNOWN_JOB: "Invalid job id specified",
    2019: "I/O error writing script/environment to file",
    ALREADY_OVER: "Job/step already completing or completed",
    2045: "Invalid account or account/partition combination specified",
    2050: "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
    2051: "Requested time limit is invalid (missing or exceeds some limit)",
    2052: "Access denied to requested reservation",
    2053: "Requested reservation is invalid",
    2056: "Requested reservation not usable now",
    2066: "Invalid qos specification",
    2070: "Required partition not available (inactive or drain)",
    5004: "Socket timed out on send/recv operation",
    5005: "Zero Bytes were transmitted or received",
    7000: "Unable to connect to database",
    NOTHING_FOUND: "Nothing found with query",
}
"""Slurm's numbers and its own words for them (`slurm_strerror` of 22.05), for answers without."""

_TOKEN_FAULT = re.compile(r"Protocol authentication error|Authentication fail", re.I)
"""What is said when the token is not accepted, before anything is done."""
_PERHAPS_TOKEN = re.compile(
    r"Zero Bytes were transmitted|Unspecified error|config is unable to load|Unable to connect to database",
    re.I,
)
"""What is said then, too, but not only then."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked.

    Attributes:
        user: account.
        token_file: where its token is.
        ends: until when the token says it is good, in seconds since 1970, or None.
    """

    user: str
    token_file: Path
    ends: float | None = None


def not_taken(reply: Reply, asker: Asker) -> InfrastructureError:
    """The error for a job that got no number.

    Codes rejected_by_queue and disk_full mean that nothing was submitted; node_lost that this is not known.
    """
    said = words_of(reply)
    if _TOKEN_FAULT.search(said) or (reply.status in (401, 403) and not reply.faults):
        return InfrastructureError(Failure.REJECTED_BY_QUEUE, *_token_words(said, asker))
    if reply.faults:
        return _with_token(refusal(Completed(1, "", said)), said, asker)
    if 300 <= reply.status < 500:
        detail = f"slurmrestd refused the question itself (status {reply.status}): {said}"
        hint = "Correct `rest_url` and `rest_version` in [cluster.slurm]."
        return InfrastructureError(Failure.REJECTED_BY_QUEUE, detail, hint)
    detail = f"It is not known whether the queue took the job: {said or 'nothing'} (status {reply.status})"
    return InfrastructureError(Failure.NODE_LOST, detail)


def mute(reply: Reply, asker: Asker) -> InfrastructureError:
    """The error for a question about jobs that was not answered; nothing follows from it."""
    said = words_of(reply) or f"status {reply.status}"
    if _TOKEN_FAULT.search(said) or reply.status in (401, 403):
        return InfrastructureError(Failure.NODE_LOST, *_token_words(said, asker))
    error = InfrastructureError(Failure.NODE_LOST, f"slurmrestd gave no answer: {said}")
    return _with_token(error, said, asker)


def words_of(reply: Reply) -> str:
    """What an answer says of why, in one short line that can be shown."""
    text = "; ".join(filter(None, map(_text, reply.faults))) or reply.said
    return "".join(char if char.isprintable() else "?" for char in text)[:400]


def only(reply: Reply, *codes: int) -> bool:
    """Whether an answer has faults, and none but these."""
    return bool(reply.faults) and all(fault.code in codes for fault in reply.faults)


def _text(fault: Fault) -> str:
    return fault.text or MEANINGS.get(fault.code, f"error {fault.code}")


def _token_words(said: str, asker: Asker) -> tuple[str, str]:
    """Detail and hint for a token that is not accepted."""
    detail = f"slurmrestd does not accept the token in {asker.token_file} for {asker.user}: {said}"
    return _ended(asker) + detail, f"Have the token renewed, and see that it is {asker.user}'s."


def _with_token(error: InfrastructureError, said: str, asker: Asker) -> InfrastructureError:
    """The error; with a word on the token where that may be the reason."""
    if not _PERHAPS_TOKEN.search(said):
        return error
    hint = f"If it lasts: have the token in {asker.token_file} renewed, and see that it is {asker.user}'s."
    return InfrastructureError(error.code, f"{_ended(asker)}{error.detail}", hint)


def _ended(asker: Asker) -> str:
    if asker.ends is None or asker.ends > time.time():
        return ""
    return f"The token says that it ended at {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime(asker.ends))}. "
