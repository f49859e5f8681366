"""Blocks of IDXREF.LP in their real shapes, which INTEGRATE.LP shares in part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.support.xds_checker.geometry import Floats, Geometry
from tests.support.xds_checker.grammar import Inp
from tests.support.xds_checker.lattices import ANGLE_ERROR, AXIS_ERROR, Fit
from tests.support.xds_checker.xparm import Xparm


def _vector(values: Sequence[float] | Floats, width: int, digits: int) -> str:
    return "".join(f"{value:{width}.{digits}f}" for value in values)


def segments(geometry: Geometry) -> list[str]:
    """The detector's one segment."""
    nx, ny = geometry.size
    return [
        " NUMBER OF DETECTOR SEGMENTS   1",
        f" SEGMENT= {1:4d}{nx:5d}{1:5d}{ny:5d}  ! x1,x2,y1,y2 (pixel units)",
        "    SEGMENT_ORGX=      0.00   SEGMENT_ORGY=      0.00",
        "    SEGMENT_DISTANCE=     0.00",
        "    DIRECTION_OF_SEGMENT_X-AXIS=  1.000000  0.000000  0.000000",
        "    DIRECTION_OF_SEGMENT_Y-AXIS=  0.000000  1.000000  0.000000",
    ]


def input_values(inp: Inp, g: Geometry, group: int) -> list[str]:
    """What XDS.INP says, or does not."""
    low, high = (
        inp.pairs("INCLUDE_RESOLUTION_RANGE")[-1] if "INCLUDE_RESOLUTION_RANGE" in inp else (20.0, 0.0)
    )
    inner, outer = inp.pairs("TRUSTED_REGION")[-1] if "TRUSTED_REGION" in inp else (0.0, 1.05)
    known = [
        f" SPACE_GROUP_NUMBER={group:5d}",
        f" UNIT_CELL_CONSTANTS={_cell(inp.vector('UNIT_CELL_CONSTANTS'))}" if group else "",
    ]
    return [
        " INPUT PARAMETER VALUES",
        " ----------------------",
        f" NAME_TEMPLATE_OF_DATA_FRAMES={inp.word('NAME_TEMPLATE_OF_DATA_FRAMES')}",
        f" STARTING_ANGLE={g.start_angle:14.4f}     STARTING_FRAME={g.start_frame:8d}",
        f" NX={g.size[0]:6d}  NY={g.size[1]:6d}    QX={g.pixel[0]:10.6f}  QY={g.pixel[1]:10.6f}",
        f" DIRECTION_OF_DETECTOR_X-AXIS={_vector(g.frame[:, 0], 10, 5)}",
        f" DIRECTION_OF_DETECTOR_Y-AXIS={_vector(g.frame[:, 1], 10, 5)}",
        f" DETECTOR_DISTANCE={g.distance:10.3f}",
        f" ORGX={g.org[0]:10.2f}  ORGY={g.org[1]:10.2f}",
        *segments(g),
        f" X-RAY_WAVELENGTH={g.wavelength:15.6f}",
        f" INCIDENT_BEAM_DIRECTION={_vector(g.s0 * g.wavelength, 10, 6)}",
        f" ROTATION_AXIS={_vector(g.axis, 10, 6)}",
        f" OSCILLATION_RANGE={g.width:10.4f}",
        f" INDEX_MAGNITUDE={inp.integer('INDEX_MAGNITUDE', 8):4d}"
        f"    INDEX_ERROR={inp.number('INDEX_ERROR', 0.05):8.3f}"
        f"    INDEX_QUALITY={inp.number('INDEX_QUALITY', 0.8):6.2f}",
        f" SEPMIN={inp.number('SEPMIN', 7):6.2f}    CLUSTER_RADIUS={inp.number('CLUSTER_RADIUS', 3.5):6.2f}",
        f" MAXIMUM_ERROR_OF_SPOT_POSITION={inp.number('MAXIMUM_ERROR_OF_SPOT_POSITION', 3.0):6.1f}",
        f" MAXIMUM_ERROR_OF_SPINDLE_POSITION={inp.number('MAXIMUM_ERROR_OF_SPINDLE_POSITION', 2.0):6.1f}",
        f" MINIMUM_FRACTION_OF_INDEXED_SPOTS={inp.number('MINIMUM_FRACTION_OF_INDEXED_SPOTS', 0.5):6.2f}",
        f" TRUSTED_REGION={inner:6.2f}{outer:6.2f}",
        f" INCLUDE_RESOLUTION_RANGE={low:11.3f}{high:10.3f}",
        *(known if group else [" SPACE GROUP AND CELL PARAMETERS ARE UNKNOWN"]),
        "",
        "",
    ]


def _cell(cell: Sequence[float]) -> str:
    return _vector(cell[:3], 10, 3) + _vector(cell[3:], 8, 3)


def subtrees(population: Sequence[int]) -> list[str]:
    """The table of subtrees of the spots."""
    return [
        f" NUMBER OF SUBTREES {len(population):6d}",
        "",
        " SUBTREE    POPULATION",
        "",
        *(f"{number:6d}{count:13d}" for number, count in enumerate(population[:10], start=1)),
        "",
        f" NUMBER OF ACCEPTED SPOTS FROM LARGEST SUBTREE {population[0]:5d}",
        "",
    ]


def origins(given: Geometry, rows: Sequence[Sequence[float]], selected: Sequence[int]) -> list[str]:
    """The table of index origins."""
    return [
        " ***** SELECTION OF THE INDEX ORIGIN OF THE REFLECTIONS *****",
        " The origin of the reflection indices determined so far is   ",
        " 0,0,0 by default which is usually correct. In certain critical",
        " cases it may happen that this automatic choice is wrong which ",
        " leads to misindexing of the reflections by a constant offset. ",
        " You may replace the default by specifying INDEX_ORIGIN= h k l ",
        ' in the input file "XDS.INP" and rerun the IDXREF step.        ',
        " Below you find a list of possible alternatives together with a",
        " measure of their likelihood.",
        " QUALITY  small values mean a high likelihood for this offset ",
        " DELTA    is the angle between given and refined beam direction",
        " XD,YD    computed direct beam position (pixels) on detector ",
        f"          given beam position (pixel):{given.beam_pixel[0]:9.2f}{given.beam_pixel[1]:9.2f}",
        " X,Y,Z    computed coordinates of the direct beam wave vector",
        " DH,DK,DL mean absolute difference between observed and ",
        "          fitted indices",
        "",
        "  INDEX_   QUALITY  DELTA    XD       YD       X       Y       Z       DH      DK      DL",
        "  ORIGIN",
        "",
        *(
            f"{int(h):3d}{int(k):3d}{int(m):3d}{quality:9.1f}{delta:7.1f}{xd:9.1f}{yd:9.1f}"
            f"{x:8.4f}{y:8.4f}{z:8.4f}{dh:8.2f}{dk:8.2f}{dl:8.2f}"
            for h, k, m, quality, delta, xd, yd, x, y, z, dh, dk, dl in rows
        ),
        "",
        f" SELECTED:     INDEX_ORIGIN={selected[0]:3d}{selected[1]:3d}{selected[2]:3d}",
        "",
        "",
    ]


def parameters(xparm: Xparm, refined: str, sd: tuple[float, float], mosaicity: float = 0.2) -> list[str]:
    """The block of diffraction parameters."""
    g = xparm.geometry
    reciprocal = np.linalg.norm(xparm.reciprocal, axis=0)
    angles = _reciprocal_angles(xparm.reciprocal)
    beam = g.beam_pixel
    return [
        f" REFINED PARAMETERS:   {refined}",
        f" STANDARD DEVIATION OF SPOT    POSITION (PIXELS){sd[0]:9.2f}",
        f" STANDARD DEVIATION OF SPINDLE POSITION (DEGREES){sd[1]:8.2f}",
        f" SPACE GROUP NUMBER {xparm.group:6d}",
        f" UNIT CELL PARAMETERS {_cell(xparm.cell)}",
        f" REC. CELL PARAMETERS {_vector(reciprocal, 10, 6)}{_vector(angles, 8, 3)}",
        *(
            f" COORDINATES OF UNIT CELL {name}-AXIS{_vector(axis, 10, 3)}"
            for name, axis in zip("ABC", xparm.axes, strict=True)
        ),
        f" CRYSTAL MOSAICITY (DEGREES)  {mosaicity:8.3f}",
        f" LAB COORDINATES OF ROTATION AXIS{_vector(g.axis, 10, 6)}",
        f" DIRECT BEAM COORDINATES (REC. ANGSTROEM){_vector(g.s0, 11, 6)}",
        f" DETECTOR COORDINATES (PIXELS) OF DIRECT BEAM {beam[0]:10.2f}{beam[1]:10.2f}",
        f" DETECTOR ORIGIN (PIXELS) AT                  {g.org[0]:10.2f}{g.org[1]:10.2f}",
        f" CRYSTAL TO DETECTOR DISTANCE (mm){g.distance:13.2f}",
        f" LAB COORDINATES OF DETECTOR X-AXIS{_vector(g.frame[:, 0], 10, 6)}",
        f" LAB COORDINATES OF DETECTOR Y-AXIS{_vector(g.frame[:, 1], 10, 6)}",
        "",
        "",
    ]


def _reciprocal_angles(reciprocal: Floats) -> list[float]:
    units = reciprocal / np.linalg.norm(reciprocal, axis=0)
    return [float(np.degrees(np.arccos(units[:, i] @ units[:, j]))) for i, j in ((1, 2), (0, 2), (0, 1))]


def indexed(group: int, counts: tuple[int, int, int], errors: tuple[float, float]) -> list[str]:
    """How many spots were indexed of how many, and how many overlap."""
    good, total, overlap = counts
    return [
        f" ***** INDEXING OF OBSERVED SPOTS IN SPACE GROUP #{group:4d} *****",
        f"{good:10d} OUT OF{total:10d} SPOTS INDEXED.",
        f"{overlap:9d} REJECTED REFLECTIONS (REASON: OVERLAP)",
        f"{total - good - overlap:9d} REJECTED REFLECTIONS (REASON: TOO FAR FROM IDEAL POSITION)",
        f" EXPECTED ERROR IN SPINDLE  POSITION {errors[1]:9.3f} DEGREES",
        f" EXPECTED ERROR IN DETECTOR POSITION {errors[0]:9.2f} PIXELS",
        "",
        "",
    ]


def lattice_table(found: Sequence[Fit]) -> list[str]:
    """The 44 characters, best first."""
    return [
        " *********** DETERMINATION OF LATTICE CHARACTER AND BRAVAIS LATTICE ***********",
        "",
        " The CHARACTER OF A LATTICE is defined by the metrical parameters of its",
        " reduced cell as described in the INTERNATIONAL TABLES FOR CRYSTALLOGRAPHY",
        " Volume A, p. 746 (KLUWER ACADEMIC PUBLISHERS, DORDRECHT/BOSTON/LONDON, 1989).",
        " Note that more than one lattice character may have the same BRAVAIS LATTICE.",
        "",
        ' A lattice character is marked "*" to indicate a lattice consistent with the',
        " observed locations of the diffraction spots. These marked lattices must have",
        " low values for the QUALITY OF FIT and their implicated UNIT CELL CONSTANTS",
        " should not violate the ideal values by more than",
        f" MAXIMUM_ALLOWED_CELL_AXIS_RELATIVE_ERROR={AXIS_ERROR:6.2f}",
        f" MAXIMUM_ALLOWED_CELL_ANGLE_ERROR={ANGLE_ERROR:14.1f} (Degrees)",
        "",
        "  LATTICE-  BRAVAIS-   QUALITY  UNIT CELL CONSTANTS (ANGSTROEM & DEGREES)",
        " CHARACTER  LATTICE     OF FIT      a      b      c   alpha  beta gamma",
        "",
        *(
            f" {'*' if fit.acceptable else ' '}{fit.character:4d}{fit.bravais:>10s}{fit.quality:13.1f}  "
            f"{_vector(fit.cell[:3], 7, 1).rjust(22)}{_vector(fit.cell[3:], 6, 1)}"
            for fit in found
        ),
        "",
    ]


def oscillation(longest: float) -> list[str]:
    """Widest images without overlap, by the longest axis."""
    limits = [(float(np.degrees(d / longest)), d) for d in (4.0, 3.0, 2.0, 1.0)]
    return [
        "",
        " Maximum oscillation range to prevent angular overlap at high resolution limit",
        " assuming zero (!) mosaicity.",
        " Maximum oscillation range  High resolution limit",
        "         (degrees)               (Angstrom)",
        *(f"{width:18.2f}{d:24.2f}" for width, d in limits),
    ]


STOPPED = (
    " AUTOMATIC DATA PROCESSING STOPPED. AS THE CRITERIA FOR A GOOD",
    " SOLUTION ARE RATHER STRICT, YOU MAY CHOOSE TO CONTINUE DATA",
    ' PROCESSING AFTER CHANGING THE "JOB="-CARD IN "XDS.INP" TO',
    ' "JOB= DEFPIX INTEGRATE CORRECT".',
    " IF THE BEST SOLUTION IS REALLY NONSENSE YOU SHOULD FIRST HAVE",
    ' A LOOK AT THE ASCII-FILE "SPOT.XDS". THIS FILE CONTAINS THE',
    " INITIAL SPOT LIST SORTED IN DECREASING SPOT INTENSITY. SPOTS",
    " NEAR THE END OF THE FILE MAY BE ARTEFACTS THAT CAN BE ERASED.",
    ' ALTERNATIVELY YOU MAY TRY DIFFERENT VALUES FOR "INDEX_ORIGIN"',
    " AS SUGGESTED IN THE ABOVE LISTING.",
    " IF THE CRYSTAL HAS SLIPPED AT THE BEGINNING OF DATA COLLECTION",
    " YOU MAY CHOOSE TO SKIP SOME OF THE FIRST FRAMES BY CHANGING ",
    ' THE "DATA_RANGE=" IN FILE "XDS.INP" AND START ALL OVER AGAIN.',
)
"""What follows the last error of IDXREF."""
