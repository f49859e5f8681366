"""Times as masters write them: often naive, then Europe/Berlin; stored in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_FRACTION = re.compile(r"(\.\d{6})\d+")


def parse_time(text: str) -> datetime | None:
    """A time of a master in UTC, or None when it is none."""
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", text.strip()))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone(berlin_offset(moment)))
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def berlin_offset(local: datetime) -> timedelta:
    """Offset of Central European time at a naive local time.

    Summer time lasts from the last Sunday of March, 02:00, to the last Sunday of October, 03:00
    (Directive 2000/84/EC); the doubled hour in October counts as summer. Written out so that no
    time-zone database need be installed.
    """
    begin = _last_sunday(local.year, 3).replace(hour=2)
    end = _last_sunday(local.year, 10).replace(hour=3)
    return timedelta(hours=2 if begin <= local.replace(tzinfo=None) < end else 1)


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)
