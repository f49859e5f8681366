"""The engines this program knows, by name."""

from __future__ import annotations

from beampace.core.ports import Engine
from beampace.engines.dials import DialsEngine


def engines() -> dict[str, Engine]:
    """A fresh engine of every kind; one engine works on one dataset."""
    return {"dials": DialsEngine()}
