from __future__ import annotations

from datetime import UTC, datetime

import pytest

from beampace.eiger.moment import parse_time


@pytest.mark.parametrize(
    ("text", "hour", "day"),
    [
        ("2026-01-15T12:00:00", 11, 15),
        ("2026-07-15T12:00:00", 10, 15),
        ("2026-03-29T01:59:59", 0, 29),
        ("2026-03-29T03:00:00", 1, 29),
        ("2026-10-25T00:30:00", 22, 24),
        ("2026-10-25T03:00:00", 2, 25),
        ("2026-07-15T12:00:00.123456789", 10, 15),
        ("2026-07-15T12:00:00Z", 12, 15),
        ("2026-07-15T12:00:00+05:00", 7, 15),
    ],
)
def test_naive_times_are_berlins_on_both_sides_of_both_nights(text, hour, day):
    moment = parse_time(text)
    assert moment is not None
    assert moment.tzinfo is UTC
    assert (moment.hour, moment.day) == (hour, day)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00"])
def test_no_time_is_none(text):
    assert parse_time(text) is None


def test_the_offset_agrees_with_the_time_zone_database():
    zoneinfo = pytest.importorskip("zoneinfo")
    try:
        berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    except zoneinfo.ZoneInfoNotFoundError:
        pytest.skip("no time-zone database")
    for month in range(1, 13):
        for day in (1, 15, 28):
            local = datetime(2027, month, day, 12, 30)
            assert parse_time(local.isoformat()) == local.replace(tzinfo=berlin)
