"""Times as the metadata file writes them: without a zone, they are local time at DESY."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ZONE = "Europe/Berlin"


def moment(text: str) -> datetime:
    """A time of the metadata file in UTC.

    In the hour that comes twice (end of summer time) the first one is meant; a time in the hour that is
    left out (begin of summer time) is counted on from before the jump, so 02:30 is 03:30 summer time.

    Raises:
        ValueError: it is no time, or this machine knows no time zones.
    """
    found = datetime.fromisoformat(text)
    try:
        local = found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(ZONE))
        return local.astimezone(UTC)
    except ZoneInfoNotFoundError as error:
        raise ValueError(f"this machine has no time zone data for {ZONE}") from error
    except OverflowError as error:
        raise ValueError("it lies beyond the calendar") from error
