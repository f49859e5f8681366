"""How the size of spots changes with resolution.

Mosaic blocks smear a spot along its Debye-Scherrer ring in proportion to 2 sin(theta), divergence and oblique
incidence change it too, while most strong spots lie at small angles: profiles learned from those would be too
narrow where reflections are weak. So the squared width along and across the ring, in units of the model's, is
taken as a straight line in x = (wavelength/d)**2, measured on reflections of any strength together.

Width of spots: with the weight w = exp(-u**2/2), u in the model's standard deviations, a Gaussian of variance
s has sum(w c u**2)/sum(w c) = s/(1 + s), whatever lies in the wings (adaptive moments; Bernstein & Jarvis
2002, Astron. J. 123, 583). The sums are linear in the counts, so weak spots add to them without bias.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from beampace.analysis.rotation import predict_kernel as table_of
from beampace.analysis.rotation.profiles import Piece
from beampace.analysis.rotation.sort_kernel import Kept

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int32]

BINS = 12
MOST = 1500
"""Reflections of a part of a block that are looked at."""
MEMORY = 0.7
"""Share of what was found that is left after a block."""
NARROWEST, WIDEST = 0.5, 4.0
"""Squared widths, in units of the model's."""
PRIOR = (0.2, 0.5)
"""How much the two coefficients of a line may be off the model's, as long as nothing is known."""
MODEL_ERROR = 0.02
"""Error of a squared width that more counts do not make smaller."""


class Shape:
    """Lines of the squared widths.

    Args:
        wavelength: angstrom.
        d_min: limit of resolution, angstrom.
    """

    def __init__(self, wavelength: float, d_min: float) -> None:
        self._wavelength = wavelength
        self._most = (wavelength / d_min) ** 2
        self._sums = np.zeros((BINS, SUMS))
        self.lines: Floats = np.array([[1.0, 0.0], [1.0, 0.0]])

    def learn(self, parts: list[Piece]) -> None:
        """Measure the widths of reflections of some degrees.

        Args:
            parts: reflections with predictions as the model has them.
        """
        measure: Any = _moments
        self._sums *= MEMORY
        for part in parts:
            chosen = part.clean[:: max(1, -(-len(part.clean) // MOST))]
            bins = self._bins(part.table[chosen])
            sums = measure(part.kept, part.table, part.box, part.background[:, 0].copy(), chosen)
            for column in range(SUMS):
                self._sums[:, column] += np.bincount(bins, sums[:, column], BINS)
        self.lines = np.stack([self._line(FIRST), self._line(SECOND)])

    def applied(self, table: Floats) -> Floats:
        """Predictions whose W takes pixels into standard deviations of their spots as measured."""
        x = self._x(table)[:, None] ** np.arange(2)
        widths = np.sqrt(np.clip(x @ self.lines.T, NARROWEST, WIDEST))
        out = table.copy()
        out[:, [table_of.W00, table_of.W01]] /= widths[:, :1]
        out[:, [table_of.W10, table_of.W11]] /= widths[:, 1:]
        return out

    def _x(self, table: Floats) -> Floats:
        return np.asarray((self._wavelength * table[:, table_of.D_STAR]) ** 2)

    def _bins(self, table: Floats) -> npt.NDArray[np.intp]:
        return np.clip(self._x(table) / self._most * BINS, 0, BINS - 1).astype(np.intp)

    def _line(self, which: int) -> Floats:
        """Coefficients of one squared width, drawn towards those of the model."""
        total, moment, variance = self._sums[:, TOTAL], self._sums[:, which], self._sums[:, which + 2]
        sure = total > 5 * np.sqrt(np.maximum(variance, 1.0))
        ratio = np.clip(moment[sure] / total[sure], 0.2, 0.85)
        squared = ratio / (1 - ratio)
        error = np.sqrt(variance[sure]) / total[sure] / (1 - ratio) ** 2
        middle = (np.arange(BINS)[sure] + 0.5) / BINS * self._most
        weight = 1 / (error**2 + MODEL_ERROR**2)
        design = np.stack([np.ones_like(middle), middle], axis=1)
        prior = np.diag([PRIOR[0] ** -2, (PRIOR[1] / self._most) ** -2])
        normal = (design * weight[:, None]).T @ design + prior
        return np.asarray(
            np.linalg.solve(normal, (design * weight[:, None]).T @ squared + prior @ (1.0, 0.0))
        )


TOTAL, FIRST, SECOND, FIRST_VARIANCE, SECOND_VARIANCE, SUMS = range(6)


@njit(cache=True, nogil=True)
def _moments(kept: Kept, table: Floats, box: Index, background: Floats, rows: npt.NDArray[np.intp]) -> Floats:
    """Weighted sums of the chosen reflections: counts, times u1**2, times u2**2, variances; (rows, SUMS)."""
    out = np.zeros((rows.shape[0], SUMS))
    for k in range(rows.shape[0]):
        entry = rows[k]
        row, corner, b, sums = table[entry], box[entry], background[entry], out[k]
        for voxel in range(kept.start[entry], kept.start[entry + 1]):
            count, place = kept.counts[voxel], kept.place[voxel]
            dx = corner[0] + place[0] + 0.5 - row[table_of.X]
            dy = corner[2] + place[1] + 0.5 - row[table_of.Y]
            u1 = row[table_of.W00] * dx + row[table_of.W01] * dy
            u2 = row[table_of.W10] * dx + row[table_of.W11] * dy
            if count < 0.0:
                continue
            weight = math.exp(-0.5 * (u1 * u1 + u2 * u2))
            sums[TOTAL] += weight * (count - b)
            sums[FIRST] += weight * (count - b) * u1 * u1
            sums[SECOND] += weight * (count - b) * u2 * u2
            sums[FIRST_VARIANCE] += weight * weight * count * (u1 * u1 - 0.5) ** 2
            sums[SECOND_VARIANCE] += weight * weight * count * (u2 * u2 - 0.5) ** 2
    return out
