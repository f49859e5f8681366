"""Blocks of INTEGRATE.LP in their real shapes."""

from __future__ import annotations

import numpy as np

from tests.support.xds_checker.geometry import Floats
from tests.support.xds_checker.idxref_text import parameters, segments
from tests.support.xds_checker.run import Run
from tests.support.xds_checker.xparm import Xparm

Spread = tuple[float, float]
_STARS = " " + "*" * 78
_SYMBOLS = (
    " *** DEFINITION OF SYMBOLS ***",
    " IER     = ERROR CODE AFTER ACCESSING DATA IMAGE",
    "              0: NO ERROR",
    "             -1: CANNOT OPEN OR READ IMAGE FILE",
    "             -3: WRONG DATA FORMAT",
    " SCALE   = SCALING FACTOR FOR THIS DATA IMAGE",
    " NBKG    = NUMBER OF BACKGROUND PIXELS ON DATA IMAGE",
    " NOVL    = NUMBER OF OVERLOADED REFLECTIONS ON DATA IMAGE",
    " NEWALD  = NUMBER OF REFLECTIONS CLOSE TO THE EWALD SPHERE",
    " NSTRONG = NUMBER OF STRONG REFLECTIONS ON DATA IMAGE",
    " NREJ    = NUMBER OF UNEXPECTED REFLECTIONS",
    " SIGMAB  = BEAM_DIVERGENCE_E.S.D.=SIGMAB",
    " SIGMAR  = REFLECTING_RANGE_E.S.D.=SIGMAR (MOSAICITY)",
    "",
    " IMAGE IER    SCALE     NBKG NOVL NEWALD NSTRONG  NREJ   SIGMAB   SIGMAR",
)


def _vector(values: object, width: int, digits: int) -> str:
    return "".join(f"{value:{width}.{digits}f}" for value in np.asarray(values, float))


def opening(run: Run, xparm: Xparm) -> list[str]:
    """The parameters INTEGRATE starts from."""
    g, inp = xparm.geometry, run.inp
    first, last = inp.data_range
    return [
        f" NAME_TEMPLATE_OF_DATA_FRAMES={inp.word('NAME_TEMPLATE_OF_DATA_FRAMES')} HDF5",
        f" DATA_RANGE={first:8d}{last:8d}",
        f" MINIMUM_VALID_PIXEL_VALUE={inp.integer('MINIMUM_VALID_PIXEL_VALUE', 0):6d}"
        f"    OVERLOAD={inp.integer('OVERLOAD'):10d}",
        f" BACKGROUND_PIXEL={inp.number('BACKGROUND_PIXEL', 6.0):8.2f}"
        f"      SIGNAL_PIXEL={inp.number('SIGNAL_PIXEL', 3.0):8.2f}",
        f" MINPK={inp.number('MINPK', 75.0):10.5f}",
        " PROFILE_FITTING= TRUE",
        f" SPACE_GROUP_NUMBER={xparm.group:5d}",
        f" UNIT_CELL_CONSTANTS={_vector(xparm.cell[:3], 9, 2)}{_vector(xparm.cell[3:], 8, 3)}",
        f" ROTATION_AXIS={_vector(g.axis, 9, 5)}",
        f" OSCILLATION_RANGE={g.width:10.6f} DEGREES",
        f" STARTING_ANGLE={g.start_angle:8.3f} STARTING_FRAME={g.start_frame:8d}",
        f" X-RAY_WAVELENGTH={g.wavelength:10.5f} ANGSTROM",
        f" INCIDENT_BEAM_DIRECTION={_vector(g.s0, 10, 6)}",
        f" NX={g.size[0]:6d} NY={g.size[1]:6d} QX={g.pixel[0]:8.5f} QY={g.pixel[1]:8.5f}",
        f" ORGX={g.org[0]:10.2f}  ORGY={g.org[1]:10.2f}",
        f" DETECTOR_DISTANCE={g.distance:10.3f}",
        *segments(g),
        " MEAN VALUE OF NON-XRAY BACKGROUND (OFFSET)=    0.00",
        " (PIXEL VALUE - OFFSET)/GAIN ,    WITH GAIN=    1.00",
        "",
    ]


def batches(run: Run, first: int, last: int) -> list[tuple[int, int]]:
    """Images refined together: about DELPHI degrees, in equal shares."""
    count = last - first + 1
    wanted = max(1, round(run.inp.number("DELPHI", 5.0) / run.geometry.width))
    number = max(1, round(count / wanted))
    ends = [first - 1 + round(count * (index + 1) / number) for index in range(number)]
    return list(zip([first, *(end + 1 for end in ends[:-1])], ends, strict=True))


def batch(run: Run, xparm: Xparm, records: Floats, images: tuple[int, int], spread: Spread) -> list[str]:
    """One batch: table of images, refined parameters, spread over the detector."""
    low, high = images
    inside = records[(records[:, 7] > low - 1) & (records[:, 7] <= high)]
    strong = inside[inside[:, 12] > 0]
    off = strong[:, 12:15] - strong[:, 5:8]
    sd = (_deviation(off[:, :2]), _deviation(off[:, 2:] * xparm.geometry.width))
    refined = " ".join(run.refinable("INTEGRATE", "POSITION BEAM ORIENTATION CELL"))
    block = parameters(xparm, refined, sd, spread[1])
    block[9:9] = [
        " CRYSTAL ROTATION OFF FROM INITIAL ORIENTATION" + _vector(_rotation(run, (low + high) / 2), 10, 3),
        " shown as x,y,z components of rotation axis X angle (degrees)",
    ]
    accepted = [f"{len(strong):6d} OUT OF{len(strong):7d} REFLECTIONS ACCEPTED FOR REFINEMENT"]
    return [
        "",
        _STARS,
        f"                     PROCESSING OF IMAGES {low:8d} ... {high:7d}",
        _STARS,
        "",
        f" USING{run.processors:4d} PROCESSORS",
        "",
        *_SYMBOLS,
        *(_image(run, inside, image, spread) for image in range(low, high + 1)),
        "",
        *(accepted + block if len(strong) else []),
        *_positions(xparm, strong, spread),
        f"{len(inside):7d} REFLECTION INTENSITIES INTEGRATED",
        "",
    ]


def _rotation(run: Run, z: float) -> Floats:
    """How far the crystal has slipped, as XDS would have refined it; the true laboratory's axes."""
    truth = run.truth
    if not truth.tilt.any():
        return np.zeros(3)
    return truth.tilt_axis * float(truth.at_frames(truth.tilt, np.array([z]))[0])


def _deviation(off: Floats) -> float:
    return float(np.sqrt((off**2).sum(axis=1).mean())) if len(off) else 0.0


def _image(run: Run, inside: Floats, image: int, spread: Spread) -> str:
    here = inside[np.ceil(inside[:, 7]) == image]
    strong = int((here[:, 12] > 0).sum())
    nx, ny = run.geometry.size
    truth = run.truth
    scale = 1.0 / max(0.05, float(truth.strength[:, min(image, truth.n_frames) - 1].sum() or 1.0))
    return (
        f"{image:6d}{0:4d}{scale:9.3f}{nx * ny:9d}{0:5d}{len(here):7d}{strong:8d}{0:6d}"
        f"{spread[0]:9.5f}{spread[1]:9.5f}"
    )


def _positions(xparm: Xparm, strong: Floats, spread: Spread) -> list[str]:
    nx, ny = xparm.geometry.size
    turns = np.radians([0, 45, 90, 135, 180, 225, 270, 315])
    x = np.array([nx / 2, *(nx / 2 * (1 + 0.75 * np.cos(turns)))])
    y = np.array([ny / 2, *(ny / 2 * (1 + 0.75 * np.sin(turns)))])
    nearest = ((strong[:, 5, None] - x) ** 2 + (strong[:, 6, None] - y) ** 2).argmin(axis=1)
    counts = np.bincount(nearest, minlength=9)
    return [
        " STANDARD DEVIATIONS OF BEAM DIVERGENCE AND REFLECTING RANGE OBTAINED",
        f" FROM{len(strong):8d} REFLECTION PROFILES AT 9 POSITIONS ON THE DETECTOR SURFACE.",
        " POSITION NUMBER " + "".join(f"{number:7d}" for number in range(1, 10)),
        f" X-COORDINATE (pixel){_vector(x, 7, 1)[1:]}",
        f" Y-COORDINATE (pixel){_vector(y, 7, 1)[1:]}",
        " NUMBER          " + "".join(f"{count:7d}" for count in counts),
        " SIGMAB (degree) " + _vector(np.full(9, spread[0]), 7, 3),
        " SIGMAR (degree) " + _vector(np.full(9, spread[1]), 7, 3),
        "",
        "",
    ]


def closing(run: Run, records: Floats, spread: Spread) -> list[str]:
    """The suggested values and the number of reflections."""
    return [
        "",
        " ***** SUGGESTED VALUES FOR INPUT PARAMETERS *****",
        f" BEAM_DIVERGENCE={10 * spread[0]:8.5f}  BEAM_DIVERGENCE_E.S.D.={spread[0]:8.5f}",
        f" REFLECTING_RANGE={7 * spread[1]:8.5f}  REFLECTING_RANGE_E.S.D.={spread[1]:8.5f}",
        "",
        f'{len(records):8d} REFLECTIONS SAVED ON FILE "INTEGRATE.HKL"',
        "",
    ]
