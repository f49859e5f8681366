"""Where an oriented crystal reflects on one frame of a rotation scan.

A reciprocal point r = S R(m, phi) F A h reflects when it lies on the Ewald sphere, |s0 + r| = |s0|. With
r0 = S F A h at spindle zero, taken in the laboratory, and m the laboratory axis, this is A cos(phi) +
B sin(phi) = C with A = 2 s0.r_perp, B = 2 s0.(m x r0), C = -|r0|**2 - 2 (m.r0)(m.s0), so that
phi = atan2(B, A) +- atan2(sqrt(A**2 + B**2 - C**2), C): Kabsch (2010) Acta Cryst. D66, 133.
A reflection is spread over phi +- n sigma_m / |zeta| with zeta = m.(s1 x s0)/|s1 x s0| (the same).

Positions are where the ray meets the plane of the detector; the depth at which a sensor absorbs is left out,
at most half a pixel. A crystal of 80 x 80 x 40 A takes 0.1 s to 1.5 A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.core.geometry import Beam, Detector, Goniometer, multiply, unit

Floats = npt.NDArray[np.float64]

SMALLEST_ZETA = 0.05
"""Reflections that creep through the sphere more slowly than this are left out, as in DIALS."""
MOST_POINTS = 4_000_000
"""Reciprocal points that are looked at; a larger cell is followed to a coarser resolution only."""
MOST_PREDICTIONS = 20_000


@dataclass(frozen=True, slots=True)
class Frame:
    """How the crystal stands and turns during a frame.

    Attributes:
        a_matrix: 3x3, columns a*, b*, c* in 1/angstrom before the goniometer.
        goniometer: the rotation.
        low, high: spindle at the beginning and at the end, degrees.
        mosaicity: e.s.d. of the reflecting range, degrees.
    """

    a_matrix: Floats
    goniometer: Goniometer
    low: float
    high: float
    mosaicity: float


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Reflections of one frame.

    Attributes:
        hkl: indices, shape (n, 3).
        x, y: pixel coordinates from the corner of the first pixel.
        phi: where each crosses the sphere, degrees.
        full: whether the crossing itself lies within the frame.
        d_min: resolution to which they were followed, angstrom.
    """

    hkl: npt.NDArray[np.int32]
    x: Floats
    y: Floats
    phi: Floats
    full: npt.NDArray[np.bool_]
    d_min: float

    def only(self, chosen: npt.NDArray[np.bool_]) -> Predictions:
        """The chosen ones."""
        return Predictions(
            self.hkl[chosen], self.x[chosen], self.y[chosen], self.phi[chosen], self.full[chosen], self.d_min
        )


def predict(frame: Frame, detector: Detector, beam: Beam, d_min: float, n_sigma: float = 2.0) -> Predictions:
    """Reflections of a frame, to at most `MOST_PREDICTIONS`.

    Args:
        frame: the crystal.
        detector: where it is.
        beam: the beam.
        d_min: resolution limit, angstrom; made coarser for a cell so large that the work would have no end.
        n_sigma: standard deviations of mosaicity by which the frame is widened.

    Raises:
        ValueError: the cell is no cell.
    """
    axis = np.array(unit(frame.goniometer.lab_axis))
    s0 = np.array(unit(beam.direction)) / beam.wavelength
    turn = np.array(multiply(frame.goniometer.setting, frame.goniometer.fixed))
    matrix = turn @ frame.a_matrix
    limit = _limit(matrix, max(d_min, beam.wavelength / 2 + 1e-6))
    low, high = sorted((math.radians(frame.low), math.radians(frame.high)))
    pad = n_sigma * math.radians(frame.mosaicity)
    middle = _rotated(matrix.T, axis, (low + high) / 2).T
    hkl = _near_sphere(middle, s0, limit, (high - low) / 2, pad)
    return _crossing(hkl, matrix, (axis, s0), (low, high, pad), detector, limit)


def _crossing(
    hkl: npt.NDArray[np.int32],
    matrix: Floats,
    apparatus: tuple[Floats, Floats],
    swept: tuple[float, float, float],
    detector: Detector,
    limit: float,
) -> Predictions:
    (axis, s0), (low, high, _) = apparatus, swept
    r0 = hkl @ matrix.T
    along, onto = r0 @ axis, float(axis @ s0)
    a = 2 * (r0 @ s0 - along * onto)
    b = 2 * (np.cross(axis, r0) @ s0)
    c = -(r0 * r0).sum(axis=1) - 2 * along * onto
    root = a * a + b * b - c * c
    meets = root > 0
    centre, half = np.arctan2(b, a), np.arctan2(np.sqrt(np.maximum(root, 0)), c)
    parts = []
    for sign in (-1.0, 1.0):
        phi = centre + sign * half
        phi += 2 * math.pi * np.round(((low + high) / 2 - phi) / (2 * math.pi))
        parts.append(_seen(hkl, r0, phi, meets, apparatus, swept, detector, limit))
    both = {
        name: np.concatenate([getattr(part, name) for part in parts])[:MOST_PREDICTIONS]
        for name in ("hkl", "x", "y", "phi", "full")
    }
    return Predictions(**both, d_min=limit)


def _seen(
    hkl: npt.NDArray[np.int32],
    r0: Floats,
    phi: Floats,
    meets: npt.NDArray[np.bool_],
    apparatus: tuple[Floats, Floats],
    swept: tuple[float, float, float],
    detector: Detector,
    limit: float,
) -> Predictions:
    """Those of one branch that reflect within the frame and reach the detector."""
    (axis, s0), (low, high, pad) = apparatus, swept
    s1 = s0 + _rotated(r0, axis, phi)
    across = np.cross(s1, s0)
    zeta = np.abs(across @ axis) / np.maximum(np.linalg.norm(across, axis=1), 1e-12)
    wide = pad / np.maximum(zeta, SMALLEST_ZETA)
    x, y, hits = _hits(s1, detector)
    chosen = meets & hits & (zeta > SMALLEST_ZETA) & (phi >= low - wide) & (phi <= high + wide)
    full = (phi >= low) & (phi <= high)
    return Predictions(hkl, x, y, np.degrees(phi), full, limit).only(chosen)


def _hits(s1: Floats, detector: Detector) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    origin, normal = np.array(detector.origin), np.array(detector.normal)
    towards = s1 @ normal
    with np.errstate(divide="ignore", invalid="ignore"):
        path = float(origin @ normal) / towards
        at = s1 * path[:, None] - origin
        x = at @ np.array(detector.fast) / detector.pixel_size[0]
        y = at @ np.array(detector.slow) / detector.pixel_size[1]
        nx, ny = detector.image_size
        hits = (path > 0) & (x >= 0) & (x <= nx) & (y >= 0) & (y <= ny)
    return x, y, hits


def _near_sphere(matrix: Floats, s0: Floats, limit: float, half: float, pad: float) -> npt.NDArray[np.int32]:
    """Indices of points that may meet the sphere within `half` + `pad` / |zeta| (rad) of where they are.

    With g = |s0 + r|**2 - |s0|**2, dg/dphi is 2 zeta |s0|**2 sin 2theta, at most 2 zeta |s0| |r|, and the
    second derivative at most 2 |s0| |r|; zeta is at least `SMALLEST_ZETA`.
    """
    real = np.linalg.inv(matrix)
    top = [int(np.linalg.norm(row) / limit) for row in real]
    k, l = np.meshgrid(np.arange(-top[1], top[1] + 1), np.arange(-top[2], top[2] + 1), indexing="ij")  # noqa: E741
    plane = np.stack([k.ravel(), l.ravel()], axis=1)
    base = plane @ matrix[:, 1:].T
    reach = 2 * float(np.linalg.norm(s0)) * (half + pad + (half + pad / SMALLEST_ZETA) ** 2 / 2)
    found = []
    for h in range(-top[0], top[0] + 1):
        r = base + h * matrix[:, 0]
        square = (r * r).sum(axis=1)
        near = (np.abs(square + 2 * (r @ s0)) <= reach * np.sqrt(square)) & (square <= 1 / limit**2)
        near &= square > 0
        rows = plane[near]
        found.append(np.column_stack([np.full(len(rows), h), rows]))
    return np.concatenate(found).astype(np.int32)


def _limit(matrix: Floats, d_min: float) -> float:
    """The resolution to which so many points are looked at as can be."""
    if not np.isfinite(matrix).all():
        raise ValueError("the orientation has no finite numbers")
    volume = 1 / max(abs(float(np.linalg.det(matrix))), 1e-30)
    edges = np.linalg.norm(np.linalg.inv(matrix), axis=1)
    if not (1.0 < volume < 1e12 and np.isfinite(edges).all() and edges.max() < 1e4):
        raise ValueError(f"a cell of {volume:g} cubic angstrom is none")
    boxes = float(np.prod(2 * edges / d_min + 1))
    return float(d_min * max(1.0, boxes / MOST_POINTS) ** (1 / 3))


def _rotated(r: Floats, axis: Floats, angle: Floats | float) -> Floats:
    """Rodrigues' rotation of rows about a unit vector."""
    c, s = np.cos(angle), np.sin(angle)
    if isinstance(c, np.ndarray):
        c, s = c[:, None], s[:, None]
    along = (r @ axis)[:, None] * axis
    return np.asarray(r * c + np.cross(axis, r) * s + along * (1 - c))
