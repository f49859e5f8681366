"""The geometry XDS works with, and the places of reflections in it, by closed form.

All vectors are in XDS's laboratory frame: whatever DIRECTION_OF_DETECTOR_... says it is. Pixel centres are
integers that count from 1; z counts images, image k spans (k-1, k].
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from tests.support.xds_checker.grammar import Inp

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Geometry:
    """Beam, spindle and detector.

    Attributes:
        s0: incident wave vector, 1/angstrom; its length is 1/wavelength.
        axis: unit rotation axis.
        frame: 3x3, columns: detector x, y and normal x cross y.
        org: pixels of the foot of the normal; `distance` mm, along +normal; `pixel` mm; `size` pixels.
        start_frame, start_angle, width: image k spans start_angle + (k - start_frame) * width and so much
            more, degrees.
    """

    s0: Floats
    axis: Floats
    frame: Floats
    org: tuple[float, float]
    distance: float
    pixel: tuple[float, float]
    size: tuple[int, int]
    start_frame: int
    start_angle: float
    width: float

    @property
    def wavelength(self) -> float:
        """Angstrom."""
        return 1.0 / float(np.linalg.norm(self.s0))

    def angle(self, z: npt.ArrayLike) -> Floats:
        """Spindle in rad at z."""
        turned = (np.asarray(z, float) - (self.start_frame - 1)) * self.width
        return np.radians(self.start_angle + turned)

    def z_of(self, angle: Floats) -> Floats:
        """z at a spindle angle in rad; full turns are not added."""
        return (np.degrees(angle) - self.start_angle) / self.width + (self.start_frame - 1)

    def rays(self, x: Floats, y: Floats) -> Floats:
        """Wave vectors (n, 3) that meet pixels, 1/angstrom."""
        columns = [(x - self.org[0]) * self.pixel[0], (y - self.org[1]) * self.pixel[1]]
        local = np.stack([*columns, np.full(len(x), self.distance)], axis=1) @ self.frame.T
        return local / np.linalg.norm(local, axis=1, keepdims=True) / self.wavelength

    def reciprocal(self, x: Floats, y: Floats, z: Floats) -> Floats:
        """Reciprocal vectors (n, 3) of spots, turned back to spindle zero."""
        return turned(self.rays(x, y) - self.s0, self.axis, -self.angle(z))

    def place(self, s1: Floats) -> tuple[Floats, Floats]:
        """Pixels that wave vectors meet; nan when they go the other way."""
        local = s1 @ self.frame
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(local[:, 2] * self.distance > 0, self.distance / local[:, 2], np.nan)
        x, y = local[:, 0] * reach / self.pixel[0], local[:, 1] * reach / self.pixel[1]
        return x + self.org[0], y + self.org[1]

    @property
    def beam_pixel(self) -> tuple[float, float]:
        """Pixels of the direct beam."""
        x, y = self.place(self.s0[None, :])
        return float(x[0]), float(y[0])


def turned(vectors: Floats, axis: Floats, angle: npt.ArrayLike) -> Floats:
    """Vectors (n, 3) turned about a unit axis by angles in rad (Rodrigues)."""
    angles = np.broadcast_to(np.asarray(angle, float), (len(vectors),))[:, None]
    cosine, sine = np.cos(angles), np.sin(angles)
    along = (vectors @ axis)[:, None] * axis
    return vectors * cosine + np.cross(axis, vectors) * sine + along * (1 - cosine)


def matrix(axis: Floats, angle: float) -> Floats:
    """Rotation matrix about a unit axis, rad."""
    return turned(np.eye(3), axis, angle).T


def unit(vector: npt.ArrayLike) -> Floats:
    """At length one."""
    values = np.asarray(vector, float)
    return values / np.linalg.norm(values)


def from_inp(inp: Inp) -> Geometry:
    """The geometry XDS.INP gives; STARTING_FRAME is the first image of DATA_RANGE unless given."""
    x, y = (unit(inp.vector(f"DIRECTION_OF_DETECTOR_{name}-AXIS")) for name in "XY")
    return Geometry(
        s0=unit(inp.vector("INCIDENT_BEAM_DIRECTION")) / inp.number("X-RAY_WAVELENGTH"),
        axis=unit(inp.vector("ROTATION_AXIS")),
        frame=np.stack([x, y, np.cross(x, y)], axis=1),
        org=(inp.number("ORGX"), inp.number("ORGY")),
        distance=inp.number("DETECTOR_DISTANCE"),
        pixel=(inp.number("QX"), inp.number("QY")),
        size=(inp.integer("NX"), inp.integer("NY")),
        start_frame=inp.integer("STARTING_FRAME", inp.data_range[0]),
        start_angle=inp.number("STARTING_ANGLE", 0.0),
        width=inp.number("OSCILLATION_RANGE"),
    )


@dataclass(frozen=True, eq=False)
class Places:
    """Where reflections flash; rows of several reflections beside each other.

    Attributes:
        row: of the indices that were asked for; `sign` +1 enters the sphere, -1 leaves it.
        x, y, z: pixels and images; `s1` wave vectors (n, 3); `zeta`, `sin_2theta` for the Lorentz factor.
        turn: full turns added to the crossing, to tell observations apart.
    """

    row: npt.NDArray[np.int64]
    sign: npt.NDArray[np.int64]
    x: Floats
    y: Floats
    z: Floats
    s1: Floats
    zeta: Floats
    sin_2theta: Floats
    turn: npt.NDArray[np.int64]

    def chosen(self, keep: npt.NDArray[np.bool_]) -> Places:
        """Some of them."""
        return Places(*(getattr(self, entry.name)[keep] for entry in fields(self)))


def crossings(geometry: Geometry, r0: Floats) -> tuple[Floats, Floats]:
    """Spindle angles (rad) at which vectors (n, 3) meet the sphere: entering, leaving; nan for never."""
    m, s0 = geometry.axis, geometry.s0
    along, m_s0 = r0 @ m, float(m @ s0)
    a = 2 * (r0 @ s0 - along * m_s0)
    b = 2 * (np.cross(m, r0) @ s0)
    c = -(r0 * r0).sum(axis=1) - 2 * along * m_s0
    rest = a * a + b * b - c * c
    with np.errstate(invalid="ignore"):
        half = np.arctan2(np.sqrt(np.where(rest >= 0, rest, np.nan)), c)
    middle = np.arctan2(b, a)
    return middle + half, middle - half


def predict(geometry: Geometry, r0: Floats, z_low: float, z_high: float) -> Places:
    """Every crossing between two z, whatever it meets on the detector plane.

    Args:
        geometry: where.
        r0: (n, 3) reciprocal vectors at spindle zero.
        z_low: of the range.
        z_high: of the range.
    """
    full = 360.0 / geometry.width
    parts = []
    for sign, phi in zip((1, -1), crossings(geometry, r0), strict=True):
        z = geometry.z_of(phi)
        first = np.ceil((z_low - z) / full)
        for extra in range(int((z_high - z_low) // full) + 1):
            at = z + (first + extra) * full
            with np.errstate(invalid="ignore"):
                rows = np.flatnonzero((at >= z_low) & (at <= z_high))
            if len(rows):
                parts.append(_placed(geometry, r0[rows], rows, at[rows], sign))
    if not parts:
        return _placed(geometry, r0[:0], np.empty(0, np.int64), np.empty(0), 1)
    return Places(
        *(np.concatenate([getattr(part, entry.name) for part in parts]) for entry in fields(Places))
    )


def _placed(geometry: Geometry, r0: Floats, rows: npt.NDArray[np.int64], z: Floats, sign: int) -> Places:
    r = turned(r0, geometry.axis, geometry.angle(z))
    s1 = geometry.s0 + r
    across = np.cross(s1, geometry.s0)
    length = np.linalg.norm(across, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        zeta = np.abs(across @ geometry.axis) / length
    x, y = geometry.place(s1)
    turns = np.floor(np.degrees(geometry.angle(z)) / 360.0).astype(np.int64)
    signs = np.full(len(rows), sign, np.int64)
    return Places(rows, signs, x, y, z, s1, zeta, length * geometry.wavelength**2, turns)
