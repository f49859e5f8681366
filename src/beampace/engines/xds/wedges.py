"""INTEGRATE by wedges: their INTEGRATE.HKL as one file for one CORRECT.

The jobs into which XDS itself splits INTEGRATE handle their frames alone, too, and CORRECT adds the parts of
a reflection that two of them saw (MAXIMUM_IMAGE_GAP_FOR_ADDING_PARTIALS). So the records of wedges can stand
in one file, if all wedges share one orientation matrix, one zero of the spindle and one geometry, and no
frame belongs to two of them.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from beampace.engines.xds.lp_text import LpError

END_OF_HEADER = "!END_OF_HEADER"
END_OF_DATA = "!END_OF_DATA"

EXACT = (
    "PROFILE_FITTING",
    "SPACE_GROUP_NUMBER",
    "NX",
    "NY",
    "STARTING_FRAME",
    "NUMBER_OF_ITEMS_IN_EACH_DATA_RECORD",
)
CLOSE = (
    "UNIT_CELL_CONSTANTS",
    "QX",
    "QY",
    "STARTING_ANGLE",
    "OSCILLATION_RANGE",
    "ROTATION_AXIS",
    "X-RAY_WAVELENGTH",
    "INCIDENT_BEAM_DIRECTION",
    "DIRECTION_OF_DETECTOR_X-AXIS",
    "DIRECTION_OF_DETECTOR_Y-AXIS",
)
"""Keys of the header that must say the same in all wedges, to the last letter or nearly: INTEGRATE refines
the beam. Spot sizes are each wedge's."""
NEARLY = 1e-3
"""Relative and absolute difference of numbers that say the same."""


@dataclass(frozen=True, slots=True)
class Wedge:
    """Frames that were integrated by themselves.

    Attributes:
        images: first and last frame, numbered from 1.
        file: its INTEGRATE.HKL.
    """

    images: tuple[int, int]
    file: Path


def join_wedges(wedges: Sequence[Wedge], target: Path) -> int:
    """Write one INTEGRATE.HKL with the records of all; how many there are.

    Raises:
        LpError: a file is not whole, contradicts the first, or frames lie in two wedges.
        OSError: a file cannot be read or written.
    """
    ordered = sorted(wedges, key=lambda wedge: wedge.images)
    _check_apart(ordered)
    first, n = read_keys(ordered[0].file), 0
    for wedge in ordered:
        _check_alike(wedge, first)
    with target.open("w", encoding="ascii") as out:
        out.writelines(_header(ordered[0].file))
        # XDS leaves records in the order of their indices; so does this, if each wedge is.
        for record in heapq.merge(*(records(wedge.file) for wedge in ordered), key=_place):
            out.write(record)
            n += 1
        out.write(END_OF_DATA + "\n")
    return n


def _place(record: str) -> tuple[int, int, int, float]:
    """Indices and frame of a record."""
    h, k, l, _, _, _, _, z, *_ = record.split(maxsplit=8)  # noqa: E741 (the name of the index)
    return int(h), int(k), int(l), float(z)


def read_keys(path: Path) -> dict[str, str]:
    """Keys of a header and their values; several may stand in a line.

    Raises:
        LpError: the header does not end.
    """
    found: dict[str, str] = {}
    for line in _header(path):
        key = ""
        for word in line[1:].split():
            name, mark, value = word.partition("=")
            if mark:
                key, found[name] = name, value
            elif key:
                found[key] = f"{found[key]} {word}".strip()
    return found


def records(path: Path) -> Iterator[str]:
    """The lines between header and end.

    Raises:
        LpError: there is no end: the program was stopped while it wrote.
    """
    with path.open(encoding="ascii") as lines:
        for line in lines:
            if line.startswith(END_OF_HEADER):
                break
        for line in lines:
            if line.startswith(END_OF_DATA):
                return
            yield line
    raise LpError(f"{path.name}: no {END_OF_DATA}")


def _header(path: Path) -> list[str]:
    kept = []
    with path.open(encoding="ascii") as lines:
        for line in lines:
            if not line.startswith("!"):
                break
            kept.append(line)
            if line.startswith(END_OF_HEADER):
                return kept
    raise LpError(f"{path.name}: no {END_OF_HEADER}")


def _check_apart(ordered: Sequence[Wedge]) -> None:
    for before, after in pairwise(ordered):
        if after.images[0] <= before.images[1]:
            raise LpError(f"frames {after.images[0]} to {before.images[1]} lie in two wedges")


def _check_alike(wedge: Wedge, first: dict[str, str]) -> None:
    mine = read_keys(wedge.file)
    for key in (*EXACT, *CLOSE):
        one, other = mine.get(key, "").split(), first.get(key, "").split()
        if one != other and not (key in CLOSE and _close(one, other)):
            raise LpError(
                f"frames {wedge.images[0]} to {wedge.images[1]} have {key}={mine.get(key)}, the first wedge "
                f"has {first.get(key)}"
            )


def _close(one: list[str], other: list[str]) -> bool:
    pairs = zip(map(float, one), map(float, other), strict=True)
    return len(one) == len(other) and all(
        math.isclose(a, b, rel_tol=NEARLY, abs_tol=NEARLY) for a, b in pairs
    )
