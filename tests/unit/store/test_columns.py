"""What comes from outside is stored whatever it is."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from beampace.store.columns import Moment, bounded, finite, json_text, storable

CEST = timezone(timedelta(hours=2))


@given(st.text(st.characters()) | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_any_text_can_be_stored_and_good_text_is_unchanged(text: str) -> None:
    stored = storable(text)
    assert "\0" not in stored
    stored.encode("utf-8")
    assert storable(stored) == stored
    assert text == stored or "\0" in text or "\ufffd" in stored or "?" in stored


@pytest.mark.parametrize(
    ("text", "stored"), [("a\ud800b", "a\ufffdb"), ("\udd00", "\ufffd"), ("\udcff", "\ufffd")]
)
def test_halves_of_characters_can_be_stored(text: str, stored: str) -> None:
    assert storable(text) == stored


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_any_payload_is_strict_json(value: object) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(json_text({"a": value}), parse_constant=refuse)


def test_numbers_from_outside() -> None:
    assert [bounded(n) for n in (-5, 7, 10**30)] == [0, 7, 2**63 - 1]
    assert [finite(x) for x in (1.5, float("nan"), float("inf"))] == [1.5, 0.0, 0.0]


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
def test_moments_come_back_as_they_were(dialect: object) -> None:
    moment = datetime(2026, 7, 1, 12, 30, 1, 250, tzinfo=CEST)
    back = Moment().process_result_value(Moment().process_bind_param(moment, dialect), dialect)
    assert back == moment and back.tzinfo is UTC
    with pytest.raises(ValueError, match="time zone"):
        Moment().process_bind_param(datetime(2026, 7, 1), dialect)
