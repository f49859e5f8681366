"""Requests from forms and JSON: what is taken, and what is said of the rest."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure
from beampace.web.action_forms import FORM, JSON, cancel_of, reprocess_of

WHOLE = {
    "dataset": "12", "engine": "dials", "first": "1", "last": "900", "space_group": "p43212",
    "unit_cell": "78.5, 78.5 37 90,90,90", "d_min": "1,8",
}  # fmt: skip


def form(**changes: str) -> bytes:
    return urlencode({name: value for name, value in (WHOLE | changes).items() if value is not None}).encode()


def refusal(kind: str, body: bytes) -> str:
    with pytest.raises(InputError) as caught:
        reprocess_of(kind, body)
    assert caught.value.code is Failure.BAD_REQUEST
    return caught.value.words


def test_a_form_is_read_as_people_fill_it_in():
    asked = reprocess_of(f"{FORM}; charset=utf-8", form() + b"&csrf=abc")
    assert (asked.dataset, asked.engine, asked.images) == (12, "dials", (1, 900))
    assert asked.space_group == "P 43 21 2"
    assert asked.unit_cell == (78.5, 78.5, 37, 90, 90, 90)
    assert asked.d_min == 1.8


def test_fields_left_empty_ask_for_nothing():
    empty = {name: " " for name in WHOLE if name != "dataset"}
    asked = reprocess_of(FORM, form(**empty))
    assert asked.model_dump(exclude={"do"}, exclude_defaults=True) == {"dataset": 12}


def test_json_says_the_same():
    body = b'{"dataset": 12, "images": [1, 900], "space_group": "96", "d_min": 1.8}'
    asked = reprocess_of(JSON, body)
    assert (asked.images, asked.space_group) == ((1, 900), "P 43 21 2")


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("dataset", "", "dataset"),
        ("dataset", "twelve", "dataset"),
        ("dataset", "-1", "dataset"),
        ("dataset", "9" * 400, "dataset"),
        ("dataset", "\u0661", "dataset"),
        ("first", "", "first, last"),
        ("first", "1.5", "first"),
        ("first", "901", "images"),
        ("first", "0", "images"),
        ("space_group", "P 43 21 3", "'P 43 21 3'"),
        ("space_group", "231", "'231'"),
        ("space_group", "<script>", "space_group"),
        ("unit_cell", "78 78 37", "six numbers"),
        ("unit_cell", "78 78 37 90 90 x", "unit_cell"),
        ("unit_cell", "78 78 37 90 90 400", "angles"),
        ("unit_cell", "78 78 -37 90 90 90", "unit_cell"),
        ("unit_cell", "nan 78 37 90 90 90", "unit_cell"),
        ("unit_cell", "1 1 0.5 90 90 90", "edges"),
        ("d_min", "fine", "d_min"),
        ("d_min", "nan", "d_min"),
        ("d_min", "0.2", "d_min"),
        ("d_min", "60", "d_min"),
        ("d_min", "1e400", "d_min"),
        ("engine", "; rm -rf /", "engine"),
        ("engine", "--help", "engine"),
    ],
)
def test_a_value_that_cannot_be_right_is_named(field: str, value: str, word: str):
    assert word in refusal(FORM, form(**{field: value}))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, b""),
        (FORM, b"nonsense"),
        (FORM, b"\xff\xfe=1"),
        (FORM, form() + b"&dataset=13"),
        (FORM, form() + b"&sudo=1"),
        (FORM, b"&".join(b"a=1" for _ in range(50))),
        (JSON, b""),
        (JSON, b"[]"),
        (JSON, b'{"dataset": 1, "sudo": 1}'),
        (JSON, b'{"dataset": 1, "space_group": "P 99"}'),
        (JSON, b'{"dataset": 1, "unit_cell": [1, 1, 1, 90, 90, 90], "d_min": 1e999}'),
        (JSON, b'{"dataset": 1, "unit_cell": [10, 10, 10, 10, 10, 170]}'),
        ("text/plain", b'{"dataset": 1}'),
        ("multipart/form-data; boundary=x", b"--x"),
        ("", form()),
    ],
)
def test_what_is_no_request_is_refused(kind: str, body: bytes):
    assert refusal(kind, body)


def test_cancel_names_a_job_or_a_dataset():
    assert cancel_of(FORM, b"job=00ab").job == "00ab"
    assert cancel_of(FORM, b"dataset=3&job=&csrf=1").dataset == 3
    assert cancel_of(JSON, b'{"dataset": 3}').dataset == 3
    for body in (b"", b"job=&dataset=", b"job=00ab&dataset=3", b"job=XYZ", b"job=../..", b"engine=dials"):
        with pytest.raises(InputError):
            cancel_of(FORM, body)


@given(kind=st.sampled_from([FORM, JSON, "text/plain"]), body=st.binary(max_size=200))
def test_whatever_is_sent_it_is_a_request_or_an_error_of_the_taxonomy(kind: str, body: bytes):
    for read in (reprocess_of, cancel_of):
        try:
            read(kind, body)
        except InputError as error:
            assert error.code is Failure.BAD_REQUEST
