"""Laboratory geometry: vectors, rotations, the detector plane, the beam and the goniometer.

All vectors are in the imgCIF laboratory frame (the one DIALS uses): X along the principal
goniometer axis, Z from the sample to the source, Y completes a right-handed set. Lengths are
in mm, angles in degrees, wavelengths in angstrom. Pixel coordinates count from the corner of
the first pixel, so the centre of the first pixel is (0.5, 0.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Vec3 = tuple[float, float, float]
Mat3 = tuple[Vec3, Vec3, Vec3]

KEV_ANGSTROM = 12.398419843320026
"""Planck's constant times the speed of light, keV angstrom (CODATA 2018, exact)."""

IDENTITY: Mat3 = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def dot(u: Vec3, v: Vec3) -> float:
    """Scalar product."""
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


def cross(u: Vec3, v: Vec3) -> Vec3:
    """Vector product."""
    return (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])


def add(u: Vec3, v: Vec3) -> Vec3:
    """Sum of two vectors."""
    return (u[0] + v[0], u[1] + v[1], u[2] + v[2])


def scaled(v: Vec3, factor: float) -> Vec3:
    """`v` times a number."""
    return (v[0] * factor, v[1] * factor, v[2] * factor)


def norm(v: Vec3) -> float:
    """Length of a vector."""
    return math.sqrt(dot(v, v))


def unit(v: Vec3) -> Vec3:
    """`v` at length one.

    Raises:
        ValueError: the vector has no length.
    """
    length = norm(v)
    if length == 0:
        raise ValueError("a direction of zero length")
    return scaled(v, 1 / length)


def apply(m: Mat3, v: Vec3) -> Vec3:
    """Matrix times column vector."""
    return (dot(m[0], v), dot(m[1], v), dot(m[2], v))


def transpose(m: Mat3) -> Mat3:
    """The transposed matrix."""
    return (
        (m[0][0], m[1][0], m[2][0]),
        (m[0][1], m[1][1], m[2][1]),
        (m[0][2], m[1][2], m[2][2]),
    )


def multiply(m: Mat3, n: Mat3) -> Mat3:
    """Matrix product `m n`."""
    columns = transpose(n)
    return (apply_row(m[0], columns), apply_row(m[1], columns), apply_row(m[2], columns))


def apply_row(row: Vec3, columns: Mat3) -> Vec3:
    """Row vector times a matrix given by its columns."""
    return (dot(row, columns[0]), dot(row, columns[1]), dot(row, columns[2]))


def rotation(axis: Vec3, angle_deg: float) -> Mat3:
    """Right-handed rotation by `angle_deg` about `axis` (Rodrigues' formula)."""
    x, y, z = unit(axis)
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    t = 1 - c
    return (
        (t * x * x + c, t * x * y - s * z, t * x * z + s * y),
        (t * x * y + s * z, t * y * y + c, t * y * z - s * x),
        (t * x * z - s * y, t * y * z + s * x, t * z * z + c),
    )


@dataclass(frozen=True, slots=True)
class Beam:
    """The incident beam.

    Attributes:
        wavelength: in angstrom.
        direction: unit vector along which the photons travel (downstream).
        polarization_normal: normal of the polarisation plane (vertical at a synchrotron).
        polarization_fraction: 1 for fully polarised; 0.99 is usual for an undulator.
    """

    wavelength: float
    direction: Vec3 = (0.0, 0.0, -1.0)
    polarization_normal: Vec3 = (0.0, 1.0, 0.0)
    polarization_fraction: float = 0.999


@dataclass(frozen=True, slots=True)
class Detector:
    """A flat pixel detector.

    Attributes:
        serial: the maker's detector number ("" when the file does not say).
        description: what the file calls it.
        image_size: pixels (fast, slow).
        pixel_size: mm (fast, slow).
        origin: corner of the first pixel, mm, laboratory frame.
        fast, slow: unit vectors along a row and along a column.
        sensor_thickness: mm; `sensor_material`: `Si` or `CdTe`.
        saturation: largest count that can be trusted.
        bit_depth: bits per pixel in the files (16 or 32); the largest value marks "no data".
    """

    serial: str
    description: str
    image_size: tuple[int, int]
    pixel_size: tuple[float, float]
    origin: Vec3
    fast: Vec3
    slow: Vec3
    sensor_thickness: float
    sensor_material: str
    saturation: int
    bit_depth: int

    @property
    def normal(self) -> Vec3:
        """Unit normal of the detector plane, fast x slow."""
        return unit(cross(self.fast, self.slow))

    @property
    def distance(self) -> float:
        """Distance from the sample to the detector plane, mm (always positive)."""
        return abs(dot(self.origin, self.normal))

    def lab(self, x: float, y: float) -> Vec3:
        """Laboratory position (mm) of pixel coordinates (fast, slow)."""
        along_fast = scaled(self.fast, x * self.pixel_size[0])
        along_slow = scaled(self.slow, y * self.pixel_size[1])
        return add(self.origin, add(along_fast, along_slow))

    def pixel(self, direction: Vec3) -> tuple[float, float] | None:
        """Pixel coordinates where a ray from the sample meets the plane, or None if it never does."""
        towards = dot(direction, self.normal)
        reach = dot(self.origin, self.normal)
        if towards == 0 or reach / towards <= 0:
            return None
        hit = add(scaled(direction, reach / towards), scaled(self.origin, -1))
        return (dot(hit, self.fast) / self.pixel_size[0], dot(hit, self.slow) / self.pixel_size[1])

    def resolution_at(self, beam: Beam, x: float, y: float) -> float:
        """Bragg spacing d (angstrom) of a pixel; infinite at the direct beam."""
        cosine = dot(unit(self.lab(x, y)), unit(beam.direction))
        sine = math.sqrt(max(0.0, (1 - cosine) / 2))
        return math.inf if sine == 0 else beam.wavelength / (2 * sine)

    def best_resolution(self, beam: Beam) -> float:
        """Smallest d (angstrom) among the four corners: what the detector can see at all."""
        nx, ny = self.image_size
        return min(self.resolution_at(beam, x, y) for x in (0, nx) for y in (0, ny))


@dataclass(frozen=True, slots=True)
class Goniometer:
    """The rotation of the sample: R(phi) = setting * rotation(axis, phi) * fixed.

    Attributes:
        axis: unit vector of the scan axis before the setting rotation.
        setting: what the axes between the base and the scan axis do.
        fixed: what the axes between the scan axis and the crystal do.
    """

    axis: Vec3 = (1.0, 0.0, 0.0)
    setting: Mat3 = IDENTITY
    fixed: Mat3 = IDENTITY

    @property
    def lab_axis(self) -> Vec3:
        """The scan axis in the laboratory."""
        return apply(self.setting, self.axis)

    def turn(self, degrees: float) -> Mat3:
        """R(phi): the crystal's frame into the laboratory at a spindle angle in degrees."""
        return multiply(self.setting, multiply(rotation(self.axis, degrees), self.fixed))
