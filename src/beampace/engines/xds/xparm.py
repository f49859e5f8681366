"""XPARM.XDS and GXPARM.XDS: the geometry with which XDS integrates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from beampace.core.cell import UnitCell
from beampace.core.geometry import Vec3
from beampace.engines.xds.lp_text import LpError, cell_of, number, numbers, whole_lines
from beampace.engines.xds.parameters import space_group_of

LOG = "XPARM.XDS"


@dataclass(frozen=True, slots=True)
class Segment:
    """A plane piece of the detector.

    Attributes:
        number: its number, from 1.
        pixels: first and last pixel along x, first and last along y.
        origin_px: its ORGX and ORGY relative to the detector's, pixels.
        distance: its distance relative to the detector's, mm.
        fast: direction of its x axis.
        slow: direction of its y axis.
    """

    number: int
    pixels: tuple[int, int, int, int]
    origin_px: tuple[float, float]
    distance: float
    fast: Vec3
    slow: Vec3


@dataclass(frozen=True, slots=True)
class Xparm:
    """Geometry of an experiment; vectors in the laboratory frame of XDS.

    Attributes:
        start_frame: number of the frame at which the spindle stands at `start_angle`.
        start_angle: spindle angle at the begin of that frame, degrees.
        oscillation: rotation of one frame, degrees.
        axis: unit vector along the spindle.
        wavelength: angstrom.
        beam: direct beam, of length 1/wavelength in 1/angstrom.
        space_group: number of the space group.
        cell: the unit cell.
        axes: the cell's axes a, b and c at spindle angle zero, angstrom.
        n_segments: number of detector segments.
        nx: pixels along the detector's x axis.
        ny: pixels along its y axis.
        qx: pixel size along x, mm.
        qy: pixel size along y, mm.
        origin_px: foot of the detector's normal through the crystal (ORGX, ORGY), pixels.
        distance: crystal to detector, mm.
        fast: direction of the detector's x axis.
        slow: direction of its y axis.
        normal: direction of its normal.
        segments: its segments.
        version: which XDS wrote the file, as its first line says.
    """

    start_frame: int
    start_angle: float
    oscillation: float
    axis: Vec3
    wavelength: float
    beam: Vec3
    space_group: int
    cell: UnitCell
    axes: tuple[Vec3, Vec3, Vec3]
    n_segments: int
    nx: int
    ny: int
    qx: float
    qy: float
    origin_px: tuple[float, float]
    distance: float
    fast: Vec3
    slow: Vec3
    normal: Vec3
    segments: tuple[Segment, ...]
    version: str = ""


def parse_xparm(text: str) -> Xparm:
    """The geometry in the text of an XPARM.XDS.

    Raises:
        LpError: not such a file (the form before 2012 is none), or cut off.
    """
    lines = whole_lines(text)
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines or "XPARM.XDS" not in lines[0]:
        raise LpError(f"{LOG}: no line 'XPARM.XDS' at its head")
    if len(lines) < 12:
        raise LpError(f"{LOG}: {len(lines)} lines only")
    try:
        return _parse(lines)
    except LpError as error:
        raise LpError(f"{LOG}: {str(error).removeprefix(f'{LOG}: ')}") from error


def _parse(lines: Sequence[str]) -> Xparm:
    start = _mixed(lines[1], 1, (4, 4, 6, 6, 6))
    wavelength, *beam = numbers(lines[2], 4, 6)
    group = _mixed(lines[3], 1, (4, 4, 4, 3, 3, 3))
    grid = _mixed(lines[7], 3, (6, 6))
    orgx, orgy, distance = numbers(lines[8], 3, 6)
    return Xparm(
        start_frame=int(start[0]),
        start_angle=start[1],
        oscillation=start[2],
        axis=_vec(start[3:]),
        wavelength=wavelength,
        beam=_vec(beam),
        space_group=space_group_of(str(int(group[0])), LOG),
        cell=cell_of(group[1:], LOG),
        axes=(_line(lines[4]), _line(lines[5]), _line(lines[6])),
        n_segments=int(grid[0]),
        nx=int(grid[1]),
        ny=int(grid[2]),
        qx=grid[3],
        qy=grid[4],
        origin_px=(orgx, orgy),
        distance=distance,
        fast=_line(lines[9]),
        slow=_line(lines[10]),
        normal=_line(lines[11]),
        segments=_segments(lines[12:], int(grid[0])),
        version=lines[0].partition("VERSION")[2].strip(),
    )


def _mixed(line: str, n_integers: int, decimals: Sequence[int]) -> list[float]:
    """Integers, then reals, of a line whose fields are separated by blanks."""
    words = line.split()
    if len(words) != n_integers + len(decimals):
        raise LpError(f"{n_integers + len(decimals)} numbers expected: {line.strip()!r}")
    if not all(word.lstrip("+-").isdigit() for word in words[:n_integers]):
        raise LpError(f"{n_integers} integers expected first: {line.strip()!r}")
    return [number(word) for word in words]


def _segments(lines: Sequence[str], count: int) -> tuple[Segment, ...]:
    if len(lines) != 2 * count:
        raise LpError(f"{len(lines)} lines for {count} segments")
    return tuple(_segment(*lines[index : index + 2]) for index in range(0, len(lines), 2))


def _segment(pixels: str, geometry: str) -> Segment:
    which, x1, x2, y1, y2 = (int(value) for value in _mixed(pixels, 5, ()))
    orgx, orgy, distance, *axes = numbers(geometry, 9, 5) if len(geometry.split()) == 9 else _glued(geometry)
    return Segment(which, (x1, x2, y1, y2), (orgx, orgy), distance, _vec(axes[:3]), _vec(axes[3:]))


def _glued(line: str) -> tuple[float, ...]:
    """The numbers of a segment's second line where they run together: three of 8 columns, six of 9."""
    return numbers(line[:24], 3, 2) + numbers(line[24:], 6, 5)


def _line(line: str) -> Vec3:
    return _vec(numbers(line, 3, 6))


def _vec(values: Sequence[float]) -> Vec3:
    x, y, z = values
    return (x, y, z)


def xparm_text(xparm: Xparm) -> str:
    """The text of an XPARM.XDS as XDS lays it out; more decimals where a number needs them and has room.

    Raises:
        LpError: a number does not fit its columns.
    """
    x = xparm
    lines = [
        f" XPARM.XDS    VERSION {x.version}".rstrip(),
        f"{x.start_frame:6d}"
        + _real(x.start_angle, 14, 4)
        + _real(x.oscillation, 10, 4)
        + _reals(x.axis, 10, 6),
        _reals((x.wavelength, *x.beam), 15, 6),
        f"{x.space_group:6d}{_reals(x.cell.parameters[:3], 12, 4)}{_reals(x.cell.parameters[3:], 8, 3)}",
        *(_reals(axis, 15, 6) for axis in x.axes),
        f"{x.n_segments:10d}{x.nx:10d}{x.ny:10d}{_reals((x.qx, x.qy), 12, 6)}",
        _reals((*x.origin_px, x.distance), 15, 6),
        *(_reals(axis, 15, 6) for axis in (x.fast, x.slow, x.normal)),
        *(line for segment in x.segments for line in _segment_lines(segment)),
    ]
    return "\n".join(lines) + "\n"


def _segment_lines(segment: Segment) -> tuple[str, str]:
    place = _reals((*segment.origin_px, segment.distance), 8, 2)
    numbered = "".join(f"{value:10d}" for value in (segment.number, *segment.pixels))
    return numbered, place + _reals((*segment.fast, *segment.slow), 9, 5)


def _reals(values: Sequence[float], width: int, decimals: int) -> str:
    return "".join(_real(value, width, decimals) for value in values)


def _real(value: float, width: int, decimals: int) -> str:
    """`value` in `width` columns, a blank first, with `decimals` or more where it needs them."""
    text = f"{value:.{decimals}f}"
    for more in range(decimals + 1, width):
        longer = f"{value:.{more}f}"
        if float(text) == value or len(longer) >= width:
            break
        text = longer
    if len(text) >= width:
        raise LpError(f"{LOG}: {value} does not fit {width} columns")
    return text.rjust(width)
