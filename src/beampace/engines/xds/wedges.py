"""INTEGRATE by wedges: their INTEGRATE.HKL as one file for one CORRECT.

The jobs into which XDS itself splits INTEGRATE handle their frames alone, too, and CORRECT adds the parts of
a reflection that two of them saw (MAXIMUM_IMAGE_GAP_FOR_ADDING_PARTIALS). So the records of wedges can stand
in one file, if all wedges share one orientation matrix, one zero of the spindle and one geometry, and no
frame belongs to two of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from beampace.engines.xds.lp_text import LpError

END_OF_HEADER = "!END_OF_HEADER"
END_OF_DATA = "!END_OF_DATA"

SHARED = (
    "PROFILE_FITTING",
    "SPACE_GROUP_NUMBER",
    "UNIT_CELL_CONSTANTS",
    "NX",
    "NY",
    "QX",
    "QY",
    "STARTING_FRAME",
    "STARTING_ANGLE",
    "OSCILLATION_RANGE",
    "ROTATION_AXIS",
    "X-RAY_WAVELENGTH",
    "INCIDENT_BEAM_DIRECTION",
    "DIRECTION_OF_DETECTOR_X-AXIS",
    "DIRECTION_OF_DETECTOR_Y-AXIS",
    "NUMBER_OF_ITEMS_IN_EACH_DATA_RECORD",
)
"""Keys of the header that say the same in all wedges; spot sizes and refined geometry are each wedge's."""


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
    first = read_keys(ordered[0].file)
    n = 0
    with target.open("w", encoding="ascii") as out:
        out.writelines(_header(ordered[0].file))
        for wedge in ordered:
            _check_alike(wedge, first)
            for record in records(wedge.file):
                out.write(record)
                n += 1
        out.write(END_OF_DATA + "\n")
    return n


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
    for key in SHARED:
        if mine.get(key, "").split() != first.get(key, "").split():
            raise LpError(
                f"frames {wedge.images[0]} to {wedge.images[1]} have {key}={mine.get(key)}, the first wedge "
                f"has {first.get(key)}"
            )
