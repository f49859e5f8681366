"""The dataset's geometry in the frame of XDS: x along the rows of the detector, y along its columns.

Pixel centres are whole numbers from 1 in XDS, while ours count from the corner of the first pixel: the centre
of the first pixel is 1 there and 0.5 here. ORGX and ORGY are where the detector's normal through the crystal
meets the plane, which is not the beam's position unless the beam is perpendicular. The frame is the one that
dxtbx's `to_xds` uses (dxtbx/serialize/xds.py), so that files of both can be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from beampace.core.dataset import Dataset
from beampace.core.geometry import Detector, Mat3, Vec3, apply, cross, dot, unit
from beampace.core.scan import Scan

HALF_PIXEL = 0.5
DIGITS = 7
"""Of pixels and mm: what lies beyond comes from adding up vectors."""


@dataclass(frozen=True, slots=True)
class XdsFrame:
    """Geometry as XDS.INP states it.

    Attributes:
        origin: ORGX, ORGY in pixels.
        distance: mm, negative when rows x columns points to the source.
        axis: rotation axis.
        beam: direction of the photons; `normal`: of the polarisation plane; all unit vectors.
        wavelength: angstrom.
        start: spindle in degrees at the beginning of frame `start_frame`, about `axis`.
        start_frame: numbered from 1.
        width: degrees per frame, positive.
        to_xds: takes laboratory vectors into the frame.
    """

    origin: tuple[float, float]
    distance: float
    axis: Vec3
    beam: Vec3
    normal: Vec3
    wavelength: float
    start: float
    start_frame: int
    width: float
    to_xds: Mat3


def xds_frame(dataset: Dataset, first: int = 1) -> XdsFrame:
    """The geometry of a rotation scan.

    All frames that adjoin have one zero of the spindle, so that parts of them share an orientation matrix.

    Args:
        dataset: the record.
        first: a frame of the run of adjoining frames that is worked on.

    Raises:
        ValueError: the spindle does not turn, or turns backwards (see `Dataset.forwards`).
    """
    detector, beam, scan = dataset.detector, dataset.beam, dataset.scan
    if scan.width <= 0:
        raise ValueError("XDS takes spindles that turn by positive steps")
    turn = rows_and_columns(detector)
    begin = _begin_of_sweep(scan, first)
    return XdsFrame(
        origin=foot_of_normal(detector),
        distance=round(dot(detector.origin, detector.normal), DIGITS),
        axis=_rounded(apply(turn, dataset.goniometer.lab_axis)),
        beam=_rounded(apply(turn, unit(beam.direction))),
        normal=_rounded(apply(turn, beam.polarization_normal)),
        wavelength=beam.wavelength,
        start=scan.starts[begin - 1],
        start_frame=begin,
        width=scan.width,
        to_xds=turn,
    )


def rows_and_columns(detector: Detector) -> Mat3:
    """The rotation that takes the fast axis to x and the slow axis to y."""
    return (detector.fast, unit(cross(detector.normal, detector.fast)), detector.normal)


def foot_of_normal(detector: Detector) -> tuple[float, float]:
    """(ORGX, ORGY) in pixels as XDS counts them."""
    along_fast = -dot(detector.origin, detector.fast) / detector.pixel_size[0]
    along_slow = -dot(detector.origin, detector.slow) / detector.pixel_size[1]
    return (round(along_fast + HALF_PIXEL, DIGITS), round(along_slow + HALF_PIXEL, DIGITS))


def _begin_of_sweep(scan: Scan, first: int) -> int:
    return next((begin for begin, end in scan.sweeps() if begin <= first <= end), 1)


def _rounded(vector: Vec3) -> Vec3:
    """Without the last digits that rotations leave: 6e-17 is zero, and reads better so."""
    x, y, z = (round(component, 12) for component in vector)
    if not math.isclose(math.hypot(x, y, z), 1.0, abs_tol=1e-6):
        raise ValueError(f"{vector} is no direction")
    return (x, y, z)
