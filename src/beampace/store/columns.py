"""Column types that both databases keep alike, whatever comes from outside."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

BIGGEST = 2**63 - 1


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; SQLite keeps the bare time.

        Raises:
            ValueError: the moment is naive: nobody knows which one is meant.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text from outside. What no database can hold (NUL, bytes that are no UTF-8) becomes a mark."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Text that can be stored."""
        return None if value is None else storable(value)


_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Surrogates, as JSON may hold them, that stand for no byte of a file name."""


def storable(text: str) -> str:
    """`text` with a mark in place of NUL, of bytes that are no UTF-8, and of halves of characters."""
    return (
        _HALVES.sub("\ufffd", text)
        .encode("utf-8", "surrogateescape")
        .decode("utf-8", "replace")
        .replace("\0", "\ufffd")
    )


def key_type() -> TypeEngine[int]:
    """Row numbers: SQLite counts up only in its own INTEGER."""
    return BigInteger().with_variant(Integer(), "sqlite")


def bounded(number: int) -> int:
    """A count from outside, from 0 to what a database can hold."""
    return max(0, min(int(number), BIGGEST))


def finite(number: float) -> float:
    """A measure from outside; 0 in place of what is no number."""
    return float(number) if math.isfinite(number) else 0.0


def json_text(value: Any) -> str:
    """JSON that PostgreSQL takes too: no NaN, no NUL."""
    return json.dumps(_plain(value), ensure_ascii=True, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return storable(str(value))
    if isinstance(value, dict):
        return {storable(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
