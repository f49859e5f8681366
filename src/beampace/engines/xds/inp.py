"""XDS.INP: what it says of a dataset, and what each run adds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from beampace.analysis.sensor import attenuation
from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset
from beampace.core.geometry import Detector, Vec3
from beampace.engines.xds.frame import xds_frame
from beampace.engines.xds.gaps import Rectangle
from beampace.engines.xds.numbers import number, numbers

NAME = "XDS.INP"
LONGEST = 80
"""Characters of a line that every XDS reads."""

BACKGROUND_DEG = 5.0
"""Rotation from which the background is taken: INIT needs a handful of frames (XDSwiki, FAQ)."""
SMALL_WEDGE_DEG = 5.0
"""Below this the rotation axis cannot be refined with the rest (xia2)."""

PILATUS_PIXEL = 0.172

Lines = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """What is the same in every run on a dataset.

    Attributes:
        dataset: the record.
        template: of the frames, as seen from where XDS runs.
        library: plug-in that reads them, or None.
        gaps: untrusted rectangles.
        d_min: angstrom beyond which nothing is wanted, or None.
    """

    dataset: Dataset
    template: str
    library: Path | None
    gaps: tuple[Rectangle, ...]
    d_min: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the program.

    Attributes:
        jobs: steps, in the order of the program.
        images: frames of the run (DATA_RANGE).
        parallel: MAXIMUM_NUMBER_OF_JOBS and MAXIMUM_NUMBER_OF_PROCESSORS.
        delphi: degrees of a batch of INTEGRATE, or None.
        spot_ranges: frames in which COLSPOT looks for spots.
        group, cell: to impose; 0 and None to leave it to the program.
        d_min: limit of this run, angstrom, or None.
        more: keywords that take the place of the usual ones, or come in addition.
    """

    jobs: tuple[str, ...]
    images: tuple[int, int]
    parallel: tuple[int, int] = (1, 1)
    delphi: float | None = None
    spot_ranges: tuple[tuple[int, int], ...] = ()
    group: int = 0
    cell: UnitCell | None = None
    d_min: float | None = None
    more: Mapping[str, str] = field(default_factory=dict)

    def with_more(self, more: Mapping[str, str]) -> Run:
        """The run with other keywords."""
        return replace(self, more={**self.more, **more})


def input_text(situation: Situation, run: Run) -> str:
    """The text of XDS.INP.

    Raises:
        ValueError: a number is not finite, the spindle does not turn forwards, or a line is too long.
    """
    changed = dict(run.more)
    lines = [
        f"{key}= {changed.pop(key, value)}"
        for key, value in (*_run_lines(situation, run), *_dataset_lines(situation, run))
    ]
    lines += [f"{key}= {value}" for key, value in changed.items()]
    lines += [f"UNTRUSTED_RECTANGLE= {x1} {x2} {y1} {y2}" for x1, x2, y1, y2 in situation.gaps]
    for line in lines:
        # A plug-in stands where it was installed; XDS of today takes its whole path.
        if len(line) > LONGEST and not line.startswith("LIB="):
            raise ValueError(f"XDS reads {LONGEST} characters of a line: {line}")
    return "\n".join(lines) + "\n"


def _run_lines(situation: Situation, run: Run) -> Lines:
    first, last = run.images
    width = abs(situation.dataset.scan.width)
    background = min(last, first + max(1, math.ceil(BACKGROUND_DEG / width - 1e-9)) - 1)
    cell = run.cell or UnitCell(70, 80, 90, 90, 90, 90)  # Without a group XDS reads it and does not use it.
    jobs, processors = run.parallel
    return (
        ("JOB", " ".join(run.jobs)),
        ("MAXIMUM_NUMBER_OF_JOBS", str(jobs)),
        ("MAXIMUM_NUMBER_OF_PROCESSORS", str(processors)),
        ("DATA_RANGE", f"{first} {last}"),
        ("BACKGROUND_RANGE", f"{first} {background}"),
        *(("SPOT_RANGE", f"{one} {other}") for one, other in run.spot_ranges),
        ("SPACE_GROUP_NUMBER", str(run.group)),
        ("UNIT_CELL_CONSTANTS", numbers(round(value, 4) for value in cell.parameters)),
        ("INCLUDE_RESOLUTION_RANGE", f"50.0 {number(run.d_min or situation.d_min or 0.0)}"),
        *((("DELPHI", number(run.delphi)),) if run.delphi else ()),
        *_refinement(run, width),
    )


def _refinement(run: Run, width: float) -> Lines:
    """What is refined where, as in generate_XDS.INP of 2025; no axis from a small wedge."""
    small = width * (run.images[1] - run.images[0] + 1) < SMALL_WEDGE_DEG
    axis = "" if small else " AXIS"
    return (
        ("REFINE(IDXREF)", f"CELL BEAM ORIENTATION{axis}"),
        ("REFINE(INTEGRATE)", "POSITION BEAM ORIENTATION"),
        ("REFINE(CORRECT)", f"CELL BEAM ORIENTATION{axis} POSITION"),
    )


def _dataset_lines(situation: Situation, run: Run) -> Lines:
    dataset = situation.dataset
    detector, frame = dataset.detector, xds_frame(dataset, run.images[0])
    nx, ny = detector.image_size
    return (
        ("NAME_TEMPLATE_OF_DATA_FRAMES", situation.template),
        *((("LIB", str(situation.library)),) if situation.library else ()),
        ("STARTING_FRAME", str(frame.start_frame)),
        ("STARTING_ANGLE", number(frame.start)),
        ("OSCILLATION_RANGE", number(frame.width)),
        ("X-RAY_WAVELENGTH", number(frame.wavelength)),
        ("DETECTOR_DISTANCE", number(frame.distance)),
        ("ORGX", number(frame.origin[0])),
        ("ORGY", number(frame.origin[1])),
        ("DETECTOR", _kind(detector)),
        ("MINIMUM_VALID_PIXEL_VALUE", "0"),
        ("OVERLOAD", str(detector.saturation or 2**31 - 1)),
        ("SENSOR_THICKNESS", number(detector.sensor_thickness)),
        *_absorption(detector.sensor_material, frame.wavelength),
        ("NX", str(nx)),
        ("NY", str(ny)),
        ("QX", number(detector.pixel_size[0])),
        ("QY", number(detector.pixel_size[1])),
        ("DIRECTION_OF_DETECTOR_X-AXIS", "1.0 0.0 0.0"),
        ("DIRECTION_OF_DETECTOR_Y-AXIS", "0.0 1.0 0.0"),
        ("INCIDENT_BEAM_DIRECTION", _vector(frame.beam)),
        ("ROTATION_AXIS", _vector(frame.axis)),
        ("FRACTION_OF_POLARIZATION", number(dataset.beam.polarization_fraction)),
        ("POLARIZATION_PLANE_NORMAL", _vector(frame.normal)),
        ("FRIEDEL'S_LAW", "FALSE"),
        ("TRUSTED_REGION", "0.0 1.42"),
        ("VALUE_RANGE_FOR_TRUSTED_DETECTOR_PIXELS", "6000.0 30000.0"),
        ("SEPMIN", "4.0"),
        ("CLUSTER_RADIUS", "2.0"),
        ("MINIMUM_NUMBER_OF_PIXELS_IN_A_SPOT", "3"),
        ("NUMBER_OF_PROFILE_GRID_POINTS_ALONG_ALPHA/BETA", "13"),
        ("NUMBER_OF_PROFILE_GRID_POINTS_ALONG_GAMMA", "13"),
    )


def _kind(detector: Detector) -> str:
    """As XDS names the makes; pixels of 0.172 mm are PILATUS's, whatever the file calls it."""
    pilatus = "pilatus" in detector.description.lower() or round(detector.pixel_size[0], 3) == PILATUS_PIXEL
    return "PILATUS" if pilatus else "EIGER"


def _absorption(material: str, wavelength: float) -> Lines:
    """XDS knows silicon; of another sensor it is told how it absorbs, under the name of silicon."""
    mu = None if material == "Si" else attenuation(material, wavelength)
    return (("SILICON", number(round(mu, 4))),) if mu is not None else ()


def _vector(vector: Vec3) -> str:
    return numbers(vector)
