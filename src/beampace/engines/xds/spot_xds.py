"""SPOT.XDS: the spots that IDXREF indexes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beampace.engines.xds.lp_text import LpError

LOG = "SPOT.XDS"
LARGEST_INDEX = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """Spots as XDS counts: pixels from 1 at the centre of the first, frames so that image k spans k-1 to k.

    Attributes:
        x: position along the detector's x axis, pixels.
        y: position along its y axis, pixels.
        z: centroid in frames.
        intensity: counts.
        iseg: number of the detector segment, None where the file does not say.
        hkl: indices, (n, 3), 0 0 0 for a spot not indexed; None where the file has none.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    intensity: NDArray[np.float64]
    iseg: NDArray[np.int64] | None = None
    hkl: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.x)


def read_spots(source: Path | str) -> Spots:
    """The spots of a SPOT.XDS of 4, 5, 7 or 8 columns.

    Args:
        source: path of the file, or its text.

    Raises:
        LpError: rows of another or of varying length, or what is no number; a last line without its end.
        OSError: the file cannot be read.
    """
    text = source.read_text(encoding="ascii", errors="replace") if isinstance(source, Path) else source
    if text and not text.endswith("\n"):
        raise LpError(f"{LOG}: cut off within its last line")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        none = np.zeros(0)
        return Spots(none, none, none, none)
    return _spots(_table(lines))


def _table(lines: list[str]) -> NDArray[np.float64]:
    try:
        rows = np.loadtxt(lines, dtype=np.float64, comments=None, ndmin=2)
    except ValueError as error:
        raise LpError(f"{LOG}: {error}") from error
    if rows.shape[1] not in (4, 5, 7, 8):
        raise LpError(f"{LOG}: rows of {rows.shape[1]} numbers, not of 4, 5, 7 or 8")
    if not np.isfinite(rows).all():
        raise LpError(f"{LOG}: not a number in row {int(np.argwhere(~np.isfinite(rows))[0, 0]) + 1}")
    return rows


def _spots(rows: NDArray[np.float64]) -> Spots:
    n_columns = rows.shape[1]
    iseg = _integers(rows[:, 4]) if n_columns in (5, 8) else None
    hkl = _integers(rows[:, -3:]) if n_columns >= 7 else None
    x, y, z, intensity = (np.ascontiguousarray(column) for column in rows[:, :4].T)
    return Spots(x, y, z, intensity, iseg, hkl)


def _integers(values: NDArray[np.float64]) -> NDArray[np.int64]:
    if (values != np.rint(values)).any() or (np.abs(values) > LARGEST_INDEX).any():
        raise LpError(f"{LOG}: not whole numbers where segments and indices stand")
    return values.astype(np.int64)


def spots_text(spots: Spots) -> str:
    """The text of a SPOT.XDS, strongest spot first; positions to 0.01 pixel and frame, as XDS does.

    Raises:
        LpError: a position or intensity is not finite.
    """
    places = np.column_stack([spots.x, spots.y, spots.z, spots.intensity])
    if not np.isfinite(places).all():
        raise LpError(f"{LOG}: a spot's position or intensity is not finite")
    order = np.argsort(-spots.intensity, kind="stable")
    rows = [_place_text(*place) for place in places[order].tolist()]
    for extra in (spots.iseg, spots.hkl):
        if extra is not None:
            columns = [" ".join(map(str, np.atleast_1d(values).tolist())) for values in extra[order]]
            rows = [f"{row} {column}" for row, column in zip(rows, columns, strict=True)]
    return "".join(f"{row}\n" for row in rows)


def _place_text(x: float, y: float, z: float, intensity: float) -> str:
    counts = f"{intensity:.0f}." if intensity == round(intensity) else f"{intensity:.2f}"
    return f" {x:.2f} {y:.2f} {z:.2f} {counts}"
