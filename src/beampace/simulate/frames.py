"""Frames of a scenario, one at a time: nothing is remembered between them but lists of candidates."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from beampace.core.dataset import Dataset
from beampace.simulate import diffraction
from beampace.simulate.background import ICE_RINGS
from beampace.simulate.crystal import Reflections, orthogonalisation_b
from beampace.simulate.defects import BadPixels, apply_defects
from beampace.simulate.noise import NoiseTables, draw_noise
from beampace.simulate.photons import scatter_photons
from beampace.simulate.scenario import Scenario
from beampace.simulate.sensor import attenuation
from beampace.simulate.truth import Truth

Frame = npt.NDArray[np.unsignedinteger[Any]]
_PURPOSE_ICE, _PURPOSE_SPOTS = 10, 100
_BLOCK_DEGREES, _BLOCK_FRAMES = 10.0, 50
_FAINTEST = 1e-3  # photons per unit of Lorentz factor below which a reflection is not followed


@dataclass(frozen=True)
class Bench:
    """Everything frames have in common, as arrays for the kernels.

    Attributes:
        hkl, intensity: reflections worth following and their photons per unit of Lorentz factor.
        a_matrices: (lattices, 3, 3) U B at spindle zero, fixed and setting rotations applied.
        m, s0: rotation axis and incident wave vector.
        spread: (mosaicity, divergence, bandwidth) in rad, rad, relative.
        panel, optics, shape: see `diffraction` and `photons`.
    """

    hkl: npt.NDArray[np.int32]
    intensity: npt.NDArray[np.float64]
    a_matrices: npt.NDArray[np.float64]
    m: npt.NDArray[np.float64]
    s0: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    panel: npt.NDArray[np.float64]
    optics: npt.NDArray[np.float64]
    shape: npt.NDArray[np.float64]


def build_bench(scenario: Scenario, dataset: Dataset, truth: Truth) -> Bench:
    """Gather the arrays; `dataset` is the true one."""
    detector, beam = dataset.detector, dataset.beam
    hkl, intensity = _followed(truth.reflections, truth.scale)
    b = orthogonalisation_b(scenario.crystal.unit_cell) if scenario.crystal else np.eye(3)
    matrices = np.array([np.array(u) @ b for u in truth.orientations]).reshape(-1, 3, 3)
    mosaic, divergence = math.radians(scenario.mosaicity), math.radians(scenario.divergence)
    mu = attenuation(detector.sensor_material, beam.wavelength)
    spot = scenario.spot
    width = math.hypot(spot.sigma, divergence * detector.distance)
    return Bench(
        hkl=hkl,
        intensity=intensity,
        a_matrices=matrices,
        m=np.array(dataset.goniometer.lab_axis),
        s0=np.array(beam.direction) / beam.wavelength,
        spread=np.array([mosaic, divergence, scenario.bandwidth]),
        panel=np.array(
            [
                detector.origin,
                detector.fast,
                detector.slow,
                detector.normal,
                (*detector.pixel_size, 0),
                (*detector.image_size, 0),
            ],
            dtype=np.float64,
        ),
        optics=np.array(
            [*beam.polarization_normal, beam.polarization_fraction, mu, detector.sensor_thickness]
        ),
        shape=np.array(
            [width, spot.ellipticity, spot.tail, spot.tail_width, spot.arc * mosaic * detector.distance]
        ),
    )


def _followed(
    table: Reflections | None, scale: float
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    if table is None:
        return np.empty((0, 3), np.int32), np.empty(0)
    intensity = table.f_squared * scale
    keep = intensity > _FAINTEST
    return np.ascontiguousarray(table.hkl[keep]), np.ascontiguousarray(intensity[keep])


@dataclass
class FrameMaker:
    """Makes any frame of a dataset by its number; safe to call from several threads."""

    scenario: Scenario
    dataset: Dataset
    truth: Truth
    bench: Bench
    noise: NoiseTables
    bad: BadPixels
    _blocks: dict[tuple[int, int], npt.NDArray[np.int32]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def frame(self, number: int) -> Frame:
        """Counts of frame `number` (from 1), (slow, fast)."""
        size = self.dataset.detector.image_size
        out: Frame = np.empty((size[1], size[0]), np.uint16 if self.scenario.bit_depth == 16 else np.uint32)
        draw_noise(self.noise, self.scenario.seed, number, out)
        for lattice in range(len(self.bench.a_matrices)):
            self._scatter(self.spots(number, lattice), number, _PURPOSE_SPOTS + lattice, out)
        if self.scenario.background.grains > 0:
            self._scatter(self._grains(number), number, _PURPOSE_ICE, out)
        apply_defects(out, self.bad, self.scenario.defects, self.scenario.seed, number)
        return out

    def spots(self, number: int, lattice: int = 0) -> npt.NDArray[np.float64]:
        """Spots of one lattice on a frame, a table with the columns of `diffraction`.

        `ROW` counts in `bench.hkl`.
        """
        volume = self.truth.volume[lattice, number - 1] * self.truth.strength[number - 1]
        if volume <= 0:
            return np.empty((0, diffraction.N_COLUMNS))
        table = self._still(number, lattice) if self._stands(number) else self._turning(number, lattice)
        table[:, diffraction.PHOTONS] *= volume
        return table

    def _stands(self, number: int) -> bool:
        return not self.dataset.scan.turns or not number

    def _limits(self, number: int) -> tuple[float, float]:
        begin = self.dataset.scan.starts[number - 1]
        ends = sorted((math.radians(begin), math.radians(begin + self.dataset.scan.width)))
        return ends[0], ends[1]

    def _matrix(self, number: int, lattice: int) -> npt.NDArray[np.float64]:
        turn = self.scenario.fate.turn(number, self.scenario.n_images)
        return np.ascontiguousarray(turn @ self.bench.a_matrices[lattice])

    def _still(self, number: int, lattice: int) -> npt.NDArray[np.float64]:
        bench, out = self.bench, np.empty(3)
        matrix = self._matrix(number, lattice)
        angle = math.radians(self.dataset.scan.starts[number - 1])
        for column in range(3):
            diffraction.turned(np.ascontiguousarray(matrix[:, column]), bench.m, angle, out)
            matrix[:, column] = out
        dose = math.radians(self.scenario.still_width)
        table: npt.NDArray[np.float64] = diffraction.still_spots(
            bench.hkl,
            bench.intensity,
            matrix,
            bench.s0,
            bench.spread,
            bench.panel,
            bench.optics,
            float(self.truth.extra_b[number - 1]),
        )
        table[:, diffraction.PHOTONS] *= dose
        return table

    def _turning(self, number: int, lattice: int) -> npt.NDArray[np.float64]:
        bench, (low, high) = self.bench, self._limits(number)
        table: npt.NDArray[np.float64] = diffraction.rotation_spots(
            bench.hkl,
            bench.intensity,
            self._candidates(number, lattice),
            self._matrix(number, lattice),
            bench.m,
            bench.s0,
            low,
            high,
            bench.spread,
            bench.panel,
            bench.optics,
            float(self.truth.extra_b[number - 1]),
        )
        return table

    def _candidates(self, number: int, lattice: int) -> npt.NDArray[np.int32]:
        """Reflections that may flash in the block of frames around `number`."""
        per_block = self._frames_per_block()
        key = (lattice, (number - 1) // per_block)
        with self._lock:
            if key not in self._blocks:
                while len(self._blocks) > 3 * len(self.bench.a_matrices):
                    self._blocks.pop(next(iter(self._blocks)))
                self._blocks[key] = self._search(key[1] * per_block + 1, per_block, lattice)
            return self._blocks[key]

    def _frames_per_block(self) -> int:
        step = abs(self.scenario.width if self.scenario.interval is None else self.scenario.interval)
        return max(1, min(_BLOCK_FRAMES, int(_BLOCK_DEGREES / max(step, 1e-6))))

    def _search(self, first: int, count: int, lattice: int) -> npt.NDArray[np.int32]:
        last = min(first + count - 1, self.scenario.n_images)
        limits = [*self._limits(first), *self._limits(last)]
        middle = (first + last) // 2
        tilts = self.truth.tilt[first - 1 : last]
        margin = math.radians(float(np.abs(tilts - self.truth.tilt[middle - 1]).max()))
        bench = self.bench
        found: npt.NDArray[np.int32] = diffraction.candidates(
            bench.hkl,
            self._matrix(middle, lattice),
            bench.m,
            bench.s0,
            min(limits),
            max(limits),
            bench.spread,
            margin,
        )
        return found

    def _scatter(self, table: npt.NDArray[np.float64], number: int, purpose: int, out: Frame) -> None:
        bench = self.bench
        scatter_photons(
            table,
            bench.shape,
            bench.panel,
            bench.optics[4],
            bench.optics[5],
            self.scenario.seed,
            number,
            purpose,
            out,
        )

    def _grains(self, number: int) -> npt.NDArray[np.float64]:
        """Sharp spots of coarse ice, at random on the rings."""
        rng = np.random.default_rng((self.scenario.seed, number, _PURPOSE_ICE))
        detector, beam = self.dataset.detector, self.dataset.beam
        rings = [ring for ring in ICE_RINGS if ring[0] > beam.wavelength / 2]
        heights = np.array([height for _, height in rings])
        rows = []
        for ring in rng.choice(
            len(rings), rng.poisson(self.scenario.background.grains), p=heights / heights.sum()
        ):
            two_theta = 2 * math.asin(beam.wavelength / (2 * rings[ring][0]))
            psi, photons = (
                rng.uniform(0, 2 * math.pi),
                rng.exponential(self.scenario.background.grain_photons),
            )
            flat = math.sin(two_theta)
            direction = (flat * math.cos(psi), flat * math.sin(psi), -math.cos(two_theta))
            hit = detector.pixel(direction)
            if hit is not None:
                s1 = (direction[0], -direction[1], math.cos(two_theta))
                rows.append(
                    (*hit, photons, *s1, s1[0] / flat, s1[1] / flat, 2 * math.sin(two_theta / 2), psi, -1)
                )
        return np.array(rows).reshape(-1, diffraction.N_COLUMNS)
