"""The steps of the daemon, one by one, with everything that can come in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.job import AttemptState, ClusterState, JobState
from beampace.core.taxonomy import Failure
from beampace.service.cancelling import Canceller
from beampace.work.order import Order
from tests.support.desk import BEAMTIME, Bench, bench


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


def test_first_sight_plans_look_and_the_end_plans_processing(daemon: Bench) -> None:
    dataset = daemon.see()
    assert set(daemon.jobs(dataset)) == {"look"}
    assert daemon.files(dataset, 1) is None
    assert daemon.ledger.dataset(dataset).state == "growing"
    assert daemon.files(dataset, 2, changed_s=0.5) is None
    assert daemon.files(dataset, 2, changed_s=1.5) == dataset
    assert daemon.ledger.dataset(dataset).state == "complete"
    assert set(daemon.jobs(dataset)) == {"look", "process dials"}


def test_the_same_sight_again_changes_nothing(daemon: Bench) -> None:
    dataset = daemon.see()
    assert daemon.see() == dataset
    assert len(daemon.ledger.jobs(dataset=dataset)) == 1


def test_an_aborted_scan_is_processed_after_its_patience(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.files(dataset, 1)
    daemon.files(dataset, 1, changed_s=14.0)
    assert daemon.ledger.dataset(dataset).state == "growing"
    daemon.files(dataset, 1, changed_s=16.0)
    assert daemon.ledger.dataset(dataset).state == "stopped"
    assert "process dials" in daemon.jobs(dataset)


def test_a_late_info_file_turns_a_rotation_into_a_grid(daemon: Bench) -> None:
    dataset = daemon.see(kind=DatasetKind.ROTATION)
    daemon.see(kind=DatasetKind.GRID)
    jobs = daemon.jobs(dataset)
    assert jobs["look"].cancel_wanted
    assert not jobs["map"].cancel_wanted
    Canceller(daemon.desk).carry_out(daemon.ledger.active())
    assert daemon.jobs(dataset)["look"].code == Failure.CANCELLED


def test_a_job_is_started_once_and_its_order_says_what_to_do(daemon: Bench) -> None:
    dataset = daemon.see()
    assert daemon.start() == 1
    assert daemon.start() == 0
    job = daemon.jobs(dataset)["look"]
    order = Order.read(daemon.directory(job.key) / "order.json")
    assert order.work == "look"
    assert order.master == Path(daemon.ledger.dataset(dataset).path)
    assert order.results == daemon.root / "processed" / "s" / "beampace"
    assert [spec.name for spec in daemon.cluster.submitted.values()] == [f"{job.key}-1"]


def test_a_second_dataset_of_a_place_has_results_of_its_own(daemon: Bench) -> None:
    first, second = daemon.see("E/1"), daemon.see("E/2")
    daemon.start()
    places = {
        dataset: Order.read(daemon.directory(daemon.jobs(dataset)["look"].key) / "order.json").results
        for dataset in (first, second)
    }
    assert places[first] == daemon.root / "processed" / "s" / "beampace"
    assert places[second] == daemon.root / "processed" / "s" / f"E_2-{second}" / "beampace"


def test_a_result_ends_the_job_once(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.start()
    job = daemon.jobs(dataset)["look"]
    daemon.leave_result(job.key)
    daemon.leave_exit(job.key, exit=0, seconds=2.0, cpu_s=1.5)
    daemon.gone(job.key)
    assert [row.result.code for row in daemon.follow()] == ["diffraction"]
    assert daemon.follow() == []
    ended = daemon.jobs(dataset)["look"]
    assert (ended.state, ended.code) == (JobState.ENDED, "diffraction")
    assert daemon.ledger.dataset(dataset).frames.readable == 10


def test_a_result_of_another_job_is_no_evidence(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.start()
    job = daemon.jobs(dataset)["look"]
    daemon.leave_result(job.key, job="somebodyelse")
    daemon.gone(job.key)
    daemon.follow()
    daemon.go(10)
    assert daemon.follow() == []
    assert daemon.ledger.attempts(job.key)[0].code == Failure.NODE_LOST


def test_a_result_waits_until_nothing_of_its_attempt_runs(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.start()
    job = daemon.jobs(dataset)["look"]
    daemon.leave_result(job.key)
    daemon.cluster.set_state(f"memory:{job.key}-1", ClusterState.RUNNING)
    assert daemon.follow() == []
    assert daemon.ledger.attempts(job.key)[0].state is AttemptState.RUNNING


def test_what_is_unknown_changes_nothing(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.start()
    job = daemon.jobs(dataset)["look"]
    for state in (ClusterState.UNKNOWN, ClusterState.QUEUED):
        daemon.cluster.set_state(f"memory:{job.key}-1", state)
        daemon.go(1000)
        assert daemon.follow() == []
        assert daemon.ledger.attempts(job.key)[0].state is AttemptState.SUBMITTED


def test_a_failed_poll_changes_nothing_and_says_so(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.start()
    daemon.cluster.polls_fail = True
    daemon.follow()
    assert daemon.follower.poll_failed_since == 1000.0
    assert daemon.jobs(dataset)["look"].state is JobState.ACTIVE
    daemon.cluster.polls_fail = False
    daemon.follow()
    assert daemon.follower.poll_failed_since is None


def test_a_lost_job_is_tried_again_and_not_for_ever(daemon: Bench) -> None:
    dataset = daemon.see()
    key = daemon.jobs(dataset)["look"].key
    for number in (1, 2, 3):
        assert daemon.start() == 1
        daemon.gone(key, number)
        daemon.follow()
        assert daemon.ledger.job(key).state is JobState.ACTIVE
        daemon.go(4)
        daemon.follow()
        assert daemon.start() == 0, "the next attempt waits"
        daemon.go(100)
    assert daemon.start() == 0
    job = daemon.ledger.job(key)
    assert (job.state, job.code, job.attempts) == (JobState.ENDED, Failure.NODE_LOST, 3)


def test_files_may_lag_behind_the_word_of_the_cluster(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.start()
    job = daemon.jobs(dataset)["look"]
    daemon.gone(job.key)
    daemon.follow()
    daemon.go(2)
    daemon.follow()
    daemon.leave_result(job.key)
    assert len(daemon.follow()) == 1


def test_science_that_failed_is_a_result_and_not_tried_again(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.start()
    job = daemon.jobs(dataset)["look"]
    daemon.leave_result(job.key, Failure.NO_DIFFRACTION)
    daemon.gone(job.key)
    daemon.follow()
    daemon.go(100)
    assert daemon.start() == 0
    assert daemon.jobs(dataset)["look"].code == Failure.NO_DIFFRACTION


def test_a_full_disk_is_tried_again_although_there_is_a_result(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.start()
    job = daemon.jobs(dataset)["look"]
    daemon.leave_result(job.key, Failure.DISK_FULL)
    daemon.gone(job.key)
    assert daemon.follow() == []
    daemon.go(100)
    assert daemon.start() == 1


@pytest.mark.parametrize("reason", [Failure.OUT_OF_MEMORY, Failure.TIMED_OUT])
def test_a_limit_that_ended_the_program_is_the_reason_and_is_raised(daemon: Bench, reason: Failure) -> None:
    dataset = daemon.see()
    daemon.start()
    before = daemon.jobs(dataset)["look"]
    daemon.leave_result(before.key, Failure.CANCELLED)
    daemon.leave_exit(before.key, exit=130, reason=reason.value)
    daemon.gone(before.key)
    daemon.follow()
    assert daemon.ledger.attempts(before.key)[0].code == reason
    daemon.go(100)
    assert daemon.start() == 1
    after = daemon.ledger.job(before.key)
    grew = {
        Failure.OUT_OF_MEMORY: after.memory_mb / before.memory_mb,
        Failure.TIMED_OUT: after.time_s / before.time_s,
    }
    assert grew[reason] == pytest.approx(2.0)


def test_a_stranger_who_ends_a_job_does_not_cancel_it(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.start()
    job = daemon.jobs(dataset)["look"]
    daemon.leave_result(job.key, Failure.CANCELLED)
    daemon.gone(job.key)
    daemon.follow()
    assert daemon.ledger.attempts(job.key)[0].code == Failure.PREEMPTED
    assert daemon.ledger.job(job.key).state is JobState.ACTIVE


def test_cancel_ends_a_running_job_for_good(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.start()
    job = daemon.jobs(dataset)["look"]
    daemon.ledger.want_cancel(job.key)
    Canceller(daemon.desk).carry_out(daemon.ledger.active())
    assert daemon.cluster.cancelled == [f"memory:{job.key}-1"]
    daemon.leave_result(job.key, Failure.CANCELLED)
    daemon.follow()
    assert daemon.ledger.job(job.key).code == Failure.CANCELLED
    daemon.go(100)
    assert daemon.start() == 0


def test_a_daemon_that_died_before_the_submit_gives_it_to_the_cluster(daemon: Bench) -> None:
    dataset = daemon.see()
    job = daemon.jobs(dataset)["look"]
    daemon.ledger.claim(job.key, "memory", lambda number: str(daemon.directory(job.key, number)), 1)
    assert daemon.start() == 0, "a living attempt is not doubled"
    daemon.starter.take_up(daemon.ledger.active())
    assert len(daemon.cluster.submitted) == 1
    assert daemon.ledger.attempts(job.key)[0].state is AttemptState.SUBMITTED


def test_a_daemon_that_died_after_the_submit_finds_it_again(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.cluster.lose_answer = True
    daemon.start()
    job = daemon.jobs(dataset)["look"]
    assert daemon.ledger.attempts(job.key)[0].state is AttemptState.CLAIMED
    daemon.starter.take_up(daemon.ledger.active())
    assert daemon.ledger.attempts(job.key)[0].state is AttemptState.CLAIMED, "it is not asked all the time"
    daemon.go(3)
    daemon.starter.take_up(daemon.ledger.active())
    assert len(daemon.cluster.submitted) == 1
    assert daemon.ledger.attempts(job.key)[0].state is AttemptState.SUBMITTED


def test_a_queue_that_takes_nothing_is_asked_again(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.cluster.refuse = Failure.REJECTED_BY_QUEUE
    assert daemon.start() == 0
    assert daemon.jobs(dataset)["look"].state is JobState.ACTIVE
    daemon.cluster.refuse = None
    daemon.go(100)
    assert daemon.start() == 1


def test_space_that_is_short_holds_what_writes_much(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.files(dataset, 2, changed_s=2.0)
    assert daemon.start(short=True) == 1
    assert daemon.jobs(dataset)["process dials"].state is JobState.WAITING
    assert daemon.start() == 1


def test_late_frames_make_another_generation_and_drop_what_was_not_begun(daemon: Bench) -> None:
    dataset = daemon.see()
    daemon.start()
    job = daemon.jobs(dataset)["look"]
    daemon.files(dataset, 1, changed_s=20.0)
    daemon.leave_result(job.key, usable=5)
    daemon.gone(job.key)
    daemon.follow()
    assert daemon.files(dataset, 2) == dataset
    daemon.intake.grew(dataset)
    rows = daemon.ledger.jobs(dataset=dataset)
    assert {(row.work.value, row.generation, row.cancel_wanted) for row in rows} == {
        ("look", 0, False),
        ("process", 0, True),
        ("look", 1, False),
        ("process", 1, False),
    }


def test_a_stopped_beamtime_drains_then_ends_what_is_left(daemon: Bench) -> None:
    running, waiting = daemon.see("E/1"), daemon.see("E/2")
    daemon.ledger.want_cancel(daemon.jobs(waiting)["look"].key)
    daemon.start()
    daemon.files(running, 2, changed_s=2.0)
    daemon.life.stop(BEAMTIME)
    daemon.life.drain(daemon.ledger.active())
    assert daemon.life.draining == {BEAMTIME}
    assert daemon.cluster.cancelled == []
    daemon.go(301)
    daemon.life.drain(daemon.ledger.active())
    assert daemon.life.closing == {BEAMTIME}
    job = daemon.jobs(running)["look"]
    assert (daemon.directory(job.key) / "stop_reason").read_text() == Failure.BEAMTIME_CLOSED
    assert daemon.jobs(running)["process dials"].code == Failure.BEAMTIME_CLOSED
    daemon.leave_exit(job.key, exit=130)
    daemon.follow(daemon.life.closing)
    daemon.go(5)
    daemon.follow(daemon.life.closing)
    daemon.life.drain(daemon.ledger.active())
    assert daemon.ledger.job(job.key).code == Failure.BEAMTIME_CLOSED
    assert daemon.ledger.beamtime(BEAMTIME).closed is not None
    assert daemon.life.closing == daemon.life.draining == frozenset()


def test_files_that_vanish_at_the_stop_end_the_work_at_once(daemon: Bench) -> None:
    daemon.see()
    daemon.start()
    (daemon.root / "raw").rmdir()
    daemon.life.stop(BEAMTIME)
    daemon.life.drain(daemon.ledger.active())
    assert daemon.life.closing == {BEAMTIME}
    assert len(daemon.cluster.cancelled) == 1


def test_one_attempt_that_cannot_be_followed_holds_up_no_other(
    daemon: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = [daemon.see("E/1"), daemon.see("E/2"), daemon.see("E/3")]
    while daemon.start():
        pass
    keys = [daemon.jobs(dataset)["look"].key for dataset in datasets]
    for key in keys:
        daemon.leave_result(key)
        daemon.gone(key)
    finish = daemon.ledger.finish

    def refuse_one(new: Any, *rest: Any) -> Any:
        if new.job == keys[1]:
            raise OSError(5, "Input/output error", new.directory)
        return finish(new, *rest)

    monkeypatch.setattr(daemon.ledger, "finish", refuse_one)
    assert {row.job for row in daemon.follow()} == {keys[0], keys[2]}
    assert keys[1] in daemon.follower.troubles[0].where
    monkeypatch.undo()
    assert [row.job for row in daemon.follow()] == [keys[1]]
    assert daemon.follower.troubles == ()


def test_submits_that_were_refused_cost_no_attempt(daemon: Bench) -> None:
    dataset = daemon.see()
    key = daemon.jobs(dataset)["look"].key
    daemon.cluster.refuse = Failure.DISK_FULL
    for _ in range(4):
        assert daemon.start() == 0
        daemon.go(100)
    daemon.cluster.refuse = None
    assert daemon.start() == 1
    daemon.gone(key, 5)
    daemon.follow()
    daemon.go(5)
    daemon.follow()
    assert daemon.ledger.attempts(key)[-1].code == Failure.NODE_LOST
    assert daemon.ledger.job(key).state is JobState.ACTIVE


def test_a_job_that_knows_its_disk_was_full_waits_for_space(daemon: Bench) -> None:
    dataset = daemon.see()
    key = daemon.jobs(dataset)["look"].key
    for number in range(1, 7):
        assert daemon.start() == 1
        (daemon.directory(key, number) / "ending").write_text("disk_full")
        daemon.leave_exit(key, number, exit=3)
        daemon.gone(key, number)
        daemon.follow()
        daemon.go(5)
        daemon.follow()
        daemon.go(100)
    assert {attempt.code for attempt in daemon.ledger.attempts(key)} == {Failure.DISK_FULL}
    assert daemon.ledger.job(key).state is JobState.ACTIVE


def test_a_series_written_over_another_ends_it(daemon: Bench) -> None:
    path = str(daemon.root / "raw" / "s" / "x_master.h5")
    old = daemon.see("E/1", path=path)
    new = daemon.see("E/2", path=path)
    assert daemon.ledger.dataset(old).state == "stopped"
    assert daemon.jobs(old)["look"].code == Failure.CANCELLED
    assert daemon.ledger.dataset(new).state == "growing"
    assert daemon.jobs(new)["look"].state is JobState.WAITING
