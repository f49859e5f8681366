"""The scenario: everything that decides what a synthetic dataset looks like."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from beampace.core.cell import UnitCell
from beampace.core.dataset import DatasetKind
from beampace.core.geometry import Mat3, Vec3
from beampace.core.scan import Scan
from beampace.simulate.background import Background
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.defects import Defects
from beampace.simulate.fate import Fate
from beampace.simulate.grid import Grid

LYSOZYME = CrystalSpec(UnitCell(78.5, 78.5, 37.5, 90, 90, 90), "P43212")
"""Tetragonal lysozyme's cell, with atoms of nobody's protein."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """One orientation of the crystal.

    Attributes:
        seed: chooses a random orientation.
        weight: share of the intensity.
        orientation: U at spindle zero instead of a random one.
    """

    seed: int = 1
    weight: float = 1.0
    orientation: Mat3 | None = None

    @property
    def u(self) -> Mat3:
        """The orientation matrix U, uniform over all rotations (Shoemake 1992, Graphics Gems III, 124)."""
        if self.orientation is not None:
            return self.orientation
        q = np.random.default_rng((self.seed, 0x0B)).standard_normal(4)
        w, x, y, z = (float(value) for value in q / np.linalg.norm(q))
        return (
            (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
            (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
            (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
        )


@dataclass(frozen=True, slots=True)
class SpotShape:
    """How photons of a reflection spread.

    Attributes:
        sigma: standard deviation on the detector in mm (crystal, beam and pixels together).
        ellipticity: radial over tangential width.
        tail: share of the photons in a wider second gaussian.
        tail_width: its width over the first one's.
        arc: share of the mosaic spread that smears a spot along its Debye-Scherrer ring.
    """

    sigma: float = 0.065
    ellipticity: float = 1.12
    tail: float = 0.15
    tail_width: float = 1.8
    arc: float = 0.15


@dataclass(frozen=True, slots=True)
class HeaderErrors:
    """How the header differs from the truth.

    Attributes:
        beam_shift: header minus true beam centre, pixels (fast, slow).
        distance_factor: header distance over the true one.
        axis_flipped: the header has the rotation axis the wrong way round.
        wavelength_factor: header wavelength over the true one.
    """

    beam_shift: tuple[float, float] = (0.0, 0.0)
    distance_factor: float = 1.0
    axis_flipped: bool = False
    wavelength_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A synthetic dataset.

    Attributes:
        name: prefix of its files.
        detector: name in the catalogue, e.g. `EIGER2 X 1M`.
        bit_depth: 16 or 32.
        wavelength: angstrom; `distance`: mm.
        beam_centre: true beam centre in pixels (fast, slow); None is a little off the middle.
        crystal: what diffracts; None for a blank set.
        lattices: its orientations; `photons` is shared between them by weight.
        photons: mean photons of a fully recorded spot between 3 and 5 angstrom.
        d_min: the crystal diffracts no further, angstrom; 0 leaves it to its B.
        mosaicity: standard deviation of the mosaic spread, degrees.
        divergence: standard deviation of the beam's divergence, degrees.
        bandwidth: standard deviation of the wavelength, relative.
        start, width: spindle at the first frame and degrees per frame (0: stills, negative: backwards).
        interval: degrees from one frame's start to the next when it is not `width` (test shots).
        n_frames: frames; a grid has its number of cells.
        still_width: degrees of rotation whose exposure a still has.
        exposure_time, frame_time: s.
        transmission: of the attenuator, as P11's patch writes it; None if it is not known there.
        grid: a raster of stills over crystals instead of a rotation.
        polarization_fraction: of the beam, in the horizontal plane.
        axis: the spindle, unit vector in the laboratory.
        seed: chooses the noise and the bad pixels.
    """

    name: str = "simulated"
    detector: str = "EIGER2 X 1M"
    bit_depth: int = 32
    wavelength: float = 1.0332
    distance: float = 100.0
    beam_centre: tuple[float, float] | None = None
    crystal: CrystalSpec | None = LYSOZYME
    lattices: tuple[Lattice, ...] = (Lattice(),)
    photons: float = 400.0
    d_min: float = 0.0
    mosaicity: float = 0.12
    divergence: float = 0.01
    bandwidth: float = 1e-4
    spot: SpotShape = field(default_factory=SpotShape)
    start: float = 0.0
    width: float = 0.5
    interval: float | None = None
    n_frames: int = 180
    still_width: float = 0.1
    exposure_time: float = 0.0099
    frame_time: float = 0.01
    transmission: float | None = 1.0
    background: Background = field(default_factory=Background)
    defects: Defects = field(default_factory=Defects)
    fate: Fate = field(default_factory=Fate)
    grid: Grid | None = None
    header: HeaderErrors = field(default_factory=HeaderErrors)
    polarization_fraction: float = 0.99
    axis: Vec3 = (1.0, 0.0, 0.0)
    seed: int = 1

    @property
    def n_images(self) -> int:
        """Frames of the dataset."""
        return self.grid.n_cells if self.grid else self.n_frames

    @property
    def scan(self) -> Scan:
        """The spindle angles as they truly are."""
        width = 0.0 if self.grid else self.width
        step = 0.0 if self.grid else (width if self.interval is None else self.interval)
        starts = tuple(self.start + step * index for index in range(self.n_images))
        return Scan(starts, width, self.exposure_time, self.frame_time)

    @property
    def kind(self) -> DatasetKind:
        """What sort of dataset this is."""
        if self.grid:
            return DatasetKind.GRID
        if self.width == 0:
            return DatasetKind.STILLS
        return DatasetKind.ROTATION if self.interval is None else DatasetKind.SCREENING
