"""One question for all jobs, asked by a thread of its own, less often while nothing changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass

from beampace.cluster.slurm.book import Book
from beampace.cluster.slurm.charges import Charges
from beampace.cluster.slurm.queue import CommandQueue, Jobs, Queue
from beampace.cluster.slurm.settings import SlurmSettings
from beampace.cluster.slurm.states import Fate
from beampace.core.errors import BeampaceError, InfrastructureError

WIDER = 1.5
"""By how much the time between two questions grows while nothing changes."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked in one go: cancel these jobs, tell these steps to end, and how do attempts fare?"""

    account: str
    names: frozenset[str]
    missing: frozenset[str]
    cancel: tuple[str, ...]
    end: tuple[str, ...]
    charges: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Answer:
    jobs: Jobs
    history: Jobs
    charged: Jobs


class Poller:
    """Keeps what is known of attempts up to date. Used by one thread; only the questions run in another.

    Args:
        queue: whom to ask.
        settings: how often.
        clock: monotonic seconds.
        steps: whom to ask about the steps of allocations, or None.

    Attributes:
        stepping: whether something is held, so that there may be steps. They are asked about only while an
            attempt is followed that may be one (it has no number of a job).
        jobs: the last answer.
        answered: whether there was one.
        charges: what attempts cost.
    """

    def __init__(
        self,
        queue: Queue,
        settings: SlurmSettings,
        clock: Callable[[], float],
        steps: CommandQueue | None = None,
    ) -> None:
        self._queue = queue
        self._steps = steps
        self.stepping = False
        self.charges = Charges(clock)
        self._settings = settings
        self._clock = clock
        self._book = Book(settings.patience, clock)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="slurm-poll")
        self._asked: tuple[_Question, Future[_Answer]] | None = None
        self._again = False
        self.jobs: Jobs = {}
        self.answered = False
        self._due = float("-inf")
        self._pause = settings.poll_s
        self._error: BeampaceError | None = None
        self._numbers: dict[str, int] = {}
        self._wishes: dict[str, float] = {}

    def follow(self, numbers: Mapping[str, int]) -> None:
        """Follow these attempts, by name with the number of their job or 0, and no others."""
        if numbers.keys() - self._numbers.keys():
            self.hurry()
        self._numbers = dict(numbers)
        self._book.keep(numbers)
        self._wishes = {name: at for name, at in self._wishes.items() if name in numbers}

    def tend(self, account: str, wait_s: float) -> None:
        """Take in an answer that has come, ask when it is time, wait a little for the answer.

        Raises:
            BeampaceError: the last question was not answered.
        """
        self._take(account)
        wanted = self.stepping or self._book.open_names() or self.charges.due
        if self._asked is None and self._clock() >= self._due and wanted:
            question = self._question(account)
            steps = self._steps if self.stepping and 0 in self._numbers.values() else None
            self._asked = (question, self._thread.submit(_ask, self._queue, steps, question))
            wait_for([self._asked[1]], timeout=wait_s)
            self._take(account)
        if self._error is not None:
            raise self._error

    def wish(self, name: str, number: int) -> None:
        """Have an attempt cancelled with the next question, which is asked at once, and until it is gone."""
        self._numbers.setdefault(name, number)
        if name not in self._wishes:
            self._wishes[name] = float("-inf")
            self.hurry()

    def hurry(self) -> None:
        """Ask at the next opportunity, and often for a while."""
        self._due, self._pause, self._again = float("-inf"), self._settings.poll_s, self._asked is not None

    def fate(self, name: str) -> Fate:
        """How an attempt fares."""
        return self._book.fate(name)

    def ids(self, name: str) -> tuple[str, ...]:
        """Numbers of the jobs and steps of an attempt, as far as they were seen."""
        return self._book.ids(name)

    def missing(self) -> tuple[str, ...]:
        """Attempts that the last answer did not hold and that are not gone."""
        return self._book.missing()

    def hear(self, begun: Iterable[str], alive: Iterable[str]) -> None:
        """Take in what launchers of missing attempts left; see `Book`."""
        self._book.hear(begun, alive)

    def close(self) -> None:
        """Ask no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _question(self, account: str) -> _Question:
        for name in self._book.stuck():
            self._wishes.setdefault(name, float("-inf"))
        names = frozenset(self._book.open_names())
        # A step that is cancelled is killed at once; told to end, its launcher leaves its record. Once.
        new = {name for name in names if self._wishes.get(name) == float("-inf")}
        due = {name: self._jobs_of(name) for name in names & self._due_wishes()}
        end = {job for name in new & due.keys() for job in due[name] if "." in job}
        cancel = {job for jobs in due.values() for job in jobs} - end
        return _Question(
            account,
            names,
            frozenset(self._book.missing()),
            tuple(sorted(cancel)),
            tuple(sorted(end)),
            self.charges.to_ask(),
        )

    def _due_wishes(self) -> frozenset[str]:
        """Attempts to be cancelled now; those asked a moment ago have time to end."""
        now = self._clock()
        due = {name for name, at in self._wishes.items() if now - at >= self._settings.cancel_again_s}
        self._wishes.update(dict.fromkeys(due, now))
        return frozenset(due)

    def _jobs_of(self, name: str) -> Iterable[str]:
        number = self._numbers.get(name, 0)
        # A controller that crashed has forgotten its last jobs and gives their numbers to others.
        others = {seen.job for other, jobs in self.jobs.items() if other != name for seen in jobs}
        return {*self._book.ids(name), *([str(number)] if number and number not in others else [])}

    def _take(self, account: str) -> None:
        """Take in the answer, if it has come."""
        if self._asked is None or not self._asked[1].done():
            return
        (question, future), self._asked = self._asked, None
        try:
            answer = future.result()
        except BeampaceError as error:
            self._error = error
            self._wishes = dict.fromkeys(self._wishes, float("-inf"))
            self._due = self._clock() + self._settings.poll_s
            return
        self._error = None
        if question.account == account:
            self._absorb(question, answer)

    def _absorb(self, question: _Question, answer: _Answer) -> None:
        self.jobs, self.answered = answer.jobs, True
        changed = self._book.absorb(answer.jobs, question.names)
        self._book.absorb_history(answer.history)
        self.charges.absorb(answer.jobs)
        self.charges.absorb_history({**answer.history, **answer.charged})
        busy = changed or bool(question.cancel or question.end)
        self._pause = self._settings.poll_s if busy else min(self._settings.quiet_s, WIDER * self._pause)
        # What was wished for after the question was asked is not in it.
        self._due = float("-inf") if self._again else self._clock() + self._pause
        self._again = False


def _ask(queue: Queue, steps: CommandQueue | None, question: _Question) -> _Answer:
    """Ask the queue; of what was missing from the last answer and is from this, the accounting too.

    Raises:
        BeampaceError: there was no answer.
    """
    if question.cancel:
        queue.cancel(question.cancel)
    if question.end and steps is not None:
        steps.end(question.end)
    jobs = queue.jobs(question.account)
    if steps is not None:
        jobs = {**jobs, **steps.steps(question.account)}
    forgotten = question.missing - jobs.keys()
    history = queue.history(question.account, forgotten) if forgotten else {}
    return _Answer(jobs, history, _charged(queue, question))


def _charged(queue: Queue, question: _Question) -> Jobs:
    """What attempts cost. Accounts that are away say nothing of how attempts fare, so that nothing fails."""
    try:
        return queue.history(question.account, question.charges) if question.charges else {}
    except InfrastructureError as error:
        logging.getLogger(__name__).warning("charges_not_known", extra={"why": str(error)})
        return {}
