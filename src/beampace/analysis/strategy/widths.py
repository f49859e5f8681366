"""Oscillation width, and detector distance: what keeps reflections apart, in rotation and on the detector.

Width. Fine slicing improves the data down to half the mosaicity e.s.d. (Pflugrath (1999) Acta Cryst. D55,
1718; Mueller et al. (2012) Acta Cryst. D68, 42); EIGERs are used at 0.1 to 0.2 degrees. Two layers of the
reciprocal lattice 1/a apart cross the Ewald sphere at one place of the detector d/a (rad) after each other
when the axis a lies along the beam (Dauter (1999) Acta Cryst. D55, 1703): less the range in which one
reflects, that is the widest oscillation. An axis at an angle psi to the beam counts with a |cos psi|, as the
layers are 1/(a cos psi) apart along the beam.

Distance. Neighbours along an axis a are lambda D / a apart on a detector at D.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.core.geometry import (
    Beam,
    Detector,
    Goniometer,
    add,
    apply,
    dot,
    scaled,
    transpose,
    unit,
)

Floats = npt.NDArray[np.float64]

NARROWEST, WIDEST = 0.05, 0.5
"""Oscillation widths that are recommended, degrees."""
FINE_ENOUGH = 0.1
"""Finer slices, degrees, are taken only against overlaps: an EIGER user gains nothing by them but files."""
STEP = 0.05
"""Widths are multiples of this, degrees, so that ranges are whole numbers of frames."""
FULL_WIDTH = 3.0
"""Mosaicity e.s.d.s over which a reflection is taken to reflect when overlaps are judged (87 %)."""
SPOT_SIZES_APART = 3.0


def fine_width(mosaicity: float) -> float:
    """Oscillation width (degrees) for a mosaicity e.s.d. (degrees): half of it, within the bounds."""
    return max(FINE_ENOUGH, _bounded(round(mosaicity / 2 / STEP)))


def _bounded(steps: int) -> float:
    """So many `STEP`s, within the bounds."""
    return round(min(max(steps * STEP, NARROWEST), WIDEST), 6)


def primitive_axes(a_matrix: npt.ArrayLike, space_group: gemmi.SpaceGroup) -> Floats:
    """Rows: the three shortest independent vectors of the direct lattice (angstrom), longest last.

    The centring of the group counts: the axes of a centred cell are not the shortest translations.
    """
    axes = np.linalg.inv(np.asarray(a_matrix, np.float64))
    centrings = np.array(space_group.operations().cen_ops, np.float64) / gemmi.Op.DEN
    whole = np.array(list(itertools.product((-2, -1, 0, 1, 2), repeat=3)), np.float64)
    vectors = (whole[:, None] + centrings[None]).reshape(-1, 3) @ axes
    lengths = np.linalg.norm(vectors, axis=1)
    chosen: list[Floats] = []
    for row in np.argsort(lengths, kind="stable"):
        basis = np.array([*chosen, vectors[row]])
        sizes = np.prod(np.linalg.norm(basis, axis=1))
        # The root of Gram's determinant is the volume, zero for dependent vectors.
        if sizes > 1e-9 and math.sqrt(max(0.0, float(np.linalg.det(basis @ basis.T)))) > 1e-3 * sizes:
            chosen.append(vectors[row])
        if len(chosen) == 3:
            break
    return np.array(chosen)


def length_along_beam(axes: Floats, goniometer: Goniometer, beam: Beam, start: float, span: float) -> float:
    """Greatest projection (angstrom) of an axis on the beam during [start, start + span] (degrees)."""
    angles = np.linspace(start, start + span, max(2, math.ceil(span) + 1))
    beams = np.array([_beam_in_crystal(goniometer, beam, angle) for angle in angles])
    return float(np.abs(beams @ axes.T).max())


def _beam_in_crystal(goniometer: Goniometer, beam: Beam, angle: float) -> tuple[float, float, float]:
    """The beam as the crystal sees it: the goniometer undone."""
    return apply(transpose(goniometer.turn(angle)), unit(beam.direction))


def overlap_width(d_min: float, axis: float, mosaicity: float) -> float:
    """Widest oscillation (degrees) without overlaps along the spindle; negative if there are always some.

    Args:
        d_min: resolution, angstrom.
        axis: length along the beam, angstrom; the longest axis gives a bound for any orientation.
        mosaicity: e.s.d., degrees.
    """
    return math.degrees(d_min / axis) - FULL_WIDTH * mosaicity


def oscillation_width(mosaicity: float, limit: float) -> tuple[float, str]:
    """The width (degrees) to use, and words if reflections will overlap.

    Args:
        mosaicity: e.s.d., degrees.
        limit: from `overlap_width`, degrees.
    """
    width = min(fine_width(mosaicity), _bounded(math.floor(limit / STEP + 1e-6)))
    if width <= limit:
        return width, ""
    if limit <= 0:
        return width, "reflections overlap along the spindle at any width: the mosaicity is too large"
    return width, f"reflections overlap along the spindle: {limit:.3f} degrees would be needed"


def spot_separation(detector: Detector, beam: Beam, axis: float, distance: float | None = None) -> float:
    """Pixels between neighbours along an axis (angstrom), at a distance (mm) or where the detector is."""
    away = detector.distance if distance is None else distance
    return beam.wavelength * away / axis / max(detector.pixel_size)


def separation_distance(
    detector: Detector, beam: Beam, axis: float, spot_size: float, apart: float = SPOT_SIZES_APART
) -> float:
    """Least distance (mm) at which neighbours along an axis (angstrom) are `apart` spot sizes (px) apart."""
    return apart * spot_size * max(detector.pixel_size) * axis / beam.wavelength


def beam_to_edge(detector: Detector, beam: Beam) -> float:
    """From the beam to the nearest edge of the detector, mm; zero if the beam misses it."""
    centre = detector.pixel(beam.direction)
    if centre is None:
        return 0.0
    pairs = zip(centre, detector.image_size, detector.pixel_size, strict=True)
    return max(0.0, min(min(at, size - at) * pixel for at, size, pixel in pairs))


def distance_for(detector: Detector, beam: Beam, d_min: float) -> float:
    """Distance (mm) at which the nearest edge sees a resolution (angstrom): r / tan(2 asin(lambda / 2 d)).

    Raises:
        ValueError: the beam misses the detector, or the edge would have to lie behind the sample.
    """
    edge = beam_to_edge(detector, beam)
    sine = beam.wavelength / (2 * d_min)
    if edge <= 0 or sine >= math.sin(math.pi / 4):
        raise ValueError(f"no distance of this detector gives {d_min:.2f} angstrom at its edge")
    return edge / math.tan(2 * math.asin(sine))


def resolution_for(detector: Detector, beam: Beam, distance: float) -> float:
    """Resolution (angstrom) that the nearest edge sees from a distance (mm).

    Raises:
        ValueError: the beam misses the detector.
    """
    edge = beam_to_edge(detector, beam)
    if edge <= 0:
        raise ValueError("the beam misses the detector")
    return beam.wavelength / (2 * math.sin(math.atan2(edge, distance) / 2))


def moved(detector: Detector, beam: Beam, distance: float) -> Detector:
    """The detector moved along the beam until it is at a distance (mm); the beam stays on its pixel."""
    along = unit(beam.direction)
    shift = (distance - detector.distance) / max(abs(dot(detector.normal, along)), 1e-6)
    return replace(detector, origin=add(detector.origin, scaled(along, shift)))


def crowding(detector: Detector, beam: Beam, axis: float, spot_size: float) -> str:
    """Words when neighbours along an axis (angstrom) are closer than two spot sizes (px); else empty."""
    apart = spot_separation(detector, beam, axis)
    if apart >= 2 * spot_size:
        return ""
    return (
        f"spots {apart:.1f} px apart along {axis:.0f} A overlap on the detector: each is {spot_size:.1f} px"
    )
