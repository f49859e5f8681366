import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure
from beampace.web import (
    AnnounceRequest,
    CancelRequest,
    ControlTwin,
    ErrorAnswer,
    ReprocessRequest,
    StatusRequest,
    answered,
    parse_answer,
    parse_request,
)


@pytest.mark.parametrize(
    "request_",
    [
        AnnounceRequest(path="/gpfs/current/raw/a/b_master.h5", group="g 1", frames=10),
        StatusRequest(beamtime="11001234"),
        ReprocessRequest(dataset=3, images=(1, 90), unit_cell=(78, 78, 37, 90, 90, 90)),
        ReprocessRequest(dataset="/a/b_master.h5", space_group="P 43 21 2"),
        CancelRequest(job="0123456789abcdef"),
    ],
)
def test_a_request_survives_the_wire(request_):
    assert parse_request(request_.model_dump_json().encode()) == request_


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"", "request"),
        (b"nonsense", "request"),
        (b"[]", "request"),
        (b'{"do": "format_disk"}', "request"),
        (b'{"do": "announce"}', "announce.path"),
        (b'{"do": "announce", "path": "relative"}', "announce.path"),
        (b'{"do": "announce", "path": "/a\\u0000b"}', "announce.path"),
        (b'{"do": "announce", "path": "/a", "group": "-rf"}', "announce.group"),
        (b'{"do": "announce", "path": "/a", "group": "a/b"}', "announce.group"),
        (b'{"do": "announce", "path": "/a", "kind": "film"}', "announce.kind"),
        (b'{"do": "announce", "path": "/a", "frames": 0}', "announce.frames"),
        (b'{"do": "announce", "path": "/a", "sudo": true}', "announce.sudo"),
        (b'{"do": "reprocess", "dataset": 1, "images": [9, 2]}', "reprocess.images"),
        (b'{"do": "reprocess", "dataset": 1, "unit_cell": [1, 2, 3, 90, 90, NaN]}', "reprocess.unit_cell"),
        (b'{"do": "reprocess", "dataset": 1, "space_group": "P1; rm"}', "reprocess.space_group"),
        (b'{"do": "cancel"}', "cancel"),
        (b'{"do": "cancel", "job": "ab", "dataset": 1}', "cancel"),
        (b"\xff\xfe{}", "request"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(line, field):
    with pytest.raises(InputError) as caught:
        parse_request(line)
    assert caught.value.code is Failure.BAD_REQUEST
    assert caught.value.detail.startswith(field)


def test_a_refusal_does_not_repeat_what_was_sent():
    with pytest.raises(InputError) as caught:
        parse_request(b'{"do": "announce", "path": "secret-' + b"x" * 9000 + b'"}')
    assert "secret" not in caught.value.words
    assert len(caught.value.words) < 400


@given(
    st.binary(max_size=300) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps)
)
def test_garbage_is_refused_and_never_crashes(garbage):
    line = garbage if isinstance(garbage, bytes) else garbage.encode()
    with pytest.raises(InputError):
        parse_request(line)


def test_the_twin_answers_as_a_daemon_would():
    twin = ControlTwin()
    first = answered(twin, AnnounceRequest(path="/a/b_master.h5"))
    again = answered(twin, AnnounceRequest(path="/a/b_master.h5"))
    assert (first.news, again.news, again.dataset) == ("new", "same", first.dataset)
    job = answered(twin, ReprocessRequest(dataset="/a/b_master.h5")).jobs[0]
    assert answered(twin, CancelRequest(job=job.key)).jobs == (job.key,)
    refused = answered(twin, CancelRequest(job=job.key))
    assert isinstance(refused, ErrorAnswer)
    assert parse_answer(refused.model_dump_json().encode()) == refused


def test_a_crash_becomes_an_answer_without_its_secrets(caplog):
    def crash(_):
        raise RuntimeError("postgresql://user:password@host")

    answer = answered(ControlTwin(before=crash), StatusRequest())
    assert answer.code is Failure.ENGINE_FAILED
    assert "password" not in answer.words
    assert "RuntimeError" in answer.words
