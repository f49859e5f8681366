"""The dialects of the metadata file brought to one: names of keys, and what stands for "nothing"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_EMPTY = frozenset({"", "none", "null"})
_INSIDE = ("onlineanalysis", "asapo")
"""Keys whose value is an object that is read."""


def canonical(key: str) -> str:
    """One spelling for `eventStart`, `event-start` and `event_start`."""
    return re.sub(r"[^a-z0-9]", "", key.lower())


def plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """The object with canonical keys and without what is empty (`""`, `"None"`, null)."""
    top = _tidy(found)
    for name in _INSIDE:
        if isinstance(top.get(name), Mapping):
            top[name] = _tidy(top[name])
    _move_asapo(top)
    return {key: value for key, value in top.items() if value not in ({}, [])}


def is_empty(value: object) -> bool:
    """Whether a value stands for nothing."""
    return value is None or (isinstance(value, str) and value.strip().lower() in _EMPTY)


def spelling(found: Mapping[str, Any]) -> dict[str, str]:
    """Canonical key -> the key as the file writes it."""
    return {canonical(key): key for key in found}


def _tidy(found: Mapping[str, Any]) -> dict[str, Any]:
    tidy: dict[str, Any] = {}
    for key, value in found.items():
        value = value.strip() if isinstance(value, str) else value
        if not is_empty(value):
            tidy.setdefault(canonical(key), value)
    return tidy


def _move_asapo(top: dict[str, Any]) -> None:
    """Before October 2021 the tokens of ASAP::O were named inside `onlineAnalysis`."""
    online = top.get("onlineanalysis")
    if not isinstance(online, dict):
        return
    inner = online.pop("asapo", None)
    old = _tidy(inner) if isinstance(inner, Mapping) else {}
    for key in [key for key in online if key.startswith("asapo")]:
        old.setdefault(key.removeprefix("asapo"), online.pop(key))
    if old and isinstance(top.setdefault("asapo", {}), dict):
        top["asapo"] = {**old, **top["asapo"]}
