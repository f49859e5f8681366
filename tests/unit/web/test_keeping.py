"""Whether processing keeps up."""

from dataclasses import replace
from datetime import timedelta

import pytest

from beampace.core.job import JobState
from beampace.core.work import WorkClass, WorkName
from beampace.store import open_ledger
from beampace.store.records import FrameCounts
from beampace.web.answers import JobInfo
from beampace.web.api.now import latest_frame, next_result
from beampace.web.keeping import duration, keeping
from beampace.web.stream.live import LiveDelta
from tests.support.ledgers import START, Clock, with_job


@pytest.fixture
def rows(tmp_path):
    """A job of full processing that waits, and its dataset: complete, 3,600 frames of 7.5 ms: 27 s."""
    ledger = open_ledger(tmp_path, clock=Clock())
    dataset = ledger.dataset(with_job(ledger))
    (job,) = ledger.waiting()
    ledger.close()
    return job, replace(dataset, state="complete", last_frame=START)


def after(rows, seconds, **changes):
    job, dataset = replace(rows[0], **changes), rows[1]
    return keeping([job], {dataset.id: dataset}, START + timedelta(seconds=seconds))


def test_nothing_open_is_nothing_behind():
    assert keeping([], {}, START) == ("Processing keeps up: nothing waits", "good", None)


def test_behind_counts_from_the_last_frame(rows):
    assert after(rows, 3) == ("Processing keeps up: 3 s behind", "good", 3.0)
    late = after(rows, 600)
    assert late == ("Processing is 10 min behind; 1 job waits", "fair", 600.0)
    assert after(rows, 600, state=JobState.ACTIVE).words == "Processing is 10 min behind"


def test_behind_counts_from_the_plan_when_that_was_later(rows):
    assert after(rows, 600, planned=START + timedelta(seconds=590)).lag_s == 10.0


def test_each_class_has_its_own_patience(rows):
    job, dataset = rows
    long = replace(dataset, n_announced=80_000)  # ten minutes of collecting
    now = START + timedelta(seconds=400)
    assert keeping([job], {long.id: long}, now).tone == "good"
    assert keeping([job], {dataset.id: dataset}, now).tone == "fair"
    assert after(rows, 20, work_class=WorkClass.URGENT).tone == "fair"
    assert after(rows, 20, work_class=WorkClass.LIVE).tone == "good"


def test_what_people_asked_for_does_not_count(rows):
    assert after(rows, 9000, work_class=WorkClass.RERUN).lag_s is None


def test_while_frames_come_it_is_the_frames_not_looked_at(rows):
    job, dataset = rows
    look = replace(job, work=WorkName.LOOK, work_class=WorkClass.LIVE, state=JobState.ACTIVE)
    frames = FrameCounts(announced=3600, readable=1400, analysed=1000)
    growing = replace(dataset, state="growing", frames=frames)
    found = keeping([look], {growing.id: growing}, START + timedelta(seconds=500))
    assert found.lag_s == pytest.approx(400 * 0.0075)
    assert found.words == "Processing keeps up: 3 s behind"


def test_durations_are_short():
    assert [duration(s) for s in (0.4, 119, 121, 7100, 9000)] == ["0 s", "119 s", "2 min", "118 min", "2.5 h"]


def job(**changes):
    values = {"key": "k", "dataset": 3, "name": "lyso", "work": "process", "engine": "dials"}
    return JobInfo(**(values | {"work_class": "full", "state": "active"} | changes))


def test_the_next_result_is_the_first_that_is_expected():
    jobs = [job(expected_s=50.0), job(), job(work="map", engine="", expected_s=4.5, dataset=4)]
    found = next_result(jobs, START)
    assert (found.dataset, found.words, found.expected_s) == (4, "heat map of lyso", 4.5)
    assert found.expected_at == START + timedelta(seconds=4.5)
    assert next_result([job()], START) is None
    assert next_result(jobs[:1], START).words == "merged data of lyso by dials"


def test_the_latest_frame_is_the_last_that_could_be_read():
    columns = {"frame": (1, 2, 3), "verdict": ("good", "blank", "failed")}
    assert latest_frame(LiveDelta(dataset=1, work="look", job="k", state="running", columns=columns)) == 2
    assert latest_frame(LiveDelta(dataset=1, work="look", job="k", state="running")) is None
