"""Profiles that are learned from strong reflections while a scan is integrated.

One table per region of the detector, 5 x 5, in standard deviations of the model (`fit_kernel`). A region's
table is drawn towards the whole detector's, this towards what was learned before, and that began as the
Gaussian of the model: few strong reflections change it little. What a region found before counts less with
every block, so that profiles follow a crystal that changes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.fit_kernel import CELL, CELLS, NODE, NODES
from beampace.analysis.rotation.learn_kernel import learn as learn_step
from beampace.analysis.rotation.predict_kernel import Floats, Index
from beampace.analysis.rotation.sort_kernel import Kept

Profile = npt.NDArray[np.float32]

SIDE = 5
REGIONS = SIDE * SIDE
PRIOR_SPOTS = 20.0
"""Reflections of the mean strength that what was known before counts as."""
STEPS = 4
MOST, MOST_PER_DEGREE, LEAST = 800, 160, 250
"""Reflections that are learned from at once, the strongest."""
MEMORY = 0.7
"""Share of what a region found that is left after a block."""
CAP = 2000.0
"""Counts beyond which a reflection has no more influence."""


def gaussian() -> Profile:
    """The model's profile, one standard deviation each way, (CELLS, NODES, NODES), of sum 1."""
    node = (np.arange(NODES) - (NODES - 1) / 2) * NODE
    edges = (np.arange(CELLS + 1) - CELLS / 2) * CELL
    below = np.array([0.5 * (1 + math.erf(edge / math.sqrt(2))) for edge in edges])
    flat = np.exp(-0.5 * node * node)
    table = np.diff(below)[:, None, None] * flat[:, None] * flat[None, :]
    return np.asarray(table / table.sum(), dtype=np.float32)


def region_of(place: Floats) -> Index:
    """Region of places given as shares of the detector's size, (n, 2)."""
    at = np.clip((place * SIDE).astype(np.int32), 0, SIDE - 1)
    return np.asarray(at[:, 0] + SIDE * at[:, 1], dtype=np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Reflections that are fitted together.

    Attributes:
        kept: foreground voxels; table, box, background, region, mean: as of `fit_kernel.fit`.
        intensity: first guess, counts.
        clean: rows of the whole ones without a bad voxel; strong: those of them to learn from.
    """

    kept: Kept
    table: Floats
    box: Index
    background: Floats
    region: Index
    mean: Floats
    intensity: Floats
    clean: npt.NDArray[np.intp]
    strong: npt.NDArray[np.intp]


class Profiles:
    """Tables of the regions.

    Args:
        per_frame: standard deviations of sigma_m per frame at zeta = 1.
        degrees: rotation that is learned from at once.
    """

    def __init__(self, per_frame: float, degrees: float = 5.0) -> None:
        self._most = round(min(MOST, max(LEAST, MOST_PER_DEGREE * degrees)))
        self.per_frame = per_frame
        self.whole = gaussian().astype(np.float64)
        self.tables: Profile = np.repeat(gaussian()[None], REGIONS, axis=0)
        self.learned_from = 0
        self._memory = np.zeros((2, REGIONS, CELLS, NODES, NODES))

    def learn(self, parts: list[Piece]) -> None:
        """Improve the tables with the strong reflections of some degrees."""
        intensities = [part.intensity.copy() for part in parts]
        chosen = _strongest([part.intensity[part.strong] for part in parts], self._most)
        rows = [part.strong[picked] for part, picked in zip(parts, chosen, strict=True)]
        n = sum(len(picked) for picked in rows)
        if not n:
            return
        before = self.whole
        for _ in range(STEPS):
            found, asked = self._step(parts, rows, intensities)
            strength = PRIOR_SPOTS * asked.max(axis=(2, 3)).sum() / (n * CELLS)
            self._take(found, asked, before, strength)
        self._memory = MEMORY * (self._memory + np.stack([found, asked]))
        self.learned_from += n

    def _step(
        self, parts: list[Piece], rows: list[npt.NDArray[np.intp]], intensities: list[Floats]
    ) -> tuple[Floats, Floats]:
        learn: Any = learn_step
        found, asked = np.zeros((2, REGIONS, CELLS, NODES, NODES), np.float32)
        for part, picked, intensity in zip(parts, rows, intensities, strict=True):
            learn(
                part.kept, part.table, part.box, part.background, intensity, picked, part.region,
                self.tables, self.per_frame, CAP, found, asked,
            )  # fmt: skip
        return found.astype(np.float64), asked.astype(np.float64)

    def _take(self, found: Floats, asked: Floats, before: Floats, strength: float) -> None:
        """Set the tables to what was found, drawn towards what was known with a strength in counts."""
        whole = (found.sum(axis=0) + strength * before) / (asked.sum(axis=0) + strength)
        whole /= whole.sum()
        found, asked = found + self._memory[0], asked + self._memory[1]
        tables = (found + strength * whole) / (asked + strength)
        tables /= tables.sum(axis=(1, 2, 3), keepdims=True)
        self.whole, self.tables = whole, tables.astype(np.float32)

    def spread(self) -> tuple[float, float]:
        """Standard deviation over the model's, across and along the rotation, of the whole detector."""
        node = (np.arange(NODES) - (NODES - 1) / 2) * NODE
        cell = (np.arange(CELLS) - (CELLS - 1) / 2) * CELL
        across = (self.whole.sum(axis=(0, 1)) + self.whole.sum(axis=(0, 2))) / 2
        along = self.whole.sum(axis=(1, 2))
        # Linear interpolation and cells of a width each add variance of their own.
        flat = float(across @ node**2 - (across @ node) ** 2) + NODE**2 / 6
        turning = float(along @ cell**2 - (along @ cell) ** 2) + CELL**2 / 12
        return math.sqrt(flat), math.sqrt(turning)


def _strongest(intensities: list[Floats], most: int) -> list[npt.NDArray[np.intp]]:
    """Which of each list are among the strongest of all."""
    everything = np.concatenate([np.zeros(0), *intensities])
    floor = -np.inf if len(everything) <= most else np.partition(everything, -most)[-most]
    return [np.flatnonzero(values >= floor) for values in intensities]
