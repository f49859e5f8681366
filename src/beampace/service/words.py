"""Sizes and moments for people; light, for commands that must be there at once."""

from __future__ import annotations

from datetime import UTC, datetime

from beampace.web import DiskInfo


def disk_words(disk: DiskInfo) -> str:
    """Space in one sentence."""
    short = " Only results are kept." if disk.only_results else ""
    quota = f" of {size(disk.quota_bytes)}" if disk.quota_bytes else ""
    return (
        f"{size(disk.free_bytes)} of {size(disk.total_bytes)} are free at {disk.path}; "
        f"results take {size(disk.used_bytes)}{quota}.{short}"
    )


def lasted(opened: datetime, closed: datetime | None) -> str:
    """From when to when."""
    return f"{_moment(opened)} to {_moment(closed) if closed else 'now'}"


def size(n_bytes: int) -> str:
    """Bytes for people, decimal."""
    value = float(n_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
