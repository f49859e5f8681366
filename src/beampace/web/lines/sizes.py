"""Sizes and durations in words."""

from __future__ import annotations


def size_words(n_bytes: int) -> str:
    """Bytes as people say them: `820 B`, `1.4 MB`."""
    value, unit = float(n_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def duration_words(seconds: float | None) -> str:
    """A duration as people say it: `4.2 s`, `3 min 20 s`, `1 h 05 min`; "" when it is not known."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
