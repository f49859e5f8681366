"""The queue by slurmrestd: what is asked in which version, and what follows from the answers."""

import base64
import dataclasses
import json
import time
from pathlib import Path, PurePosixPath

import pytest

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm import Unreachable
from beampace.cluster.slurm.queue import Queue
from beampace.cluster.slurm.refusals import RESERVATION, refusal
from beampace.cluster.slurm.rest import AT_ONCE, REMEMBERED, RestQueue
from beampace.cluster.slurm.rest_faults import MEANINGS
from beampace.cluster.slurm.rest_http import Answer, RecordedHttp
from beampace.cluster.slurm.rest_settings import RestSettings
from beampace.cluster.slurm.script import Request
from beampace.cluster.slurm.transport import Completed
from beampace.core.errors import BeampaceError, InfrastructureError, InputError
from beampace.core.taxonomy import Failure

DATA = Path(__file__).parent / "data"
NOW = 1795835000
SECRET = "c2VjcmV0"
GRANTED = OnlineResources("bttest04", None, "11010000", "ponline_p11", ("max-p3a016",))
REQUEST = Request("bp-x-1", PurePosixPath("/node/x"), 2, 200, 60, 0, "ponline_p11", "11010000")


def recorded(name, status=200):
    return Answer(status, (DATA / name).read_text())


def faulty(*faults, status=500):
    return Answer(status, json.dumps({"meta": {}, "errors": list(faults)}))


class Rest:
    """A slurmrestd that answers as it is told, by method and the end of the path."""

    def __init__(self, root, version="v0.0.38", **values):
        self.token = root / "token"
        self.token.write_text(f"eyJhbGciOiJIUzI1NiJ9.e30.{SECRET}")
        self.token.chmod(0o600)
        self.granted = GRANTED
        self.answers = {}
        self.http = RecordedHttp(self.answer)
        settings = RestSettings("https://rest.example.org", self.token, version, **values)
        self.queue = RestQueue(settings, lambda: self.granted, self.http, lambda: NOW)

    def answer(self, question):
        found = [
            one for end, one in self.answers.items() if f"{question.method} {question.path}".endswith(end)
        ]
        assert found, question
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0](question) if callable(found[0]) else found[0]

    @property
    def asked(self):
        return [f"{one.method} {one.path}" for one in self.http.asked]


@pytest.fixture
def rest(tmp_path):
    return Rest(tmp_path)


def test_it_is_a_queue(rest):
    queue: Queue = rest.queue
    assert {name for name in dir(Queue) if not name.startswith("_")} <= set(dir(queue))


@pytest.mark.parametrize("version", [38, 39, 40, 44])
def test_a_job_is_submitted_in_the_version_that_is_configured(tmp_path, version):
    rest = Rest(tmp_path, f"v0.0.{version}", environment={"A": "b"})
    rest.answers["job/submit"] = recorded(f"v0.0.{version}-submitted.json")
    assert rest.queue.submit(REQUEST, b"#!/bin/sh\n") == (23 if version == 38 else 52)
    (question,) = rest.http.asked
    assert (question.method, question.path) == ("POST", f"/slurm/v0.0.{version}/job/submit")
    assert question.user == "bttest04"
    body = json.loads(question.body)
    environment = body["job"]["environment"]
    lines = environment if version > 38 else [f"{name}={value}" for name, value in environment.items()]
    assert lines == ["A=b", "USER=bttest04", "LOGNAME=bttest04"]
    assert ("script" in body) == (version < 40)


@pytest.mark.parametrize(
    ("document", "version"), [("v0.0.38-openapi.json", 38), ("v0.0.45-openapi.json", 44)]
)
def test_the_version_is_chosen_once_and_again_after_a_close_or_an_update(tmp_path, document, version):
    rest = Rest(tmp_path, "")
    rest.answers["/openapi/v3"] = recorded(document)
    rest.answers["/jobs"] = recorded("v0.0.38-jobs.json")
    jobs = f"GET /slurm/v0.0.{version}/jobs"
    for _ in range(2):
        rest.queue.jobs("bttest04")
    assert rest.asked == ["GET /openapi/v3", jobs, jobs]
    rest.queue.close()
    rest.queue.jobs("bttest04")
    assert rest.asked[3:] == ["GET /openapi/v3", jobs]
    rest.answers["/jobs"] = Answer(404, "Unable find requested URL.")
    with pytest.raises(InfrastructureError):
        rest.queue.jobs("bttest04")
    with pytest.raises(InfrastructureError):
        rest.queue.jobs("bttest04")
    assert rest.asked[5:] == [jobs, "GET /openapi/v3", jobs]


def test_a_job_is_not_submitted_when_no_version_is_known(tmp_path):
    lost = InfrastructureError(Failure.NODE_LOST, "It took too long.")
    rest = Rest(tmp_path, "")
    for answer in (
        lost,
        Answer(401, "Authentication failure"),
        Answer(200, '{"paths": {}}'),
        Answer(502, ""),
    ):
        rest.answers["/openapi/v3"] = answer
        with pytest.raises(Unreachable) as caught:
            rest.queue.submit(REQUEST, b"")
        assert caught.value.words.count("cannot be reached") == 1
    assert {*rest.asked} == {"GET /openapi/v3"}


@pytest.mark.parametrize("version", [38, 39, 40, 44])
def test_a_reservation_that_is_refused_is_recognized(tmp_path, version):
    rest = Rest(tmp_path, f"v0.0.{version}")
    rest.answers["job/submit"] = recorded(f"v0.0.{version}-refused-reservation.json", 500)
    with pytest.raises(InfrastructureError) as caught:
        rest.queue.submit(REQUEST, b"")
    assert caught.value.code is Failure.REJECTED_BY_QUEUE
    assert caught.value.detail.startswith("The reservation is not, or not any more, open to the account: ")
    assert RESERVATION.search(caught.value.detail)  # by which the cluster knows it
    assert "online resources" in caught.value.next_step


@pytest.mark.parametrize("code", [code for code in MEANINGS if 2000 <= code < 3000])
@pytest.mark.parametrize("field", ["error_code", "error_number"])
def test_a_number_without_words_is_refused_like_the_words_of_sbatch(rest, code, field):
    rest.answers["job/submit"] = faulty({field: code})
    with pytest.raises(InfrastructureError) as caught:
        rest.queue.submit(REQUEST, b"")
    said = refusal(Completed(1, "", f"sbatch: error: Batch job submission failed: {MEANINGS[code]}"))
    assert caught.value.code is said.code
    assert caught.value.hint == said.hint
    assert MEANINGS[code] in caught.value.detail


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, ""),
        Answer(200, '{"errors": []}'),
        Answer(502, "<html>Bad gateway</html>"),
        faulty({"error_code": 5005, "error": "Zero Bytes were transmitted or received"}),
        faulty({"error_number": 5004}),
        faulty({"error_number": 1800, "error": "Unable to contact slurm controller (connect failure)"}),
    ],
)
def test_what_may_have_been_taken_is_not_called_refused(rest, answer):
    rest.answers["job/submit"] = answer
    with pytest.raises(InfrastructureError, match="not known") as caught:
        rest.queue.submit(REQUEST, b"")
    assert caught.value.code is Failure.NODE_LOST
    assert not isinstance(caught.value, Unreachable)


@pytest.mark.parametrize("error", [Unreachable("x"), InfrastructureError(Failure.NODE_LOST, "It broke.")])
def test_what_happened_on_the_way_is_passed_on(rest, error):
    rest.answers[""] = error
    for ask in (
        lambda: rest.queue.submit(REQUEST, b""),
        lambda: rest.queue.jobs("bttest04"),
        lambda: rest.queue.history("bttest04", ["a"]),
        lambda: rest.queue.cancel(["1"]),
    ):
        with pytest.raises(InfrastructureError) as caught:
            ask()
        assert caught.value is error


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, "Unable find requested URL."),
        Answer(302, ""),
        Answer(413, "<html>"),
        Answer(401, "Authentication failure"),
        Answer(403, "no"),
        faulty({"error_number": 1007, "error": "Protocol authentication error"}, status=200),
        faulty({"error": "environment must be set", "error_code": 2127}, status=400),
    ],
)
def test_what_was_certainly_not_taken_is_refused(rest, answer):
    rest.answers["job/submit"] = answer
    with pytest.raises(InfrastructureError) as caught:
        rest.queue.submit(REQUEST, b"")
    assert caught.value.code is Failure.REJECTED_BY_QUEUE


def test_a_full_disk_of_the_queue(rest):
    rest.answers["job/submit"] = faulty({"error_number": 2019})
    with pytest.raises(InfrastructureError) as caught:
        rest.queue.submit(REQUEST, b"")
    assert caught.value.code is Failure.DISK_FULL


def test_a_job_that_was_taken_and_is_held_has_a_number(rest):
    rest.answers["job/submit"] = recorded("v0.0.38-submitted-held.json")
    assert rest.queue.submit(REQUEST, b"") == 32


def test_an_argument_that_cannot_be_given_is_refused_before_anything_is_asked(rest):
    with pytest.raises(InputError, match="--begin"):
        rest.queue.submit(dataclasses.replace(REQUEST, extra=("--begin=now",)), b"")
    assert rest.asked == []


def test_jobs_by_name_of_the_account(rest):
    rest.answers["/jobs"] = recorded("v0.0.38-jobs.json")
    found = rest.queue.jobs("bttest04")
    assert "bp-foreign-1" not in found
    assert [job.job for job in found["bp-q-1"]] == [18, 20, 22]  # the latest last
    assert {*rest.queue.jobs("bttest04", "bp-done-1")} == {"bp-done-1"}
    assert "bp-foreign-1" in rest.queue.jobs("")


def test_the_account_of_the_settings_goes_before_the_granted_one(tmp_path):
    rest = Rest(tmp_path, user="bttest05")
    rest.answers["/jobs"] = recorded("v0.0.38-jobs.json")
    assert {*rest.queue.jobs("bttest04")} == {"bp-foreign-1"}
    assert [one.user for one in rest.http.asked] == ["bttest05"]


def test_outside_a_beamtime_nothing_is_asked(rest):
    rest.granted = None
    for ask in (
        lambda: rest.queue.submit(REQUEST, b""),
        lambda: rest.queue.jobs("bttest04"),
        lambda: rest.queue.history("bttest04", ["a"]),
        lambda: rest.queue.cancel(["1"]),
    ):
        with pytest.raises(BeampaceError) as caught:
            ask()
        assert caught.value.code is Failure.BEAMTIME_CLOSED
    assert rest.asked == []


@pytest.mark.parametrize("account", ["", "a b", "a\r\nX-SLURM-USER-TOKEN: x", "-a", "ä"])
def test_an_odd_account_is_not_asked_as(rest, account):
    rest.granted = OnlineResources(account, None, "", "", ())
    with pytest.raises(Unreachable, match="no account"):
        rest.queue.submit(REQUEST, b"")
    assert rest.asked == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (recorded("v0.0.38-wrong-token-jobs.json", 500), "token"),
        (Answer(401, "Authentication failure"), "does not accept the token"),
        (Answer(200, '{"errors": []}'), "200"),
        (Answer(200, "<html>"), "html"),
        (Answer(500, ""), "500"),
    ],
)
def test_a_queue_that_does_not_answer_says_nothing_of_jobs(rest, answer, said):
    rest.answers["/jobs"] = answer
    with pytest.raises(InfrastructureError, match=said) as caught:
        rest.queue.jobs("bttest04")
    assert caught.value.code is Failure.NODE_LOST


def test_a_token_that_has_ended_is_named_where_the_queue_is_mute(rest):
    claims = base64.urlsafe_b64encode(b'{"exp": 1700000000}').decode().rstrip("=")
    rest.token.write_text(f"eyJhbGciOiJIUzI1NiJ9.{claims}.{SECRET}")
    rest.answers["/jobs"] = recorded("v0.0.38-wrong-token-jobs.json", 500)
    rest.answers["job/submit"] = recorded("v0.0.38-wrong-token-submit.json", 500)
    for ask in (lambda: rest.queue.jobs("bttest04"), lambda: rest.queue.submit(REQUEST, b"")):
        with pytest.raises(InfrastructureError, match="ended at 2023-11-14 22:13 UTC") as caught:
            ask()
        assert str(rest.token) in caught.value.next_step
        assert SECRET not in str(caught.value)
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time()) + 600}).encode()).decode()
    rest.token.write_text(f"eyJhbGciOiJIUzI1NiJ9.{claims.rstrip('=')}.{SECRET}")
    with pytest.raises(InfrastructureError) as caught:
        rest.queue.jobs("bttest04")
    assert "ended" not in caught.value.words


@pytest.mark.parametrize(
    ("version", "start"), [(38, "2026-11-21"), (39, str(NOW - 7 * 86400)), (40, str(NOW - 7 * 86400))]
)
def test_the_accounting_is_asked_by_name(tmp_path, version, start):
    rest = Rest(tmp_path, f"v0.0.{version}")
    rest.answers = {f"/slurmdb/v0.0.{version}/jobs": recorded(f"v0.0.{version}-past.json")}
    found = rest.queue.history("bttest04", ["bp-y-1", "bp-x-1"])
    assert {*found} == {"bp-x-1", "bp-y-1"}
    assert {job.name for job in found["bp-x-1"]} == {"bp-x-1"}
    (question,) = rest.http.asked
    assert question.query == {"job_name": "bp-x-1,bp-y-1", "start_time": start, "skip_steps": "true"}


def test_nothing_found_is_an_answer_and_a_wrong_token_is_none(rest):
    rest.answers["/slurmdb/v0.0.38/jobs"] = recorded("v0.0.38-past-none.json")
    assert rest.queue.history("bttest04", ["bp-x-1"]) == {}
    assert rest.queue.accounting
    rest.answers["/slurmdb/v0.0.38/jobs"] = recorded("v0.0.38-past-wrong-token.json")
    with pytest.raises(InfrastructureError, match="does not accept the token"):
        rest.queue.history("bttest04", ["bp-x-1"])
    assert rest.queue.accounting


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, "Unable find requested URL."),
        faulty({"error": "Slurm accounting storage is disabled"}),
    ],
)
def test_without_accounting_it_is_asked_once_and_the_queue_singly(rest, answer):
    rest.answers = {
        "/slurmdb/v0.0.38/jobs": answer,
        "/slurm/v0.0.38/jobs": recorded("v0.0.38-jobs.json"),
        "/job/25": recorded("v0.0.38-job.json"),
        "/job/27": recorded("v0.0.38-no-such-job.json", 500),
    }
    rest.queue.jobs("bttest04")
    for _ in range(2):
        found = rest.queue.history("bttest04", ["bp-done-1", "bp-kill-1", "bp-nosuch-1"])
        assert [(job.job, job.state) for job in found["bp-done-1"]] == [(25, "COMPLETED")]
        assert {*found} == {"bp-done-1"}
    assert not rest.queue.accounting
    assert [one for one in rest.asked if "slurmdb" in one] == ["GET /slurmdb/v0.0.38/jobs"]
    assert len(rest.asked) == 1 + 1 + 2 * 2


def test_the_number_of_a_job_is_known_from_its_submit(rest):
    rest.answers = {
        "job/submit": recorded("v0.0.38-submitted.json"),
        "/slurmdb/v0.0.38/jobs": Answer(404, ""),
        "/job/23": faulty({"error_number": 1800}),
    }
    rest.queue.submit(REQUEST, b"")
    with pytest.raises(InfrastructureError, match="connect failure"):
        rest.queue.history("bttest04", ["bp-x-1"])


def test_many_attempts_are_asked_for_in_parts_and_old_numbers_are_forgotten(rest):
    jobs = [
        {"job_id": n, "comment": f"bp-{n}", "user_name": "bttest04", "job_state": "RUNNING"}
        for n in range(1, REMEMBERED + 11)
    ]
    rest.answers = {
        "/slurmdb/v0.0.38/jobs": recorded("v0.0.38-past-none.json"),
        "/slurm/v0.0.38/jobs": Answer(200, json.dumps({"jobs": jobs, "errors": []})),
        "": recorded("v0.0.38-no-such-job.json", 500),
    }
    assert len(rest.queue.jobs("bttest04")) == REMEMBERED + 10
    names = [f"bp-{n}" for n in range(1, 101)]
    assert rest.queue.history("bttest04", names) == {}
    parts = [one.query["job_name"].split(",") for one in rest.http.asked if "slurmdb" in one.path]
    assert sorted(name for part in parts for name in part) == sorted(names)
    assert max(len(part) for part in parts) <= AT_ONCE
    singly = {one for one in rest.asked if "/job/" in one}
    assert 0 < len(singly) <= AT_ONCE
    assert "GET /slurm/v0.0.38/job/1" not in singly


def test_jobs_are_cancelled_and_unknown_or_ended_ones_are_no_error(rest):
    rest.answers = {
        "/job/1": recorded("v0.0.38-cancelled.json"),
        "/job/2": recorded("v0.0.38-no-such-job.json", 500),
        "/job/3": faulty({"error_number": 2021, "error": "Job/step already completing or completed"}),
    }
    rest.queue.cancel(["3", "1", "2", "7.3", "x", "../4", "５"])
    assert rest.asked == [f"DELETE /slurm/v0.0.38/job/{number}" for number in (1, 2, 3)]


def test_a_cancel_that_could_not_be_asked_is_said_and_the_others_are_asked(rest):
    rest.answers = {
        "/job/1": faulty({"error_number": 5005, "error": "Zero Bytes were transmitted or received"}),
        "/job/2": recorded("v0.0.38-cancelled.json"),
    }
    with pytest.raises(InfrastructureError, match="Zero Bytes"):
        rest.queue.cancel(["1", "2"])
    assert len(rest.asked) == 2


def test_the_settings_are_checked_when_it_is_made(tmp_path):
    for values in ({"version": "v0.0.37"}, {"url": "http://rest.example.org"}):
        chosen = {"url": "https://rest.example.org", "token_file": tmp_path / "token", **values}
        with pytest.raises(InputError):
            RestQueue(RestSettings(**chosen), lambda: GRANTED)
