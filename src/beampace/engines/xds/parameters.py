"""The block of refined diffraction parameters, which IDXREF, INTEGRATE and CORRECT print alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from beampace.core.cell import UnitCell
from beampace.core.geometry import Vec3
from beampace.engines.xds.lp_text import LpError, cell_of, labelled, numbers, optional, whole_lines

_SPOTS = (
    re.compile(r"DERIVED FROM\s+(\d+)\s+INDEXED SPOTS"),
    re.compile(r"USING\s+(\d+)\s+INDEXED SPOTS"),
    re.compile(r"(\d+)\s+OUT OF\s+\d+\s+REFLECTIONS ACCEPTED FOR REFINEMENT"),
)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Diffraction parameters as refined; vectors in the laboratory frame of XDS.

    Attributes:
        n_spots: spots the refinement used, None where it is not said.
        rmsd_px: standard deviation of spot positions on the detector, pixels.
        rmsd_deg: standard deviation of spot positions along the spindle, degrees.
        space_group: number of the space group refined in.
        cell: the unit cell.
        cell_esd: standard deviations of the cell (angstrom, degrees), None where not estimated.
        axes: the cell's axes a, b and c, angstrom, None where not printed.
        mosaicity: degrees, None where not printed.
        rotation_axis: unit vector along the spindle.
        beam_vector: direct beam, of length 1/wavelength in 1/angstrom, None where not printed.
        beam_px: where the direct beam hits the detector, pixels (centre of the first pixel at 1).
        origin_px: foot of the detector's normal through the crystal (ORGX, ORGY), pixels.
        distance: crystal to detector along that normal, mm; negative for a detector turned round.
    """

    n_spots: int | None
    rmsd_px: float
    rmsd_deg: float
    space_group: int
    cell: UnitCell
    cell_esd: tuple[float, ...] | None
    axes: tuple[Vec3, Vec3, Vec3] | None
    mosaicity: float | None
    rotation_axis: Vec3
    beam_vector: Vec3 | None
    beam_px: tuple[float, float]
    origin_px: tuple[float, float]
    distance: float


def parse_parameters(block: Sequence[str] | str, log: str = "parameters") -> Parameters:
    """The parameters of one block.

    Args:
        block: its lines, or its text; nothing of another block.
        log: name of the log, for messages.

    Raises:
        LpError: one that is always printed is missing, or a number is not understood.
    """
    lines = whole_lines(block) if isinstance(block, str) else block
    try:
        return _parameters(lines, log)
    except LpError as error:
        raise LpError(f"{log}: {str(error).removeprefix(f'{log}: ')}") from error


def _parameters(lines: Sequence[str], log: str) -> Parameters:
    mosaicity = optional(lines, "CRYSTAL MOSAICITY (DEGREES)")
    beam = optional(lines, "DIRECT BEAM COORDINATES (REC. ANGSTROEM)")
    return Parameters(
        n_spots=_n_spots(lines),
        rmsd_px=_one(labelled(lines, "STANDARD DEVIATION OF SPOT POSITION (PIXELS)", log), 2),
        rmsd_deg=_one(labelled(lines, "STANDARD DEVIATION OF SPINDLE POSITION (DEGREES)", log), 2),
        space_group=space_group_of(labelled(lines, "SPACE GROUP NUMBER", log), log),
        cell=cell_of(numbers(labelled(lines, "UNIT CELL PARAMETERS", log), 6, 3), log),
        cell_esd=_cell_esd(lines),
        axes=_axes(lines),
        mosaicity=None if mosaicity is None else _one(mosaicity, 3),
        rotation_axis=_vector(labelled(lines, "LAB COORDINATES OF ROTATION AXIS", log), 6),
        beam_vector=None if beam is None else _vector(beam, 6),
        beam_px=_pair(labelled(lines, "DETECTOR COORDINATES (PIXELS) OF DIRECT BEAM", log)),
        origin_px=_pair(labelled(lines, "DETECTOR ORIGIN (PIXELS) AT", log)),
        distance=_one(labelled(lines, "CRYSTAL TO DETECTOR DISTANCE (mm)", log), 2),
    )


def space_group_of(text: str, log: str) -> int:
    """A space group's number.

    Raises:
        LpError: not a number from 1 to 230.
    """
    words = text.split()
    if len(words) != 1 or not words[0].isdigit() or not 1 <= int(words[0]) <= 230:
        raise LpError(f"{log}: not the number of a space group: {text.strip()!r}")
    return int(words[0])


def _n_spots(lines: Sequence[str]) -> int | None:
    found = (pattern.search(line) for line in lines for pattern in _SPOTS)
    return next((int(match[1]) for match in found if match), None)


def _cell_esd(lines: Sequence[str]) -> tuple[float, ...] | None:
    """Standard deviations of the cell; XDS prints -1 for each it has not estimated."""
    text = optional(lines, "E.S.D. OF CELL PARAMETERS")
    if text is None:
        return None
    values = numbers(text, 6, None)
    return None if min(values) < 0 else values


def _axes(lines: Sequence[str]) -> tuple[Vec3, Vec3, Vec3] | None:
    texts = [optional(lines, f"COORDINATES OF UNIT CELL {name}-AXIS") for name in "ABC"]
    a, b, c = (None if text is None else _vector(text, 3) for text in texts)
    return None if a is None or b is None or c is None else (a, b, c)


def _one(text: str, decimals: int) -> float:
    return numbers(text, 1, decimals)[0]


def _pair(text: str) -> tuple[float, float]:
    first, second = numbers(text, 2, 2)
    return (first, second)


def _vector(text: str, decimals: int) -> Vec3:
    x, y, z = numbers(text, 3, decimals)
    return (x, y, z)
