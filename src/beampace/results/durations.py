"""Durations in words."""

from __future__ import annotations


def lasting(seconds: float) -> str:
    """A duration in the unit people use for it."""
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size or (unit != "d" and seconds == size):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
