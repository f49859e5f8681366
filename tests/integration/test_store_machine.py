"""The ledger against a model that fits on a page, by random walks that hypothesis shortens."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from beampace.core.errors import InputError
from beampace.core.job import AttemptState, ExitRecord, JobState
from beampace.core.work import WorkClass
from beampace.store import Ledger, open_ledger
from tests.support.ledgers import Clock, new_result, planned, sighting
from tests.support.postgres import PostgresServer, postgres

__all__ = ["postgres"]

BEAMTIMES = st.sampled_from(["11001", "11002"])
IDENTITIES = st.sampled_from(["x", "y", "z"])
GROUPS = st.sampled_from(["a", "b"])
WORK = st.sampled_from(["look", "process", "strategy"])
NUMBERS = st.integers(0, 30)
CODES = st.sampled_from(["node_lost", "not_indexed", "cancelled"])


@dataclass
class ModelDataset:
    group: str
    said: bool = False
    generation: int = 0
    state: str = "growing"


@dataclass
class ModelJob:
    dataset: tuple[str, str]
    generation: int
    state: JobState = JobState.WAITING
    code: str = ""
    unwanted: bool = False
    wait: int = 0
    attempts: list[AttemptState] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    has_result: bool = False

    @property
    def lives(self) -> bool:
        return any(state < AttemptState.ENDED for state in self.attempts)


class LedgerMachine(RuleBasedStateMachine):
    """Every rule does the same to the ledger and to the model; the invariants compare them whole."""

    new_address: Callable[[], str]

    @initialize()
    def begin(self) -> None:
        self.address = self.new_address()
        self.clock = Clock()
        self.ledger: Ledger = open_ledger(self.address, clock=self.clock)
        self.open: dict[str, bool] = {}
        self.datasets: dict[tuple[str, str], ModelDataset] = {}
        self.jobs: dict[str, ModelJob] = {}
        self.last_event = 0
        self.best_states: dict[str, JobState] = {}
        # A walk that begins with work to do gets to what matters; from nothing few walks get that far.
        for beamtime in ("11001", "11002"):
            self.open_beamtime(beamtime)
            self.observe(beamtime, "x", "a", False)
            for work in ("look", "process", "strategy"):
                self.plan(len(self.datasets) - 1, work)
        self.claim_what_waits()

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()

    def row(self, key: tuple[str, str]) -> int:
        [found] = [row.id for row in self.ledger.datasets(key[0]) if row.identity == key[1]]
        return found

    def a_job(self, number: int) -> tuple[str, ModelJob]:
        key = sorted(self.jobs)[number % len(self.jobs)]
        return key, self.jobs[key]

    def an_attempt(self, number: int) -> tuple[str, ModelJob, int]:
        every = [(key, place) for key in sorted(self.jobs) for place in range(len(self.jobs[key].attempts))]
        key, place = every[number % len(every)]
        return key, self.jobs[key], place

    @rule(beamtime=BEAMTIMES)
    def open_beamtime(self, beamtime: str) -> None:
        self.ledger.open_beamtime(beamtime, "/gpfs/current")
        self.open[beamtime] = True

    @precondition(lambda self: self.open)
    @rule(beamtime=BEAMTIMES)
    def close_beamtime(self, beamtime: str) -> None:
        if beamtime in self.open:
            self.ledger.close_beamtime(beamtime, "stopped")
            self.open[beamtime] = False

    @precondition(lambda self: self.open)
    @rule(beamtime=BEAMTIMES, identity=IDENTITIES, group=GROUPS, announced=st.booleans())
    def observe(self, beamtime: str, identity: str, group: str, announced: bool) -> None:
        seen = sighting(identity, group=group if announced else "", by="announce" if announced else "poll")
        if beamtime not in self.open:
            with pytest.raises(InputError):
                self.ledger.observe(beamtime, seen, group)
            return
        news = self.ledger.observe(beamtime, seen, group).news
        key = (beamtime, identity)
        assert (news == "new") == (key not in self.datasets)
        dataset = self.datasets.setdefault(key, ModelDataset(group))
        mine = [job for job in self.jobs.values() if job.dataset == key]
        started = any(job.attempts for job in mine)
        if not started and (announced or not (mine or dataset.said)):
            dataset.group, dataset.said = group, dataset.said or announced

    @precondition(lambda self: self.datasets)
    @rule(number=NUMBERS, work=WORK)
    def plan(self, number: int, work: str) -> None:
        key = sorted(self.datasets)[number % len(self.datasets)]
        dataset = self.datasets[key]
        name = f"{'-'.join(key)}-{dataset.generation}-{work}"
        new = self.ledger.plan(self.row(key), [planned(name, work_class=WorkClass.LIVE)])
        assert [job.key for job in new] == ([] if name in self.jobs else [name])
        self.jobs.setdefault(name, ModelJob(key, dataset.generation))

    @precondition(lambda self: self.datasets)
    @rule(number=NUMBERS, state=st.sampled_from(["complete", "stopped"]), grows=st.booleans())
    def settle_or_grow(self, number: int, state: str, grows: bool) -> None:
        key = sorted(self.datasets)[number % len(self.datasets)]
        dataset = self.datasets[key]
        if grows:
            self.ledger.grow(self.row(key))
            if dataset.state != "growing":
                dataset.generation, dataset.state = dataset.generation + 1, "growing"
        else:
            assert self.ledger.settle(self.row(key), state) == (dataset.state == "growing")
            dataset.state = state if dataset.state == "growing" else dataset.state

    @precondition(lambda self: self.jobs)
    @rule(number=NUMBERS)
    def claim(self, number: int) -> None:
        key, job = self.a_job(number)
        free = (
            job.state is not JobState.ENDED
            and not job.unwanted
            and not job.lives
            and self.open[job.dataset[0]]
        )
        if not free:
            with pytest.raises(InputError):
                self.ledger.claim(key, "local", str, 1)
            return
        assert self.ledger.claim(key, "local", str, 1).number == len(job.attempts) + 1
        job.attempts.append(AttemptState.CLAIMED)
        job.codes.append("")
        job.state, job.wait = JobState.ACTIVE, 0

    @rule()
    def claim_what_waits(self) -> None:
        for row in self.ledger.waiting():
            self.ledger.claim(row.key, "local", str, 1)
            job = self.jobs[row.key]
            job.attempts.append(AttemptState.CLAIMED)
            job.codes.append("")
            job.state, job.wait = JobState.ACTIVE, 0

    @precondition(lambda self: any(job.attempts for job in self.jobs.values()))
    @rule(number=NUMBERS, state=st.sampled_from([AttemptState.SUBMITTED, AttemptState.RUNNING]))
    def move(self, number: int, state: AttemptState) -> None:
        key, job, place = self.an_attempt(number)
        self.ledger.progressed(key, place + 1, state, started=self.clock())
        job.attempts[place] = max(job.attempts[place], state)

    @precondition(lambda self: any(job.attempts for job in self.jobs.values()))
    @rule(number=NUMBERS)
    def submitted(self, number: int) -> None:
        key, job, place = self.an_attempt(number)
        self.ledger.submitted(key, place + 1, f"{key}-{place}")
        job.attempts[place] = max(job.attempts[place], AttemptState.SUBMITTED)

    @precondition(lambda self: any(job.attempts for job in self.jobs.values()))
    @rule(number=NUMBERS, code=CODES, measured=st.booleans())
    def end_attempt(self, number: int, code: str, measured: bool) -> None:
        key, job, place = self.an_attempt(number)
        usage = ExitRecord(1, None, "", 3.0, 2.0, 100.0, 1) if measured else None
        self.ledger.end_attempt(key, place + 1, code, "", usage)
        job.codes[place] = job.codes[place] or code
        job.attempts[place] = AttemptState.ENDED

    @precondition(lambda self: self.jobs)
    @rule(number=NUMBERS, seconds=st.integers(1, 20))
    def retry(self, number: int, seconds: int) -> None:
        key, job = self.a_job(number)
        self.ledger.retry_at(key, self.clock() + timedelta(seconds=seconds))
        if job.state is not JobState.ENDED:
            if job.unwanted:
                job.state, job.code = JobState.ENDED, "cancelled"
            job.wait = seconds

    @rule(seconds=st.integers(1, 10))
    def time_passes(self, seconds: int) -> None:
        self.clock.go(seconds)
        for job in self.jobs.values():
            job.wait = max(0, job.wait - seconds)

    @precondition(lambda self: self.jobs)
    @rule(number=NUMBERS, code=CODES)
    def end_job(self, number: int, code: str) -> None:
        key, job = self.a_job(number)
        if job.state is not JobState.ENDED and job.lives:
            with pytest.raises(InputError):
                self.ledger.end_job(key, code, "")
            return
        self.ledger.end_job(key, code, "")
        if job.state is not JobState.ENDED:
            job.state, job.code = JobState.ENDED, code

    @precondition(lambda self: self.jobs)
    @rule(number=NUMBERS)
    def cancel(self, number: int) -> None:
        key, job = self.a_job(number)
        assert self.ledger.want_cancel(key) == (job.state is not JobState.ENDED)
        if job.state is not JobState.ENDED:
            job.unwanted = True
            if not job.lives:
                job.state, job.code = JobState.ENDED, "cancelled"

    @precondition(lambda self: self.jobs)
    @rule(number=NUMBERS, code=st.sampled_from(["good", "poor"]))
    def finish(self, number: int, code: str) -> None:
        key, job = self.a_job(number)
        row = self.ledger.finish(new_result(key, code=code))
        assert (row is None) == job.has_result
        if not job.has_result:
            job.has_result, job.state, job.code = True, JobState.ENDED, code
            job.attempts = [AttemptState.ENDED for _ in job.attempts]
            job.codes = [one or code for one in job.codes]

    @rule()
    def publish_all(self) -> None:
        for row in self.ledger.unpublished():
            self.ledger.published(row.id)
        assert self.ledger.unpublished() == ()

    @rule()
    def restart(self) -> None:
        self.ledger.close()
        self.ledger = open_ledger(self.address, clock=self.clock)

    @invariant()
    def no_job_is_lost_doubled_or_under_another_group(self) -> None:
        rows = self.ledger.jobs()
        assert sorted(row.key for row in rows) == sorted(self.jobs)
        for row in rows:
            job = self.jobs[row.key]
            assert (row.state, row.code, row.attempts) == (job.state, job.code, len(job.attempts))
            assert (row.generation, row.beamtime) == (job.generation, job.dataset[0])
            assert row.group == self.datasets[job.dataset].group
            assert row.state >= self.best_states.get(row.key, JobState.WAITING)
            self.best_states[row.key] = row.state

    @invariant()
    def datasets_are_those_seen(self) -> None:
        rows = {(row.beamtime, row.identity): row for row in self.ledger.datasets()}
        seen = {key: (row.group, row.generation, row.state) for key, row in rows.items()}
        assert seen == {key: (one.group, one.generation, one.state) for key, one in self.datasets.items()}

    @invariant()
    def attempts_live_one_at_a_time(self) -> None:
        living = [job.key for job, _ in self.ledger.active()]
        assert sorted(living) == sorted(key for key, job in self.jobs.items() if job.lives)
        for key, job in self.jobs.items():
            rows = self.ledger.attempts(key)
            assert [(one.state, one.code) for one in rows] == list(zip(job.attempts, job.codes, strict=True))

    @invariant()
    def each_job_has_at_most_one_result(self) -> None:
        rows = self.ledger.results()
        assert sorted(row.job for row in rows) == sorted(
            key for key, job in self.jobs.items() if job.has_result
        )
        assert all(row.group == self.datasets[self.jobs[row.job].dataset].group for row in rows)

    @invariant()
    def what_can_be_started_waits(self) -> None:
        due = {
            key for key, job in self.jobs.items()
            if job.state is not JobState.ENDED and not job.lives and not job.unwanted and job.wait == 0
            and self.open[job.dataset[0]]
        }  # fmt: skip
        assert {job.key for job in self.ledger.waiting()} == due

    @invariant()
    def event_numbers_only_rise(self) -> None:
        new = [event.id for event in self.ledger.events(after=self.last_event, limit=1000)]
        assert new == sorted(set(new))
        self.last_event = new[-1] if new else self.last_event
        assert self.ledger.last_event() == self.last_event


def walk(new_address: Callable[[], str], examples: int) -> None:
    class Machine(LedgerMachine):
        pass

    Machine.new_address = staticmethod(new_address)
    wanted = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(Machine, settings=wanted)


def test_on_sqlite() -> None:
    with tempfile.TemporaryDirectory() as directory:
        numbers = iter(range(10**6))
        walk(lambda: f"{directory}/{next(numbers)}/ledger.sqlite", 25)


@pytest.mark.xdist_group("postgres")
def test_on_postgresql(postgres: PostgresServer) -> None:
    walk(postgres.empty, 10)
