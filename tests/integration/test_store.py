"""The ledger on real databases: the same tests on SQLite and on a PostgreSQL server."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from beampace.core.dataset import DatasetKind
from beampace.core.errors import BeampaceError, InputError
from beampace.core.job import AttemptState, ExitRecord, JobState
from beampace.core.sighting import FilesSeen
from beampace.core.work import WorkClass, WorkName
from beampace.store import Cost, Ended, FrameCounts, Ledger, Spent, Uncharged, open_ledger
from beampace.store.beamtimes import TAKEN
from beampace.store.tables import attempts, datasets, events, jobs, results
from tests.support.ledgers import (
    START,
    Clock,
    address,
    claim,
    new_result,
    planned,
    sighting,
    statements,
    with_job,
)
from tests.support.postgres import postgres

__all__ = ["address", "postgres"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(address: str, clock: Clock) -> Iterator[Ledger]:
    ledger = open_ledger(address, clock=clock)
    yield ledger
    ledger.close()


def topics(ledger: Ledger) -> list[str]:
    return [event.topic for event in ledger.events(limit=10_000)]


class TestBeamtimes:
    def test_opening_is_idempotent_and_opens_again(self, ledger: Ledger, clock: Clock) -> None:
        first = ledger.open_beamtime("11001", "/gpfs/current", "Lysozyme")
        clock.go(5)
        assert ledger.open_beamtime("11001", "/gpfs/current", "Lysozyme") == first
        ledger.close_beamtime("11001", "stopped")
        ledger.close_beamtime("11001", "again")
        closed = ledger.beamtime("11001")
        assert (closed.closed, closed.reason) == (START + timedelta(seconds=5), "stopped")
        again = ledger.open_beamtime("11001", "/gpfs/current", "Lysozyme")
        assert again == first
        assert topics(ledger) == ["beamtime.opened", "beamtime.closed", "beamtime.opened"]

    def test_a_root_is_its_directory_until_another_beamtime_is_opened_there(self, ledger: Ledger) -> None:
        first = ledger.open_beamtime("11001", "/gpfs/current", "", "4711", "/core/11001")
        assert (first.root_id, first.core_path) == ("4711", "/core/11001")
        ledger.open_beamtime("11002", "/gpfs/commissioning", "", "4711")
        assert ledger.beamtime("11001") == first
        ledger.open_beamtime("11003", "/gpfs/current", "", "4711")
        assert ledger.beamtime("11001").root_id == TAKEN
        assert ledger.beamtime("11001").core_path == "/core/11001"
        assert ledger.beamtime("11002").root_id == ledger.beamtime("11003").root_id == "4711"
        assert ledger.open_beamtime("11001", "/gpfs/current", "", "4711", "/core/11001") == first
        assert ledger.beamtime("11003").root_id == TAKEN

    def test_unknown_or_impossible_ones_are_refused(self, ledger: Ledger) -> None:
        for id_ in ("", "x" * 201):
            with pytest.raises(InputError):
                ledger.open_beamtime(id_, "/")
        with pytest.raises(InputError, match="'nope'"):
            ledger.close_beamtime("nope", "")
        with pytest.raises(InputError, match="'nope'"):
            ledger.observe("nope", sighting(), "a")
        assert ledger.events() == () and ledger.datasets() == ()


class TestRevival:
    def test_what_a_stop_ended_waits_again_once(self, ledger: Ledger) -> None:
        for key, code in (("a", "beamtime_closed"), ("b", "node_lost"), ("c", "cancelled")):
            with_job(ledger, key)
            claim(ledger, key)
            ledger.end_attempt(key, 1, code, "")
            ledger.end_job(key, code, "words")
        with_job(ledger, "d", beamtime="11002")
        ledger.end_job("d", "beamtime_closed", "")
        before = ledger.job("a")
        (job,) = ledger.revive("11001")
        assert job == replace(before, state=JobState.WAITING, code="", detail="", ended=None)
        assert job.attempts == 1
        assert [event.payload["job"] for event in ledger.events(topic="job.revived")] == ["a"]
        assert ledger.revive("11001") == ()
        assert [one.key for one in ledger.waiting()] == ["a"]
        assert claim(ledger, "a") == 2

    def test_what_has_a_result_or_is_of_older_frames_stays_ended(self, ledger: Ledger) -> None:
        with_job(ledger, "a")
        claim(ledger, "a")
        ledger.finish(new_result("a", code="beamtime_closed"))
        old = with_job(ledger, "b")
        ledger.end_job("b", "beamtime_closed", "")
        ledger.settle(old, "stopped")
        ledger.grow(old)
        assert ledger.revive("11001") == ()


class TestDatasets:
    def test_the_same_sighting_is_one_dataset(self, ledger: Ledger) -> None:
        ledger.open_beamtime("11001", "/gpfs/current")
        first = ledger.observe("11001", sighting(), "a")
        again = ledger.observe("11001", sighting(), "a")
        assert (first.news, again.news) == ("new", "same")
        assert again.dataset == first.dataset == ledger.dataset(first.dataset.id)
        assert topics(ledger) == ["beamtime.opened", "dataset.seen"]

    def test_path_kind_and_frames_may_change(self, ledger: Ledger) -> None:
        ledger.open_beamtime("11001", "/gpfs/current")
        old = ledger.observe("11001", sighting(), "a").dataset
        moved = sighting(path="/gpfs/current/raw/t/x_master.h5", kind=DatasetKind.GRID, n_announced=7)
        seen = ledger.observe("11001", moved, "a")
        assert (seen.news, seen.dataset.id) == ("changed", old.id)
        assert (seen.dataset.kind, seen.dataset.n_announced) == (DatasetKind.GRID, 7)
        assert ledger.dataset_at(old.path) is None
        assert ledger.dataset_at(moved.path) == seen.dataset
        assert ledger.events()[-1].payload["changed"] == ["kind", "n_announced", "path"]

    def test_a_second_series_at_a_path_is_a_dataset_of_its_own(self, ledger: Ledger) -> None:
        ledger.open_beamtime("11001", "/gpfs/current")
        path = "/gpfs/current/raw/s/a_master.h5"
        ids = [ledger.observe("11001", sighting(one, path=path), "a").dataset.id for one in "xy"]
        found = ledger.dataset_at(path)
        assert found is not None and found.id == ids[1] != ids[0]

    def test_beamtimes_keep_the_same_identity_apart(self, ledger: Ledger) -> None:
        for id_ in ("11001", "11002"):
            ledger.open_beamtime(id_, "/gpfs/current")
            assert ledger.observe(id_, sighting(), "a").news == "new"
        assert [row.beamtime for row in ledger.datasets()] == ["11002", "11001"]
        assert [row.beamtime for row in ledger.datasets("11001")] == ["11001"]
        assert len(ledger.datasets(limit=1)) == 1

    def test_a_group_changes_only_while_that_harms_nobody(self, ledger: Ledger) -> None:
        ledger.open_beamtime("11001", "/gpfs/current")

        def group(by_rule: str, said: str = "") -> str:
            by = "announce" if said else "poll"
            return ledger.observe("11001", sighting(group=said, by=by), said or by_rule).dataset.group

        assert group("a") == "a"
        assert group("b") == "b"  # rules may say something else while there is no job
        ledger.plan(1, [planned("k")])
        assert group("c") == "b"  # with jobs they may not
        assert group("c", said="d") == "d"  # an announcement may
        assert ledger.job("k").group == "d"
        claim(ledger)
        assert group("c", said="e") == "d"  # nor it, once a job has started

    def test_an_announced_group_and_sample_stay_against_the_rules(self, ledger: Ledger) -> None:
        ledger.open_beamtime("11001", "/gpfs/current")
        ledger.observe("11001", sighting(), "a")
        ledger.observe("11001", sighting(group="b", sample="lyso", by="announce"), "b")
        row = ledger.observe("11001", sighting(), "a")
        assert (row.dataset.group, row.dataset.sample, row.news) == ("b", "lyso", "same")

    def test_files_and_when_the_last_frame_came(self, ledger: Ledger, clock: Clock) -> None:
        ledger.open_beamtime("11001", "/gpfs/current")
        id_ = ledger.observe("11001", sighting(), "a").dataset.id
        clock.go(10)
        ledger.files(id_, FilesSeen("x", 2, 1000, 1.5, "m1"))
        ledger.files(id_, FilesSeen("x", 2, 1000, 60.0, "m1"))
        row = ledger.dataset(id_)
        assert (row.n_listed, row.n_bytes, row.files_mark) == (2, 1000, "m1")
        assert row.last_frame == clock() - timedelta(seconds=1.5)
        ledger.files(id_, FilesSeen("x", 2, 900, 0.0, "m2"))  # shrunk: no frame came
        assert ledger.dataset(id_).last_frame == row.last_frame
        assert topics(ledger).count("dataset.files") == 2

    def test_growing_and_settling(self, ledger: Ledger, clock: Clock) -> None:
        ledger.open_beamtime("11001", "/gpfs/current")
        id_ = ledger.observe("11001", sighting(), "a").dataset.id
        assert ledger.grow(id_).generation == 0
        clock.go(3)
        assert ledger.settle(id_, "stopped")
        assert not ledger.settle(id_, "complete")
        row = ledger.dataset(id_)
        assert (row.state, row.ended) == ("stopped", clock())
        assert [one.id for one in ledger.datasets(states=["stopped"])] == [id_]
        assert ledger.datasets(states=["growing", "complete"]) == ()
        grown = ledger.grow(id_)
        assert (grown.state, grown.generation, grown.ended) == ("growing", 1, None)
        with pytest.raises(InputError, match="'done'"):
            ledger.settle(id_, "done")

    def test_frame_counts_rise_within_a_generation(self, ledger: Ledger) -> None:
        ledger.open_beamtime("11001", "/gpfs/current")
        id_ = ledger.observe("11001", sighting(), "a").dataset.id
        ledger.frames(id_, FrameCounts(100, 50, 40, 2, ((3, 4),)))
        ledger.frames(id_, FrameCounts(100, 60, 30, 1, ((3, 3),)))
        assert ledger.dataset(id_).frames == FrameCounts(100, 60, 40, 2, ((3, 4),))
        ledger.settle(id_, "stopped")
        ledger.grow(id_)
        assert ledger.dataset(id_).frames.analysed == 40
        ledger.frames(id_, FrameCounts(100, 10, 10))
        assert ledger.dataset(id_).frames == FrameCounts(100, 10, 10)

    def test_names_that_no_database_can_hold(self, ledger: Ledger) -> None:
        ledger.open_beamtime("11001", "/gpfs/current")
        bad = "a\0b" + b"\xff".decode("utf-8", "surrogateescape")
        hostile = sighting(
            path=f"/raw/{bad}" + "x" * 5000,
            name=bad,
            sample=bad,
            n_announced=10**30,
            frame_time_s=float("nan"),
        )
        row = ledger.observe("11001", hostile, bad).dataset
        assert ledger.observe("11001", hostile, bad).news == "same"
        assert ledger.dataset_at(hostile.path) == row
        assert (row.n_announced, row.frame_time_s) == (2**63 - 1, 0.0)
        ledger.append("x", {bad: [bad, float("inf")]})
        assert list(ledger.events()[-1].payload.values()) == [[row.sample, None]]
        with pytest.raises(InputError, match="too long"):
            ledger.observe("11001", sighting("x" * 501), "a")


class TestJobs:
    def test_planning_twice_adds_nothing(self, ledger: Ledger) -> None:
        id_ = with_job(ledger)
        look = planned("l", work=WorkName.LOOK, engine="", work_class=WorkClass.LIVE)
        new = ledger.plan(id_, [planned("k"), look, look])
        assert [job.key for job in new] == ["l"]
        assert ledger.plan(id_, [planned("k"), look]) == ledger.plan(id_, []) == ()
        assert [job.key for job in ledger.jobs()] == ["l", "k"]
        row = ledger.job("l")
        assert (row.dataset, row.group, row.beamtime, row.work) == (id_, "a", "11001", WorkName.LOOK)
        assert (row.state, row.attempts, row.options) == (JobState.WAITING, 0, {"d_min": 1.5})
        with pytest.raises(InputError):
            ledger.plan(99, [planned("z")])

    def test_a_job_belongs_to_the_generation_it_was_planned_in(self, ledger: Ledger) -> None:
        id_ = with_job(ledger)
        ledger.settle(id_, "stopped")
        ledger.grow(id_)
        ledger.plan(id_, [planned("k2")])
        assert [job.generation for job in ledger.jobs(dataset=id_)] == [1, 0]

    def test_waiting(self, ledger: Ledger, clock: Clock) -> None:
        for key in ("a", "b", "c", "d"):
            with_job(ledger, key)
        with_job(ledger, "closed", beamtime="11002")
        ledger.close_beamtime("11002", "stopped")
        claim(ledger, "b")
        claim(ledger, "c")
        ledger.end_attempt("c", 1, "node_lost", "gone")
        ledger.retry_at("c", clock() + timedelta(seconds=10))
        claim(ledger, "d")
        ledger.end_attempt("d", 1, "node_lost", "gone")  # the daemon died before it decided
        assert [job.key for job in ledger.waiting()] == ["a", "d"]
        clock.go(10)
        assert [job.key for job in ledger.waiting()] == ["a", "c", "d"]
        assert [job.key for job, _ in ledger.active()] == ["b"]
        assert len(ledger.jobs_not_ended()) == 5
        assert [job.key for job in ledger.jobs_not_ended("11002")] == ["closed"]
        assert [job.key for job in ledger.jobs(state=JobState.WAITING)] == ["closed", "a"]

    def test_cancelling(self, ledger: Ledger, clock: Clock) -> None:
        with_job(ledger, "idle")
        with_job(ledger, "busy")
        claim(ledger, "busy")
        assert ledger.want_cancel("idle") and ledger.want_cancel("busy") and ledger.want_cancel("busy")
        assert (ledger.job("idle").state, ledger.job("idle").code) == (JobState.ENDED, "cancelled")
        assert (ledger.job("busy").state, ledger.job("busy").cancel_wanted) == (JobState.ACTIVE, True)
        ledger.end_attempt("busy", 1, "node_lost", "")
        assert ledger.waiting() == ()
        ledger.retry_at("busy", clock())  # nobody wants another attempt
        assert ledger.job("busy").code == "cancelled"
        assert not ledger.want_cancel("busy")
        with pytest.raises(InputError):
            ledger.want_cancel("nope")

    def test_ending_keeps_the_first_code_and_needs_dead_attempts(self, ledger: Ledger) -> None:
        with_job(ledger)
        claim(ledger)
        with pytest.raises(InputError, match="lives"):
            ledger.end_job("k", "node_lost", "")
        ledger.end_attempt("k", 1, "not_indexed", "two lattices")
        ledger.end_job("k", "not_indexed", "two lattices")
        ledger.end_job("k", "node_lost", "late")
        job = ledger.job("k")
        assert (job.state, job.code, job.detail) == (JobState.ENDED, "not_indexed", "two lattices")
        ledger.retry_at("k", START)
        assert ledger.waiting() == () and ledger.job("k") == job


class TestAttempts:
    def test_a_life(self, ledger: Ledger, clock: Clock) -> None:
        with_job(ledger)
        attempt = ledger.claim("k", "local", lambda number: f"/d/{number}", 7, 9000, 60)
        assert (attempt.number, attempt.directory, attempt.state) == (1, "/d/1", AttemptState.CLAIMED)
        job = ledger.job("k")
        assert (job.attempts, job.state) == (1, JobState.ACTIVE)
        assert (attempt.cores, job.cores, job.memory_mb, job.time_s) == (7, 7, 9000, 60)
        submitted = clock.go(1)
        ledger.submitted("k", 1, "pid 77")
        ledger.progressed("k", 1, AttemptState.RUNNING, started=clock.go(1), first_frame=clock.go(1))
        [(_, living)] = ledger.active()
        assert (living.native_id, living.submitted, living.state) == (
            "pid 77",
            submitted,
            AttemptState.RUNNING,
        )
        usage = ExitRecord(None, 9, "out_of_memory", 12.5, 40.0, 8999.0, 7)
        ledger.end_attempt("k", 1, "out_of_memory", "8999 MB", usage)
        [ended] = ledger.attempts("k")
        assert (ended.state, ended.code, ended.usage, ended.ended) == (3, "out_of_memory", usage, clock())
        assert ledger.job("k").state is JobState.ACTIVE
        assert topics(ledger)[-5:] == [
            "attempt.claimed", "attempt.submitted", "attempt.first_frame", "attempt.running", "attempt.ended",
        ]  # fmt: skip

    def test_what_comes_late_moves_nothing_back(self, ledger: Ledger, clock: Clock) -> None:
        with_job(ledger)
        claim(ledger)
        ledger.progressed("k", 1, AttemptState.RUNNING, started=START, first_frame=START)
        ledger.progressed("k", 1, AttemptState.SUBMITTED, started=clock.go(9), first_frame=clock())
        ledger.submitted("k", 1, "77")
        [attempt] = ledger.attempts("k")
        assert (attempt.state, attempt.started, attempt.first_frame) == (AttemptState.RUNNING, START, START)
        assert attempt.native_id == "77"
        ledger.end_attempt("k", 1, "node_lost", "gone")
        before = ledger.attempts("k")
        ledger.submitted("k", 1, "78")
        ledger.progressed("k", 1, AttemptState.RUNNING)
        ledger.end_attempt("k", 1, "good", "")
        assert ledger.attempts("k") == before
        with pytest.raises(InputError):
            ledger.progressed("k", 1, AttemptState.ENDED)

    def test_only_one_lives(self, ledger: Ledger) -> None:
        with_job(ledger)
        claim(ledger)
        with pytest.raises(InputError, match="lives"):
            claim(ledger)
        ledger.end_attempt("k", 1, "node_lost", "")
        assert claim(ledger) == 2

    def test_what_cannot_be_claimed(self, ledger: Ledger) -> None:
        with_job(ledger, "ended")
        ledger.end_job("ended", "cancelled", "")
        with_job(ledger, "unwanted")
        claim(ledger, "unwanted")
        ledger.want_cancel("unwanted")
        ledger.end_attempt("unwanted", 1, "node_lost", "")
        with_job(ledger, "closed", beamtime="11002")
        ledger.close_beamtime("11002", "stopped")
        for key, why in [
            ("ended", "ended"),
            ("unwanted", "cancelled"),
            ("closed", "11002"),
            ("nope", "nope"),
        ]:
            with pytest.raises(InputError, match=why):
                claim(ledger, key)
        assert [len(ledger.attempts(key)) for key in ("ended", "unwanted", "closed")] == [0, 1, 0]

    def test_a_claim_that_fails_half_way_leaves_nothing(self, ledger: Ledger) -> None:
        with_job(ledger)
        before = ledger.events()

        def broken(number: int) -> str:
            raise RuntimeError(number)

        with pytest.raises(RuntimeError):
            ledger.claim("k", "local", broken, 1)
        assert ledger.attempts("k") == () and ledger.job("k").attempts == 0
        assert ledger.events() == before
        assert claim(ledger) == 1


class TestResults:
    def test_finishing_ends_attempt_and_job_once(self, ledger: Ledger) -> None:
        with_job(ledger)
        claim(ledger)
        usage = ExitRecord(0, None, "", 10.0, 30.0, 512.0, 4)
        row = ledger.finish(new_result("k"), usage)
        assert row is not None
        assert (row.result, row.group, row.engine, row.published) == (new_result("k"), "a", "dials", False)
        assert ledger.finish(new_result("k", code="bad")) is None
        assert ledger.results() == ledger.unpublished() == (row,) == (ledger.result(row.id),)
        job, [attempt] = ledger.job("k"), ledger.attempts("k")
        assert (job.state, job.code) == (JobState.ENDED, "good")
        assert (attempt.state, attempt.code, attempt.usage) == (AttemptState.ENDED, "good", usage)
        assert topics(ledger)[-3:] == ["attempt.ended", "job.ended", "result"]
        with pytest.raises(InputError):
            ledger.finish(new_result("nope"))

    def test_a_late_result_counts_more_than_a_lost_node(self, ledger: Ledger) -> None:
        with_job(ledger)
        claim(ledger)
        ledger.end_attempt("k", 1, "node_lost", "")
        ledger.end_job("k", "node_lost", "")
        assert ledger.finish(new_result("k")) is not None
        assert (ledger.job("k").state, ledger.job("k").code) == (JobState.ENDED, "good")
        assert ledger.attempts("k")[0].code == "node_lost"

    def test_a_result_of_an_earlier_attempt_ends_the_living_one(self, ledger: Ledger) -> None:
        with_job(ledger)
        claim(ledger)
        ledger.end_attempt("k", 1, "node_lost", "")
        claim(ledger)
        assert ledger.finish(new_result("k"), attempt=1) is not None
        assert [one.code for one in ledger.attempts("k")] == ["node_lost", "cancelled"]
        assert ledger.active() == ()

    def test_publishing(self, ledger: Ledger) -> None:
        with_job(ledger)
        row = ledger.finish(new_result("k"))
        assert row is not None
        ledger.published(row.id)
        ledger.published(row.id)
        assert ledger.unpublished() == ()
        assert ledger.results(beamtime="11001")[0].published
        assert ledger.results(dataset=row.dataset, limit=5) == ledger.results()
        assert ledger.results(beamtime="nope") == ()
        assert topics(ledger).count("result.published") == 1

    def test_telling_is_a_matter_of_its_own(self, ledger: Ledger) -> None:
        rows = []
        for key in ("a", "b", "c"):
            with_job(ledger, key)
            rows.append(ledger.finish(new_result(key)))
        first, second, third = (row.id for row in rows)
        assert ledger.untold() == ()  # nothing is told before it is published
        assert [row.id for row in ledger.unpublished(after=first, limit=1)] == [second]
        ledger.published(first)
        ledger.published(second, told=True)
        ledger.published(third)
        assert [row.id for row in ledger.untold()] == [first, third]
        assert [row.id for row in ledger.untold(limit=1)] == [first]
        ledger.told(first)
        ledger.told(first)
        assert [row.id for row in ledger.untold()] == [third]

    def test_recommending(self, ledger: Ledger, clock: Clock) -> None:
        id_, other = with_job(ledger), with_job(ledger, "other")
        row = ledger.finish(new_result("k"))
        assert row is not None
        ledger.recommend(id_, None, "no result yet")
        ledger.recommend(id_, row.id, "the best")
        since = clock()
        clock.go(5)
        ledger.recommend(id_, row.id, "the best")
        [said] = ledger.recommendations("11001")
        assert (said.dataset, said.result, said.reason, said.since) == (id_, row.id, "the best", since)
        assert topics(ledger).count("recommendation") == 2
        with pytest.raises(InputError):
            ledger.recommend(other, row.id, "of another dataset")


class TestSums:
    def test_costs_of_the_last_results(self, ledger: Ledger) -> None:
        for number, key in enumerate(("a", "b", "c")):
            with_job(ledger, key)
            claim(ledger, key)
            ledger.finish(new_result(key, usable=100 + number), ExitRecord(0, None, "", 10.0, 3.0, 512.0, 4))
        with_job(ledger, "failed")
        claim(ledger, "failed")
        ledger.end_attempt("failed", 1, "node_lost", "", ExitRecord(1, None, "", 99.0, 3.0, 5.0, 4))
        assert ledger.costs("process", "dials", last=2) == (
            Cost(102, 3.0, 10.0, 512.0, 4),
            Cost(101, 3.0, 10.0, 512.0, 4),
        )
        assert ledger.costs("process", "xds") == ledger.costs("look", "dials") == ()

    def test_what_nobody_measured_is_reckoned_from_the_moments(self, ledger: Ledger, clock: Clock) -> None:
        with_job(ledger)
        claim(ledger, cores=3)
        ledger.progressed("k", 1, AttemptState.RUNNING, started=clock())
        clock.go(20)
        ledger.finish(new_result("k"))
        assert ledger.costs("process", "dials") == (Cost(3600, 60.0, 20.0, 0.0, 3),)
        ledger.used("k", 1, ExitRecord(0, None, "", 19.0, 3.0, 700.0, 3))
        ledger.used("k", 1, ExitRecord(0, None, "", 1.0, 1.0, 1.0, 1))
        assert ledger.costs("process", "dials") == (Cost(3600, 3.0, 19.0, 700.0, 3),)

    def test_accounts_keep_groups_apart_and_count_failed_attempts(self, ledger: Ledger) -> None:
        for key, group in (("a1", "a"), ("a2", "a"), ("b1", "b")):
            id_ = with_job(ledger, key, group=group)
            ledger.frames(id_, FrameCounts(100, 90, 90))
            ledger.files(id_, FilesSeen("x", 1, 1000, 0.0, "m"))
            claim(ledger, key)
            ledger.end_attempt(key, 1, "node_lost", "", ExitRecord(None, 9, "", 5.0, 1.0, 1.0, 2))
            claim(ledger, key)
            ledger.finish(new_result(key), ExitRecord(0, None, "", 10.0, 1.0, 1.0, 2))
        ledger.observe("11001", sighting("idle"), "c")
        with_job(ledger, "elsewhere", beamtime="11002", group="a")
        rows = {row.group: row for row in ledger.accounts("11001")}
        of_a = (2, 180, 60.0, 0.0, 2000, 24690)
        assert [tuple(getattr(rows["a"], name) for name in rows["a"].__slots__)[2:]] == [of_a]
        assert (rows["b"].core_seconds, rows["b"].result_bytes) == (30.0, 12345)
        assert (rows["c"].datasets, rows["c"].core_seconds) == (1, 0.0)
        assert set(rows) == {"a", "b", "c"}

    def test_the_clusters_own_figure_counts_where_there_is_one(self, ledger: Ledger) -> None:
        for key, group in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("c1", "c")):
            with_job(ledger, key, group=group)
            claim(ledger, key)
            ledger.finish(new_result(key), ExitRecord(0, None, "", 10.0, 1.0, 1.0, 2))
        ledger.charge("a1", 1, 88.0)
        ledger.charge("c1", 1, 7.0)
        ledger.charge("c1", 1, 0.0)  # a later word, and nothing is a figure, too
        rows = {row.group: (row.core_seconds, row.charged_core_seconds) for row in ledger.accounts("11001")}
        assert rows == {"a": (108.0, 88.0), "b": (20.0, 0.0), "c": (0.0, 0.0)}
        assert [one.charged_core_seconds for one in ledger.attempts("a1")] == [88.0]
        assert [one.charged_core_seconds for one in ledger.attempts("a2")] == [None]
        assert ledger.costs("process", "dials")[0].core_seconds == 1.0  # sizing goes by what work took
        with pytest.raises(InputError):
            ledger.charge("a1", 2, 1.0)

    @pytest.mark.parametrize("odd", [float("nan"), float("inf"), -3.0])
    def test_an_odd_charge_is_none(self, ledger: Ledger, odd: float) -> None:
        with_job(ledger)
        claim(ledger)
        ledger.charge("k", 1, odd)
        assert ledger.attempts("k")[0].charged_core_seconds == 0.0

    def test_attempts_that_ended_lately_are_uncharged_until_they_are_charged(
        self, ledger: Ledger, clock: Clock
    ) -> None:
        for key in ("old", "a", "b", "never", "lives"):
            with_job(ledger, key)
            claim(ledger, key)
            clock.go(60)
            if key != "never":
                ledger.submitted(key, 1, f"id-{key}")
            if key != "lives":
                ledger.end_attempt(key, 1, "node_lost", "")
        since = START + timedelta(seconds=60)
        assert ledger.uncharged("local", since) == (Uncharged("b", 1, "id-b"), Uncharged("a", 1, "id-a"))
        assert ledger.uncharged("slurm", since) == ()
        ledger.charge("b", 1, 0.0)
        assert [one.job for one in ledger.uncharged("local", since)] == ["a"]
        assert ledger.uncharged("local", clock()) == ()

    def test_what_failed_attempts_left_on_the_disk_is_charged_once(self, ledger: Ledger) -> None:
        with_job(ledger, "k")
        for n_bytes in (1000, 500):
            claim(ledger)
            ledger.end_attempt("k", len(ledger.attempts("k")), "node_lost", "", None, n_bytes=n_bytes)
        assert [one.n_bytes for one in ledger.attempts("k")] == [1000, 500]
        assert [row.result_bytes for row in ledger.accounts("11001")] == [1500]
        ledger.finish(new_result("k", n_bytes=600), attempt=2)  # it had left a result after all
        assert [row.result_bytes for row in ledger.accounts("11001")] == [1600]

    def test_an_early_ending_tells_nothing_of_what_frames_cost(self, ledger: Ledger) -> None:
        endings = [
            ("good", 9, 10),
            ("no_diffraction", 10, 10),
            ("no_diffraction", 2, 10),
            ("no_diffraction", 0, 0),
        ]
        endings += [("cancelled", 10, 10), ("frames_missing", 10, 10), ("engine_failed", 10, 10)]
        for number, (code, usable, announced) in enumerate(endings):
            with_job(ledger, f"k{number}")
            claim(ledger, f"k{number}")
            new = new_result(f"k{number}", code=code, usable=usable, announced=announced)
            ledger.finish(new, ExitRecord(0, None, "", 10.0, 3.0, 512.0, 4))
        assert [cost.frames for cost in ledger.costs("process", "dials")] == [10, 9]

    def test_what_groups_used_since_a_moment(self, ledger: Ledger, clock: Clock) -> None:
        usage = ExitRecord(0, None, "", 10.0, 3.0, 512.0, 4)
        for key, group in (("old", "a"), ("a", "a"), ("b", "b")):
            with_job(ledger, key, group=group)
            claim(ledger, key)
            clock.go(60)
            ledger.end_attempt(key, 1, "node_lost", "", usage)
        since = START + timedelta(seconds=60)
        assert ledger.used_since(since) == (
            Spent("a", START + timedelta(seconds=120), 40.0),
            Spent("b", clock(), 40.0),
        )
        assert ledger.used_since(clock()) == ()

    def test_jobs_of_one_beamtime(self, ledger: Ledger) -> None:
        with_job(ledger, "here")
        with_job(ledger, "there", beamtime="11002")
        assert [job.key for job in ledger.jobs(beamtime="11002")] == ["there"]
        assert ledger.jobs(beamtime="11003") == ()

    def test_lags_failures_and_counts(self, ledger: Ledger, clock: Clock) -> None:
        with_job(ledger, "k")
        with_job(ledger, "never")
        ledger.end_job("never", "beamtime_closed", "")
        clock.go(2)
        claim(ledger)
        ledger.submitted("k", 1, "1")
        ledger.end_attempt("k", 1, "node_lost", "")
        claim(ledger)
        ledger.finish(new_result("k"))
        lags = ledger.lags("11001")
        assert [(one.job, one.attempt, one.code) for one in lags] == [("k", 1, "node_lost"), ("k", 2, "good")]
        assert (lags[0].seen, lags[0].planned, lags[0].submitted) == (START, START, clock())
        assert (lags[0].work_class, lags[1].submitted) == (WorkClass.FULL, None)
        assert ledger.failures("11001") == {"beamtime_closed": Ended(0, 1), "node_lost": Ended(1, 0)}
        assert ledger.counts("11001").datasets == {"growing": 2}
        assert ledger.counts("11001").jobs == {(WorkClass.FULL, JobState.ENDED): 2}
        assert ledger.lags("x") == () and ledger.failures("x") == {}


class TestEvents:
    def test_following(self, ledger: Ledger) -> None:
        first = ledger.append("note", {"a": 1}, "11001", "a")
        second = ledger.append("other", {}, "11002")
        assert second > first
        [row] = ledger.events(topic="note")
        assert (row.id, row.at, row.payload, row.beamtime, row.group) == (
            first,
            START,
            {"a": 1},
            "11001",
            "a",
        )
        assert [one.id for one in ledger.events(after=first)] == [second] == [ledger.last_event()]
        assert [one.id for one in ledger.events(beamtime="11001", limit=9)] == [first]
        assert len(ledger.events(limit=1)) == 1

    def test_a_follower_misses_nothing_while_many_write(self, ledger: Ledger) -> None:
        """It goes on after the last id it saw; an id below that must never turn up later."""
        each, n_writers = 40, 4
        threads = [
            threading.Thread(target=lambda: [ledger.append("note", {}) for _ in range(each)])
            for _ in range(n_writers)
        ]
        for thread in threads:
            thread.start()
        seen: list[int] = []
        while any(thread.is_alive() for thread in threads):
            seen += [event.id for event in ledger.events(after=seen[-1] if seen else 0, limit=7)]
        for thread in threads:
            thread.join()
        seen += [event.id for event in ledger.events(after=seen[-1], limit=each * n_writers)]
        assert seen == sorted(seen)
        assert len(seen) == each * n_writers


class TestDatabase:
    def test_it_is_all_there_after_opening_again(self, address: str, ledger: Ledger) -> None:
        with_job(ledger)
        claim(ledger)
        ledger.finish(new_result("k"))
        before = (ledger.jobs(), ledger.results(), ledger.events(), ledger.attempts("k"), ledger.datasets())
        again = open_ledger(address)
        after = (again.jobs(), again.results(), again.events(), again.attempts("k"), again.datasets())
        again.close()
        assert before == after

    def test_the_database_itself_refuses_what_must_not_be(self, ledger: Ledger) -> None:
        with_job(ledger)
        claim(ledger)
        ledger.finish(new_result("k"))
        claim_again = {"job": "k", "number": 2, "cluster": "", "native_id": "", "directory": "", "state": 1}
        claim_again |= {"cores": 1, "code": "", "detail": "", "claimed": START, "core_seconds": 0.0}
        second = {"job": "k", "usable": 1, "announced": 1, "summary": {}, "n_bytes": 1, "published": False}
        second |= {"directory": "", "code": "", "words": "", "created": START}
        with ledger._database.writing() as connection:
            connection.execute(attempts.insert().values(claim_again))
        for table, change in [
            (attempts, claim_again | {"number": 3}),
            (attempts, claim_again | {"number": 1, "state": 3}),
            (attempts, claim_again | {"job": "nobody"}),
            (results, second),
        ]:
            with pytest.raises(IntegrityError), ledger._database.writing() as connection:
                connection.execute(table.insert().values(change))
        for table, name in [(datasets, "datasets"), (jobs, "jobs")]:
            with pytest.raises(IntegrityError, match=r"(?i)unique"), ledger._database.writing() as connection:
                columns = ", ".join(f'"{column.name}"' for column in table.c if column.name != "id")
                connection.exec_driver_sql(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {name}")

    def test_the_number_of_statements_does_not_grow(self, ledger: Ledger) -> None:
        def calls() -> dict[str, int]:
            counted = {}
            for name, call in {
                "waiting": ledger.waiting,
                "active": ledger.active,
                "unpublished": ledger.unpublished,
                "untold": ledger.untold,
                "datasets": ledger.datasets,
                "jobs": ledger.jobs,
                "results": ledger.results,
                "accounts": lambda: ledger.accounts("11001"),
                "lags": lambda: ledger.lags("11001"),
                "counts": lambda: ledger.counts("11001"),
                "costs": lambda: ledger.costs("process", "dials"),
                "plan": lambda: ledger.plan(
                    1, [planned(f"{len(counted)}{n}") for n in range(len(ledger.jobs()))]
                ),
            }.items():
                before = len(ledger.jobs()) if name == "plan" else 0
                with statements(ledger) as sent:
                    call()
                counted[name] = len(sent) - (before > 0)
            return counted

        def grow(keys: range) -> None:
            for number in keys:
                with_job(ledger, f"j{number}")
                if number % 2:
                    claim(ledger, f"j{number}")
                if number % 3 == 0:
                    ledger.finish(new_result(f"j{number}"))

        grow(range(3))
        few = calls()
        grow(range(3, 40))
        assert calls() == few
        assert max(few.values()) <= 6

    def test_ticks_use_their_indices(self, ledger: Ledger) -> None:
        """What is asked five times a second must not walk through all jobs there ever were."""
        with_job(ledger)
        for call, index in [
            (ledger.waiting, "ix_jobs_open"),
            (ledger.jobs_not_ended, "ix_jobs_open"),
            (ledger.active, "uq_attempts_living"),
            (ledger.unpublished, "ix_results_unpublished"),
            (ledger.untold, "ix_results_untold"),
            (lambda: ledger.uncharged("local", START), "ix_attempts_ended"),
        ]:
            with statements(ledger) as sent:
                call()
            assert index in _plan_of(ledger, sent[0]), call


def _plan_of(ledger: Ledger, statement: str) -> str:
    """How the database would carry out a statement, if its tables were large."""
    with ledger._database.reading() as connection:
        if ledger._database.is_sqlite:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.replace('?', '0')}")
            return "\n".join(row[3] for row in rows)
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        bare = re.sub(r"%\(\w+\)s::TIMESTAMP WITH TIME ZONE", "now()", statement)
        bare = re.sub(r"%\(\w+\)s::VARCHAR", "''", bare)
        bare = re.sub(r"%\(\w+\)s(::[A-Z ]+)?", "NULL", bare)
        return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {bare}"))


class TestScale:
    def test_among_thousands_of_jobs(self, ledger: Ledger) -> None:
        """What a tick asks for is found among them."""
        ledger.open_beamtime("11001", "/gpfs/current")
        for number in range(40):
            id_ = ledger.observe("11001", sighting(str(number)), "ab"[number % 2]).dataset.id
            ledger.plan(id_, [planned(f"{number}-{n}") for n in range(25)])
        with ledger._database.writing() as connection:
            done = jobs.c.key.notin_(["7-1", "8-2"])
            connection.execute(jobs.update().where(done).values(state=2, code="good"))
        claim(ledger, "8-2")
        with statements(ledger) as sent:
            assert [job.key for job in ledger.waiting()] == ["7-1"]
            assert [job.key for job, _ in ledger.active()] == ["8-2"]
            assert len(ledger.datasets(limit=20)) == 20
        assert len(sent) == 3
        assert ledger.counts("11001").jobs[WorkClass.FULL, JobState.ENDED] == 998
        assert ledger.last_event() > 1000


def test_a_full_disk_is_said_and_work_goes_on_afterwards(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    with ledger._database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(BeampaceError) as caught:
        for _ in range(1000):
            ledger.append("note", {"text": "x" * 1000})
    assert caught.value.code == "disk_full"
    n_events = len(ledger.events(limit=5000))
    with ledger._database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    ledger.append("note", {"text": "x" * 1000})
    assert len(ledger.events(limit=5000)) == n_events + 1
    ledger.close()


def test_sqlite_is_set_up_as_it_should_be(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    wanted = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 20000}
    with ledger._database.reading() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}
    ledger.close()
    assert found == wanted


def test_events_are_never_numbered_again(tmp_path: Path) -> None:
    """A browser goes on after the last id it saw, also when old events were deleted meanwhile."""
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    last = ledger.append("note", {})
    with ledger._database.writing() as connection:
        connection.execute(events.delete())
    assert ledger.append("note", {}) == last + 1
    ledger.close()
