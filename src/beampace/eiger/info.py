"""`info.txt`: what the beamline control program says about a run; a hint, never a proof.

CrystalControl writes it before the run, MXCuBE after. Units are glued to the numbers and the
angles carry two decimals. Layouts: MXCuBE `mxcubecore` DESY/P11Collect, and P09's dialect.
"""

from __future__ import annotations

import math
import os
import re
import stat
from pathlib import Path

from beampace.core.dataset import Hint

MAX_BYTES = 65536

_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)")
_GRID = re.compile(r"\s*(\d{1,6})\s*[xX]\s*(\d{1,6})(?!\d)")
_DIALECT = {"rotational": "regular", "grid step": "grid"}


def parse_info(text: str) -> Hint:
    """The hint a text holds; keys that are not there, or not understood, are None."""
    values = _values(text)
    run_type = values.get("run type", "").lower()
    frames = _number(values, "frames")
    return Hint(
        run_type=_DIALECT.get(run_type, run_type),
        frames=int(frames) if frames is not None and frames >= 0 else None,
        grid=_grid(values.get("grid", "")),
        start=_number(values, "start angle", "angle"),
        width=_number(values, "degrees/frame"),
        wavelength=_number(values, "wavelength"),
        image_interval=_number(values, "image interval"),
        values=tuple(values.items()),
    )


def read_info(directory: Path) -> Hint:
    """The hint beside a master; an empty one when there is no readable `info.txt`."""
    try:
        return parse_info(_read_plain(directory / "info.txt").decode("utf-8", "replace"))
    except OSError:
        return Hint()


def _read_plain(path: Path) -> bytes:
    """The beginning of an ordinary file; a symbolic link or a pipe that somebody planted is not read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        ordinary = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return stream.read(MAX_BYTES) if ordinary else b""


def _values(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            break
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip().lower(), value.strip())
    return found


def _number(values: dict[str, str], *keys: str) -> float | None:
    for key in keys:
        match = _NUMBER.match(values.get(key, ""))
        if match and math.isfinite(float(match[1])):
            return float(match[1])
    return None


def _grid(text: str) -> tuple[int, int] | None:
    match = _GRID.match(text)
    return (int(match[1]), int(match[2])) if match else None
