"""Frames of a scenario, one at a time: nothing is remembered between them but lists of candidates."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from beampace.simulate import diffraction
from beampace.simulate.bench import Bench
from beampace.simulate.defects import BadPixels, apply_defects
from beampace.simulate.diffraction import Floats
from beampace.simulate.ice import grain_spots
from beampace.simulate.noise import NoiseTables, draw_noise
from beampace.simulate.photons import scatter_photons
from beampace.simulate.truth import Truth

Frame = npt.NDArray[np.unsignedinteger[Any]]
Candidates = npt.NDArray[np.int32]

_PURPOSE_ICE, _PURPOSE_SPOTS = 10, 100
_BLOCK_DEGREES, _BLOCK_FRAMES = 10.0, 50
_BLOCKS_KEPT = 3  # per lattice; two threads are never more than a block apart


@dataclass
class FrameMaker:
    """Makes any frame of a dataset by its number; safe to call from several threads.

    Attributes:
        truth: the dataset as it truly is.
        bench: arrays that frames share.
        noise: tables of the background.
        bad: gaps, dead and hot pixels.
    """

    truth: Truth
    bench: Bench
    noise: NoiseTables
    bad: BadPixels
    _blocks: dict[tuple[int, int], Candidates] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def frame(self, number: int) -> Frame:
        """Counts of frame `number` (from 1), (slow, fast)."""
        scenario, (width, height) = self.truth.scenario, self.truth.dataset.detector.image_size
        out: Frame = np.empty((height, width), np.uint16 if scenario.bit_depth == 16 else np.uint32)
        draw_noise(self.noise, scenario.seed, number, out)
        for lattice in range(len(self.bench.a_matrices)):
            self._scatter(self.spots(number, lattice), number, _PURPOSE_SPOTS + lattice, out)
        if scenario.background.grains > 0:
            self._scatter(self._grains(number), number, _PURPOSE_ICE, out)
        apply_defects(out, self.bad, scenario.defects, scenario.seed, number)
        return out

    def spots(self, number: int, lattice: int = 0) -> Floats:
        """Spots of one lattice on a frame: a table with the columns of `diffraction`.

        `ROW` counts in `bench.hkl`; `PHI` is the crossing in rad (of a still: how far off the sphere).
        """
        volume = self.truth.volume[lattice, number - 1] * self.truth.strength[number - 1]
        if volume <= 0:
            return np.empty((0, diffraction.N_COLUMNS))
        turns = self.truth.dataset.scan.turns
        table = self._turning(number, lattice) if turns else self._still(number, lattice)
        table[:, diffraction.PHOTONS] *= volume
        return table

    def _limits(self, number: int) -> tuple[float, float]:
        """Spindle in rad at both ends of a frame, the smaller first."""
        scan = self.truth.dataset.scan
        begin = scan.starts[number - 1]
        low, high = sorted((math.radians(begin), math.radians(begin + scan.width)))
        return low, high

    def _matrix(self, number: int, lattice: int) -> Floats:
        scenario = self.truth.scenario
        turn = scenario.fate.turn(number, scenario.n_images)
        return np.ascontiguousarray(turn @ self.bench.a_matrices[lattice])

    def _still(self, number: int, lattice: int) -> Floats:
        bench, matrix = self.bench, self._matrix(number, lattice)
        angle = math.radians(self.truth.dataset.scan.starts[number - 1])
        for column in range(3):
            vector, out = np.ascontiguousarray(matrix[:, column]), np.empty(3)
            diffraction.turned(vector, bench.apparatus.m, angle, out)
            matrix[:, column] = out
        extra_b = float(self.truth.extra_b[number - 1])
        table = diffraction.still_spots(bench.hkl, bench.intensity, bench.apparatus, matrix, extra_b)
        table[:, diffraction.PHOTONS] *= math.radians(self.truth.scenario.still_width)
        return table

    def _turning(self, number: int, lattice: int) -> Floats:
        bench, (low, high) = self.bench, self._limits(number)
        return diffraction.rotation_spots(
            bench.hkl,
            bench.intensity,
            self._candidates(number, lattice),
            bench.apparatus,
            self._matrix(number, lattice),
            low,
            high,
            float(self.truth.extra_b[number - 1]),
        )

    def _candidates(self, number: int, lattice: int) -> Candidates:
        """Reflections that may flash in the block of frames around `number`."""
        per_block = self._frames_per_block()
        key = (lattice, (number - 1) // per_block)
        with self._lock:
            if key not in self._blocks:
                while len(self._blocks) >= _BLOCKS_KEPT * len(self.bench.a_matrices):
                    self._blocks.pop(next(iter(self._blocks)))
                self._blocks[key] = self._search(key[1] * per_block + 1, per_block, lattice)
            return self._blocks[key]

    def _frames_per_block(self) -> int:
        scenario = self.truth.scenario
        step = abs(scenario.width if scenario.interval is None else scenario.interval)
        return max(1, min(_BLOCK_FRAMES, int(_BLOCK_DEGREES / max(step, 1e-6))))

    def _search(self, first: int, count: int, lattice: int) -> Candidates:
        last = min(first + count - 1, self.truth.scenario.n_images)
        limits = [*self._limits(first), *self._limits(last)]
        middle = (first + last) // 2
        tilts = self.truth.tilt[first - 1 : last]
        margin = math.radians(float(np.abs(tilts - self.truth.tilt[middle - 1]).max()))
        matrix = self._matrix(middle, lattice)
        return diffraction.candidates(
            self.bench.hkl, self.bench.apparatus, matrix, min(limits), max(limits), margin
        )

    def _scatter(self, table: Floats, number: int, purpose: int, out: Frame) -> None:
        full = int(np.iinfo(out.dtype).max)
        scatter_photons(table, self.bench.apparatus, self.truth.scenario.seed, number, purpose, full, out)

    def _grains(self, number: int) -> Floats:
        ice, dataset = self.truth.scenario.background, self.truth.dataset
        rng = np.random.default_rng((self.truth.scenario.seed, number, _PURPOSE_ICE))
        return grain_spots(dataset.detector, dataset.beam, ice.grains, ice.grain_photons, rng)
