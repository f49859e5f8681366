"""Answers of slurmrestd: v0.0.38 against what squeue said at that moment, later versions as documented."""

import json
import re
from pathlib import Path

import pytest

from beampace.cluster.slurm.rest_answers import (
    Fault,
    exit_code,
    number,
    past_jobs,
    queued_jobs,
    read_reply,
    served,
    state_word,
    submitted,
    words,
)
from beampace.cluster.slurm.squeue import Seen, parse_squeue

DATA = Path(__file__).parent / "data"
NOW = 1795835000
"""The moment of the answers that were made by hand."""
DOCUMENTED = (39, 40, 44)


def read(name):
    return read_reply(200, (DATA / name).read_text())


def document(name):
    return read(name).document


def test_the_queue_is_seen_as_squeue_shows_it():
    shown = parse_squeue((DATA / "v0.0.38-squeue.txt").read_text())
    assert len(shown) == 10  # one is not an attempt's
    found = queued_jobs(document("v0.0.38-jobs.json"), "", 2e9)
    assert sorted(found, key=lambda job: job.job) == sorted(shown, key=lambda job: job.job)


def test_of_another_account_nothing_is_seen():
    theirs = list(queued_jobs(document("v0.0.38-jobs.json"), "bttest05", 2e9))
    assert [job.name for job in theirs] == ["bp-foreign-1"]


@pytest.mark.parametrize("version", DOCUMENTED)
def test_later_versions_say_the_same_in_other_shapes(version):
    found = list(queued_jobs(document(f"v0.0.{version}-jobs.json"), "bttest04", NOW))
    deleted = "Reservation 11019999 was deleted"
    assert found == [
        Seen(41, "bp-wait-1", "PENDING", "Resources", "", 300, 2, 0),
        Seen(42, "bp-run-1", "RUNNING", "", "", 200, 2, 100),
        Seen(43, "bp-clear-1", "COMPLETING", "", "", 210, 2, 90),
        Seen(44, "bp-resv-1", "RESV_DEL_HOLD", deleted, "", 300, 2, 0),
        Seen(45, "bp-done-1", "COMPLETED", "", "", 240, 2, 60),
        Seen(46, "bp-late-1", "TIMEOUT", "TimeLimit", "", 0, 2, 300),
        Seen(47, "bp-free-1", "RUNNING", "", "", None, 2, 100),
        Seen(48, "bp-halt-1", "SUSPENDED", "", "", 260, 2, 40),
    ]


def test_a_job_that_was_suspended_has_the_time_left_that_it_did_not_run():
    job = {"job_id": 1, "comment": "a", "job_state": "RUNNING", "time_limit": 10, "start_time": NOW - 500}
    job |= {"suspend_time": NOW - 30, "pre_sus_time": 100, "end_time": NOW + 470, "user_name": "u"}
    (seen,) = queued_jobs({"jobs": [job]}, "u", NOW)
    assert (seen.used_s, seen.left_s) == (130, 470)


@pytest.mark.parametrize("version", DOCUMENTED)
def test_the_accounting_of_later_versions(version):
    assert list(past_jobs(document(f"v0.0.{version}-past.json"), "bttest04")) == [
        Seen(1, "bp-x-1", "COMPLETED", cpus=2, used_s=0),
        Seen(2, "bp-y-1", "OUT_OF_MEMORY", cpus=2, used_s=7),
        Seen(3, "bp-x-1", "NODE_FAIL", cpus=2, used_s=60),
    ]


def test_the_accounting_as_it_was_recorded():
    assert list(past_jobs(document("v0.0.38-past.json"), "bttest04")) == [
        Seen(1, "bp-x-1", "COMPLETED", cpus=2, used_s=0),
        Seen(2, "bp-y-1", "FAILED", cpus=2, used_s=0),
        Seen(3, "bp-z-1", "CANCELLED", cpus=2, used_s=2),
        Seen(4, "bp-x-1", "COMPLETED", cpus=2, used_s=1),
    ]
    assert list(past_jobs(document("v0.0.38-past.json"), "bttest05")) == []


@pytest.mark.parametrize("version", [38, *DOCUMENTED])
def test_the_number_of_a_job_that_was_taken(version):
    assert submitted(document(f"v0.0.{version}-submitted.json")) == (23 if version == 38 else 52)
    assert submitted(document(f"v0.0.{version}-refused-reservation.json")) is None


def test_a_job_that_was_taken_though_there_are_errors():
    held = read("v0.0.38-submitted-held.json")
    assert held.faults[0].code == 2042
    assert submitted(held.document) == 32


@pytest.mark.parametrize("version", [38, *DOCUMENTED])
def test_errors_have_a_number_and_words(version):
    (fault,) = read(f"v0.0.{version}-refused-reservation.json").faults
    assert fault.code == 2053
    assert fault.text.endswith("Requested reservation is invalid")
    (unknown,) = read(f"v0.0.{version}-no-such-job.json").faults
    assert unknown.code == 2017


def test_a_status_of_200_is_not_good_when_there_are_errors():
    reply = read("v0.0.38-past-wrong-token.json")  # it was 200
    assert reply.faults == (Fault(1007, "Protocol authentication error"),)
    assert not reply.good
    assert read("v0.0.38-cancelled.json").good


@pytest.mark.parametrize("text", ["", "<html>no</html>", "[1]", "3", "null", '{"jobs": [', "[" * 100_000])
def test_what_is_no_object_is_not_an_answer(text):
    reply = read_reply(200, text)
    assert not reply.good
    assert len(reply.said) <= 200


@pytest.mark.parametrize("jobs", [None, {}, [None, 3, "x", [], {}], [{"job_id": "7", "comment": "a"}]])
def test_odd_jobs_are_left_out(jobs):
    assert list(queued_jobs({"jobs": jobs}, "", NOW)) == []
    assert list(past_jobs({"jobs": jobs}, "")) == []


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (5, 5),
        (0, 0),
        (2.0, 2),
        ({"set": True, "infinite": False, "number": 5}, 5),
        ({"set": False, "infinite": False, "number": 5}, None),
        ({"set": True, "infinite": True, "number": 5}, None),
        ({"number": 5}, 5),
        (None, None),
        (True, None),
        ("5", None),
        (0xFFFFFFFE, None),
        (0xFFFFFFFF, None),
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_numbers(value, meant):
    assert number(value) == meant


@pytest.mark.parametrize(
    ("value", "meant"), [("A", ("A",)), (["A", "B"], ("A", "B")), ("", ()), (None, ()), ([3, "A"], ("A",))]
)
def test_words(value, meant):
    assert words(value) == meant


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("RUNNING", "RUNNING"),
        (["RUNNING", "COMPLETING"], "COMPLETING"),
        (["COMPLETED", "COMPLETING"], "COMPLETING"),
        (["PENDING", "REQUEUED"], "REQUEUED"),
        (["PENDING", "REQUEUE_HOLD", "SPECIAL_EXIT"], "REQUEUE_HOLD"),
        (["RUNNING", "CONFIGURING"], "CONFIGURING"),
        (["RUNNING", "SOMETHING_NEW"], "RUNNING"),
        (["SOMETHING_NEW"], "SOMETHING_NEW"),
        ([], ""),
    ],
)
def test_the_word_that_squeue_would_show(value, meant):
    assert state_word(value) == meant


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (0, (0, None)),
        (15, (0, 15)),  # v0.0.38 after SIGTERM
        (3 << 8, (3, None)),
        ({"set": True, "infinite": False, "number": 256}, (1, None)),
        ({"status": "SIGNALED", "return_code": 0, "signal": {"signal_id": 9, "name": "KILL"}}, (0, 9)),
        (
            {
                "status": ["SIGNALED"],
                "return_code": {"set": False, "infinite": False, "number": 0},
                "signal": {"id": {"set": True, "infinite": False, "number": 9}, "name": "KILL"},
            },
            (None, 9),
        ),
        (None, (None, None)),
    ],
)
def test_exit_codes(value, meant):
    assert exit_code(value) == meant


def test_exit_codes_of_the_answers():
    jobs = document("v0.0.38-jobs.json")["jobs"]
    assert {job["comment"]: exit_code(job["exit_code"]) for job in jobs}["bp-fail-1"] == (3, None)
    for version in DOCUMENTED:
        assert exit_code(document(f"v0.0.{version}-jobs.json")["jobs"][4]["exit_code"]) == (0, None)


def test_the_highest_version_that_both_know_is_taken():
    assert served(document("v0.0.38-openapi.json")) == 38
    assert served(document("v0.0.45-openapi.json")) == 44  # .45 is not spoken here
    assert served({"paths": {"/slurm/v0.0.36/ping": {}}}) is None
    assert served({"paths": {"/slurmdb/v0.0.40/ping": {}, "/slurm/v0.0.40/jobs": {}}}) is None
    assert served({}) is None


def test_no_token_is_in_the_data():
    for path in sorted(DATA.iterdir()):
        text = path.read_text()
        assert not re.search(r"eyJ[\w-]+\.|SLURM_JWT|SLURM_TOKEN|X-SLURM-USER-TOKEN", text), path
        assert path.suffix != ".json" or json.loads(text)
