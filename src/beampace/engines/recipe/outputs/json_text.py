"""Values in JSON of another program, never taken for what they are not."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from beampace.engines.recipe.outputs.found import Unreadable


def content(text: str) -> dict[str, Any]:
    """The object a file holds.

    Raises:
        Unreadable: it holds no JSON, or something else.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Unreadable("it holds no JSON object")
    return found


def a_mapping(of: Any, key: str) -> Mapping[str, Any]:
    """The object under a key.

    Raises:
        Unreadable: there is none.
    """
    found = of.get(key) if isinstance(of, dict) else None
    if not isinstance(found, dict):
        raise Unreadable(f"there is no object {key!r}")
    return found


def a_list(of: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key.

    Raises:
        Unreadable: there is none.
    """
    found = of.get(key)
    if not isinstance(found, list):
        raise Unreadable(f"there is no list {key!r}")
    return found


def a_text(value: Any, name: str) -> str:
    """A text.

    Raises:
        Unreadable: it is something else.
    """
    if not isinstance(value, str):
        raise Unreadable(f"{name!r} holds no text")
    return value


def a_number(value: Any, name: str) -> float | None:
    """A number, None for null and what is not finite.

    Raises:
        Unreadable: it is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(f"{name!r} holds a {type(value).__name__}, no number")
    try:
        found = float(value)
    except OverflowError as error:
        raise Unreadable(f"{name!r} holds a number no float can hold") from error
    return found if math.isfinite(found) else None
