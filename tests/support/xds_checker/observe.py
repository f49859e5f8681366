"""What truly reaches the detector: where reflections flash, how strongly, and over which images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tests.support.xds_checker.geometry import Floats, Geometry, crossings, predict, turned
from tests.support.xds_checker.truth import Truth

SMALLEST_ZETA = 0.02


@dataclass(frozen=True, eq=False)
class Flashes:
    """Reflections of one lattice as they truly are.

    Attributes:
        row: of the truth's table, or -1 where the truth has nothing; `sign` of the crossing.
        x, y, z: pixels and images.
        photons: all of them, over all images.
        width: standard deviation of the rocking curve in images.
        turn: full turns of the spindle before it.
    """

    row: npt.NDArray[np.int64]
    sign: npt.NDArray[np.int64]
    x: Floats
    y: Floats
    z: Floats
    photons: Floats
    width: Floats
    turn: npt.NDArray[np.int64]


def flashes(truth: Truth, lattice: int, z_low: float, z_high: float) -> Flashes:
    """Everything that flashes between two z."""
    bright = np.flatnonzero(truth.photons > 0)
    r0 = truth.hkl[bright] @ truth.reciprocal[lattice].T
    places = predict(truth.geometry, r0, z_low, z_high)
    return flash_near(truth, lattice, bright[places.row], places.z, places.sign)


def flash_near(
    truth: Truth,
    lattice: int,
    rows: npt.NDArray[np.int64],
    z: Floats,
    sign: npt.NDArray[np.int64] | None = None,
) -> Flashes:
    """The true crossing of given reflections that is nearest to given z.

    Args:
        truth: in any laboratory.
        lattice: its number.
        rows: of the truth's table, or -1.
        z: about where.
        sign: which of the two crossings; None for the nearer one.
    """
    geometry = truth.geometry
    r0 = truth.hkl[np.maximum(rows, 0)] @ truth.reciprocal[lattice].T
    r0 = truth.tilted(r0, z)
    entering, leaving = (_nearest(geometry, phi, z) for phi in crossings(geometry, r0))
    if sign is None:
        with np.errstate(invalid="ignore"):
            sign = np.where(np.abs(entering - z) <= np.abs(leaving - z), 1, -1)
    at = np.where(sign > 0, entering, leaving)
    r = turned(r0, geometry.axis, geometry.angle(at))
    s1 = geometry.s0 + r
    x, y = geometry.place(s1)
    return _bright(truth, lattice, (rows, sign), (x, y, at), (s1, r))


def _nearest(geometry: Geometry, phi: Floats, z: Floats) -> Floats:
    """Crossings in images, moved by full turns to lie as near z as they can."""
    full = 360.0 / geometry.width
    at = geometry.z_of(phi)
    return at + np.round((z - at) / full) * full


def _bright(
    truth: Truth,
    lattice: int,
    which: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    place: tuple[Floats, Floats, Floats],
    vectors: tuple[Floats, Floats],
) -> Flashes:
    rows, sign = which
    x, y, z = place
    s1, r = vectors
    geometry = truth.geometry
    across = np.cross(s1, geometry.s0)
    length = np.linalg.norm(across, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        zeta = np.abs(across @ geometry.axis) / length
        lorentz = 1.0 / (zeta * length * geometry.wavelength**2)
    known = (rows >= 0) & (zeta > SMALLEST_ZETA) & np.isfinite(z)
    at = np.where(known, z, 1.0)
    dimmed = truth.at_frames(truth.strength[lattice], at)
    dimmed = dimmed * np.exp(-0.5 * truth.at_frames(truth.extra_b, at) * (r * r).sum(axis=1))
    photons = truth.photons[np.maximum(rows, 0)] * dimmed * np.where(known, lorentz, 0.0)
    photons = photons * truth.polarised(s1)
    width = np.degrees(truth.mosaicity) / np.where(known, zeta, 1.0) / geometry.width
    turns = np.floor(np.degrees(geometry.angle(at)) / 360.0).astype(np.int64)
    return Flashes(rows, sign, x, y, z, np.where(known, photons, 0.0), width, turns)


def chosen(flashes: Flashes, keep: npt.NDArray[np.bool_]) -> Flashes:
    """Some of them."""
    names = ("row", "sign", "x", "y", "z", "photons", "width", "turn")
    return replace(flashes, **{name: getattr(flashes, name)[keep] for name in names})


def part(low: npt.ArrayLike, high: npt.ArrayLike, z: Floats, width: Floats) -> Floats:
    """Share of a Gaussian about z that lies between two bounds."""
    return cumulative((np.asarray(high) - z) / width) - cumulative((np.asarray(low) - z) / width)


def cumulative(t: Floats) -> Floats:
    """The normal distribution's cumulative function (Abramowitz and Stegun 7.1.26, good to 2e-7)."""
    x = np.abs(t) / np.sqrt(2.0)
    k = 1.0 / (1.0 + 0.3275911 * x)
    poly = k * (0.254829592 + k * (-0.284496736 + k * (1.421413741 + k * (-1.453152027 + k * 1.061405429))))
    erf = 1.0 - poly * np.exp(-x * x)
    return 0.5 * (1.0 + np.where(t < 0, -erf, erf))
