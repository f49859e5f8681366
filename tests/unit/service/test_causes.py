"""The true cause of an ending: what the launcher, the queue and the daemon itself know, put together."""

from __future__ import annotations

from pathlib import Path

import pytest

from beampace.core.job import AttemptState, Ending, ExitRecord, JobState, Next
from beampace.core.taxonomy import TAXONOMY, Failure
from beampace.service.causes import Circumstances, named, unexplained
from tests.support.desk import bench

CANCELLED = ExitRecord(signal=15, reason="cancelled", seconds=8.2, max_rss_mb=611.6)
HUNGRY = ExitRecord(signal=15, reason="out_of_memory", seconds=8.2, max_rss_mb=611.6)
SLOW = ExitRecord(signal=15, reason="timed_out", seconds=61.0)


def step(code: str, detail: str = "", *, has_result: bool = True) -> Next:
    return Next(AttemptState.ENDED, code, detail, has_result)


def queue(code: Failure | None, words: str = "The queue's words.") -> Ending:
    return Ending(code, words)


@pytest.mark.parametrize(
    ("said", "known", "code", "words"),
    [
        ("diffraction", Circumstances(record=CANCELLED), "diffraction", ""),
        ("cancelled", Circumstances(record=CANCELLED, wanted=True), "cancelled", ""),
        ("engine_failed", Circumstances(record=CANCELLED, wanted=True), "cancelled", ""),
        ("cancelled", Circumstances(record=CANCELLED), "preempted", "nobody says by whom"),
        ("engine_failed", Circumstances(record=CANCELLED), "preempted", "nobody says by whom"),
        (
            "cancelled",
            Circumstances(record=CANCELLED, ending=queue(Failure.CANCELLED)),
            "preempted",
            "Somebody else cancelled it",
        ),
        (
            "engine_failed",
            Circumstances(ending=queue(Failure.CANCELLED)),
            "preempted",
            "Somebody else cancelled it",
        ),
        (
            "cancelled",
            Circumstances(record=CANCELLED, ending=queue(Failure.TIMED_OUT)),
            "preempted",
            "before its own time was up",
        ),
        (
            "cancelled",
            Circumstances(record=CANCELLED, ending=queue(Failure.PREEMPTED)),
            "preempted",
            "The queue's words.",
        ),
        (
            "cancelled",
            Circumstances(record=CANCELLED, ending=queue(Failure.NODE_LOST)),
            "node_lost",
            "The queue's words.",
        ),
        (
            "engine_failed",
            Circumstances(record=CANCELLED, ending=queue(Failure.OUT_OF_MEMORY)),
            "out_of_memory",
            "The queue's words.",
        ),
        (
            "beamtime_closed",
            Circumstances(ending=queue(Failure.BEAMTIME_CLOSED, "Its reservation was deleted.")),
            "preempted",
            "Its reservation was deleted.",
        ),
        ("beamtime_closed", Circumstances(), "preempted", "opened again"),
        ("cancelled", Circumstances(closing=True), "beamtime_closed", "The beamtime ended"),
        ("engine_failed", Circumstances(closing=True), "beamtime_closed", "The beamtime ended"),
        (
            "cancelled",
            Circumstances(record=HUNGRY, memory_mb=400, closing=True),
            "out_of_memory",
            "It was given 400 MB and took 612 MB.",
        ),
        (
            "engine_failed",
            Circumstances(record=SLOW, time_s=60),
            "timed_out",
            "It was given 60 s and took 61 s.",
        ),
        (
            "engine_failed",
            Circumstances(words="A program stopped. It said no."),
            "engine_failed",
            "A program stopped. It said no.",
        ),
        (
            "engine_failed",
            Circumstances(ending=queue(Failure.ENGINE_FAILED), words="It said no."),
            "engine_failed",
            "It said no.",
        ),
    ],
)
def test_causes(said: str, known: Circumstances, code: str, words: str) -> None:
    found = named(step(said), known)
    assert found.code == code
    assert words in found.detail
    assert bool(words) == bool(found.detail)


def test_what_the_job_itself_left_names_a_failure_without_result() -> None:
    assert named(step("engine_failed", has_result=False), Circumstances(said="disk_full")).code == "disk_full"


def test_the_queue_is_waited_for_only_when_nobody_here_ended_it() -> None:
    assert unexplained(step("cancelled"), Circumstances(record=CANCELLED))
    for known in (
        Circumstances(closing=True),
        Circumstances(wanted=True),
        Circumstances(ending=queue(Failure.CANCELLED)),
        Circumstances(record=HUNGRY),
    ):
        assert not unexplained(step("cancelled"), known)
    assert not unexplained(step("diffraction"), Circumstances())


def test_what_the_queue_says_a_moment_later_is_the_cause(tmp_path: Path) -> None:
    with bench(tmp_path, cluster={"kind": "slurm"}) as daemon:
        job = daemon.jobs(daemon.see())["look"]
        assert daemon.start() == 1
        daemon.leave_result(job.key, Failure.CANCELLED)
        daemon.leave_exit(job.key, exit=130, reason="cancelled")
        daemon.gone(job.key)
        daemon.follow()
        assert daemon.ledger.attempts(job.key)[0].state is not AttemptState.ENDED
        daemon.cluster.endings[f"memory:{job.key}-1"] = queue(Failure.NODE_LOST, "Its node failed.")
        daemon.follow()
        attempt = daemon.ledger.attempts(job.key)[0]
        assert (attempt.code, attempt.detail) == (Failure.NODE_LOST, "Its node failed.")


def test_a_queue_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with bench(tmp_path, cluster={"kind": "slurm"}) as daemon:
        job = daemon.jobs(daemon.see())["look"]
        assert daemon.start() == 1
        daemon.leave_result(job.key, Failure.CANCELLED)
        daemon.gone(job.key)
        daemon.follow()
        daemon.go(4)
        daemon.follow()
        assert daemon.ledger.attempts(job.key)[0].code == Failure.PREEMPTED


def test_the_last_attempt_that_was_ended_for_its_memory_says_so(tmp_path: Path) -> None:
    """Its program only knew that it was told to stop."""
    with bench(tmp_path, cluster={"attempts": 1}) as daemon:
        job = daemon.jobs(daemon.see())["look"]
        assert daemon.start() == 1
        daemon.leave_result(job.key, Failure.CANCELLED)
        daemon.leave_exit(job.key, exit=130, reason="out_of_memory", max_rss_mb=900.0)
        daemon.gone(job.key)
        (row,) = daemon.follow()
        assert row.result.code == Failure.OUT_OF_MEMORY
        assert row.result.words.startswith(TAXONOMY[Failure.OUT_OF_MEMORY].words)
        assert "took 900 MB" in row.result.words
        assert row.result.summary["next_step"] == TAXONOMY[Failure.OUT_OF_MEMORY].next_step
        ended = daemon.ledger.job(job.key)
        assert (ended.state, ended.code) == (JobState.ENDED, Failure.OUT_OF_MEMORY)
