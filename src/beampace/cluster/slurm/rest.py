"""The queue by slurmrestd, as an alternative to Slurm's programs.

It knows jobs only: no allocations that are held, no steps, and not every argument of `sbatch`. Live it was
seen with v0.0.38 (Slurm 22.05); later versions are spoken as their documents have it.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm.queue import Jobs
from beampace.cluster.slurm.rest_answers import Reply, past_jobs, queued_jobs, read_reply, served, submitted
from beampace.cluster.slurm.rest_body import job_body
from beampace.cluster.slurm.rest_faults import (
    ALREADY_OVER,
    NOTHING_FOUND,
    UNKNOWN_JOB,
    Asker,
    mute,
    not_taken,
    only,
    words_of,
)
from beampace.cluster.slurm.rest_http import Http, Question, RestHttp
from beampace.cluster.slurm.rest_settings import KNOWN, RestSettings, version_of
from beampace.cluster.slurm.rest_token import read_token
from beampace.cluster.slurm.script import Request
from beampace.cluster.slurm.squeue import Seen, by_name
from beampace.cluster.slurm.transport import Unreachable
from beampace.core.errors import InfrastructureError, failure
from beampace.core.taxonomy import Failure

LOOK_BACK_S = 7 * 86400
"""Seconds for which the accounting is asked, as in `sacct.LOOK_BACK`."""
AT_ONCE = 40
"""Names in one question to the accounting, and jobs asked for singly, at most."""
REMEMBERED = 5000
"""Numbers of jobs that are remembered by name."""
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}\$?")
_NO_ACCOUNTING = re.compile(r"accounting storage is disabled|not configured with slurmdbd", re.I)


class RestQueue:
    """The queue by slurmrestd; see `Queue`.

    Args:
        settings: how slurmrestd is reached.
        resources: what the beamtime grants at this moment, or None before its start and after its stop.
        http: takes the questions there; by HTTP by default.
        clock: seconds since 1970.

    Attributes:
        accounting: whether the accounting is asked; switched off when it is said that there is none.

    Raises:
        InputError: the settings are wrong (bad_request).
        OSError: the certificates cannot be read.
    """

    def __init__(
        self,
        settings: RestSettings,
        resources: Callable[[], OnlineResources | None],
        http: Http | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._resources = resources
        self._fixed = version_of(settings)
        self._http = http or RestHttp(settings)
        self._clock = clock
        self._lock = threading.Lock()
        self._chosen: int | None = None
        self._numbers: dict[str, int] = {}
        self.accounting = True

    def submit(self, request: Request, script: bytes) -> int:
        """Give a job to the queue; see `Queue`.

        Raises:
            InputError: an argument of sbatch cannot be given in this way (bad_request).
        """
        user = self._user()
        version = self._version(user)
        own = {**self._settings.environment, "USER": user, "LOGNAME": user}
        body = json.dumps(job_body(request, script, version, own)).encode()
        reply = self._ask(Question("POST", f"/slurm/v0.0.{version}/job/submit", user, body=body))
        number = submitted(reply.document)
        if number is None:
            raise not_taken(reply, self._asker(user))
        self._remember([Seen(number, request.name, "PENDING")])
        return number

    def jobs(self, account: str, name: str = "") -> Jobs:
        """All jobs of an account by attempt; see `Queue`. slurmrestd always gives everybody's."""
        user = self._user(account)
        reply = self._ask(Question("GET", f"/slurm/v0.0.{self._version(user)}/jobs", user))
        if not reply.good or not isinstance(reply.document.get("jobs"), list):
            raise mute(reply, self._asker(user))
        whose = account and (self._settings.user or account)
        found = tuple(queued_jobs(reply.document, whose, self._clock()))
        self._remember(found)
        return by_name(job for job in found if not name or job.name == name)

    def history(self, account: str, names: Iterable[str]) -> Jobs:
        """Jobs that ended, by attempt, from the accounting, else singly from the queue; see `Queue`."""
        wanted, user = sorted({*names}), self._user(account)
        found: list[Seen] = []
        for first in range(0, len(wanted), AT_ONCE):
            found += self._accounted(user, wanted[first : first + AT_ONCE])
        found += self._singly(user, sorted({*wanted} - {job.name for job in found})[:AT_ONCE])
        return {name: jobs for name, jobs in by_name(found).items() if name in wanted}

    def cancel(self, numbers: Iterable[str]) -> None:
        """Ask for the end of jobs; see `Queue`. Steps (`12.3`) are left alone: they are not known here."""
        user = self._user()
        refused = None
        for number in sorted(one for one in numbers if one.isascii() and one.isdigit()):
            reply = self._ask(Question("DELETE", f"/slurm/v0.0.{self._version(user)}/job/{number}", user))
            if not (reply.good or only(reply, UNKNOWN_JOB, ALREADY_OVER)):
                refused = reply
        if refused is not None:
            raise mute(refused, self._asker(user))

    def close(self) -> None:
        """No connection is held; the version is chosen anew."""
        with self._lock:
            self._chosen = None

    def _accounted(self, user: str, names: Sequence[str]) -> tuple[Seen, ...]:
        """Jobs of these names as the accounting has them; none when there is no accounting."""
        if not self.accounting:
            return ()
        version = self._version(user)
        since = int(self._clock()) - LOOK_BACK_S
        start = time.strftime("%Y-%m-%d", time.gmtime(since)) if version < 39 else str(since)
        query = {"job_name": ",".join(names), "start_time": start, "skip_steps": "true"}
        reply = self._ask(Question("GET", f"/slurmdb/v0.0.{version}/jobs", user, query))
        if reply.good:
            return tuple(past_jobs(reply.document, user))
        if reply.status == 404 or _NO_ACCOUNTING.search(words_of(reply)):
            self.accounting = False
        elif not only(reply, NOTHING_FOUND):
            raise mute(reply, self._asker(user))
        return ()

    def _singly(self, user: str, names: Iterable[str]) -> list[Seen]:
        """Jobs whose numbers are remembered, asked for one by one."""
        with self._lock:
            numbers = [self._numbers[name] for name in names if name in self._numbers]
        found: list[Seen] = []
        for number in numbers:
            reply = self._ask(Question("GET", f"/slurm/v0.0.{self._version(user)}/job/{number}", user))
            if reply.good:
                found += queued_jobs(reply.document, user, self._clock())
            elif not only(reply, UNKNOWN_JOB):
                raise mute(reply, self._asker(user))
        return found

    def _remember(self, jobs: Iterable[Seen]) -> None:
        with self._lock:
            self._numbers.update((job.name, job.job) for job in jobs)
            for name in list(self._numbers)[:-REMEMBERED]:
                del self._numbers[name]

    def _user(self, account: str = "") -> str:
        """The account as which is asked.

        Raises:
            InfrastructureError: there is no beamtime (beamtime_closed), or it has no account.
        """
        granted = self._resources()
        if granted is None:
            raise failure(Failure.BEAMTIME_CLOSED, "Outside a beamtime nothing is asked of the cluster.")
        user = self._settings.user or account or granted.account
        if not _USER.fullmatch(user):
            hint = "Name one as `account` in [cluster.slurm]."
            raise Unreachable(f"{user[:80]!r} is no account that slurmrestd could be asked as.", hint)
        return user

    def _version(self, user: str) -> int:
        """N of the version v0.0.N that is spoken: the configured one, else the highest that both sides know.

        Raises:
            Unreachable: it could not be found out.
        """
        with self._lock:
            chosen = self._fixed or self._chosen
        if chosen is None:
            chosen = self._choose(user)
            with self._lock:
                self._chosen = chosen
        return chosen

    def _choose(self, user: str) -> int:
        try:
            reply = self._ask(Question("GET", "/openapi/v3", user))
        except Unreachable:
            raise
        except InfrastructureError as error:
            raise Unreachable(error.detail, error.hint) from error
        if not reply.good:
            why = mute(reply, self._asker(user))
            raise Unreachable(why.detail, why.hint)
        version = served(reply.document)
        if version is None:
            known = f"v0.0.{KNOWN[0]} to v0.0.{KNOWN[-1]}"
            raise Unreachable(f"slurmrestd speaks no version that is spoken here ({known}).")
        return version

    def _ask(self, question: Question) -> Reply:
        answer = self._http.ask(question)
        reply = read_reply(answer.status, answer.text)
        if answer.status == 404 and question.path.startswith("/slurm/"):
            self.close()  # it was updated, and speaks other versions now
        return reply

    def _asker(self, user: str) -> Asker:
        """Who asked; the token is read once more, for when it ends."""
        settings = self._settings
        try:
            ends = read_token(settings.token_file, allow_open=settings.allow_open_token).ends
        except Unreachable:
            ends = None
        return Asker(user, settings.token_file, ends)
