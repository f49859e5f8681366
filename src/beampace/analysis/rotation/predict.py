"""Which reflections of a rotating crystal cross the sphere in a range of a scan, where and how.

A `Predictor` works range by range of some degrees, half open in z, so that ranges that adjoin neither miss
nor repeat a reflection. Formulas: `predict_kernel`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation import predict_kernel as kernel
from beampace.analysis.rotation.model import Model
from beampace.analysis.rotation.predict_kernel import Apparatus, Floats, Index
from beampace.analysis.sensor import attenuation
from beampace.core.geometry import multiply, unit

SMALLEST_ZETA = 0.05
"""Reflections that creep through the sphere more slowly than this are left out, as in DIALS."""
N_SIGMA = 3.0
"""Standard deviations to which a reflection is followed."""
RANGE_DEG = 5.0
"""Rotation that is predicted at once."""
LONGEST_DEG = 12.0
"""No reflection is followed further than this from its crossing, however wide and slow it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Reflections, sorted by the row of the detector on which their box begins, as frames lie in memory.

    Attributes:
        hkl: (n, 3) int32.
        table: columns of `predict_kernel`, (n, COLUMNS).
        box: half open x0 x1 y0 y1 z0 z1, px and frames from 0, (n, 6) int32: what is cut out, clipped to
            the detector and the scan. z may end outside: then no frame has any of it.
        half_z: frames from the crossing to `N_SIGMA` standard deviations.
    """

    hkl: Index
    table: Floats
    box: Index
    half_z: Floats

    def __len__(self) -> int:
        return int(self.hkl.shape[0])

    @property
    def xyz(self) -> Floats:
        """Where each is expected, px, px, frames, (n, 3)."""
        return self.table[:, [kernel.X, kernel.Y, kernel.Z]]

    def column(self, which: int) -> Floats:
        """A column of the table."""
        return self.table[:, which]

    def only(self, chosen: npt.NDArray[Any]) -> Predictions:
        """The chosen rows, in the order given."""
        return Predictions(self.hkl[chosen], self.table[chosen], self.box[chosen], self.half_z[chosen])

    @classmethod
    def joined(cls, parts: list[Predictions]) -> Predictions:
        """All of several, one after another."""
        return cls(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("hkl", "table", "box", "half_z")
            )
        )


def apparatus(model: Model) -> Apparatus:
    """The experiment as the kernels take it."""
    detector, beam, goniometer = model.detector, model.beam, model.goniometer
    mu = attenuation(detector.sensor_material, beam.wavelength) or 0.0
    pixel = (*detector.pixel_size, 0.0)
    thickness = detector.sensor_thickness if mu else 0.0
    panel = (detector.origin, detector.fast, detector.slow, detector.normal, pixel)
    return Apparatus(
        m=np.array(unit(goniometer.lab_axis)),
        s0=np.array(unit(beam.direction)) / beam.wavelength,
        panel=np.array(panel, dtype=np.float64),
        size=np.array(detector.image_size, dtype=np.float64),
        optics=np.array([*unit(beam.polarization_normal), beam.polarization_fraction, mu, thickness]),
        turn=np.array(multiply(goniometer.setting, goniometer.fixed)),
        a_matrix=np.ascontiguousarray(model.a_matrix, dtype=np.float64),
        knots=np.ascontiguousarray(model.drift.z, dtype=np.float64),
        drift=np.ascontiguousarray(model.drift.vectors, dtype=np.float64),
        scan=np.radians([model.start, model.width]),
        sigma=np.radians([model.sigma_d, model.sigma_m]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """Predicts ranges of a scan.

    Attributes:
        model: the crystal.
        d_min: resolution limit, angstrom.
        n_frames: of the scan.
        margin: pixels of background that a box has around the spot.
    """

    model: Model
    d_min: float
    n_frames: int
    margin: float = 1.5

    @property
    def longest(self) -> int:
        """Frames from the crossing to the end of the slowest reflection."""
        return math.ceil(self._most_half_z)

    @property
    def _most_half_z(self) -> float:
        degrees = min(LONGEST_DEG, N_SIGMA * self.model.sigma_m / SMALLEST_ZETA)
        return degrees / self.model.width

    @property
    def limit(self) -> float:
        """Largest d* worth looking at, 1/angstrom: of the limit, the detector's corners or the sphere."""
        best = self.model.detector.best_resolution(self.model.beam)
        return 1 / max(self.d_min, best, self.model.beam.wavelength / 2 + 1e-6)

    def predict(self, low: float, high: float) -> Predictions:
        """Reflections that cross at z in [low, high) frames; the range may begin before the scan."""
        hkl, table = self._crossings(low, high)
        seen = (table[:, kernel.ZETA] >= SMALLEST_ZETA) & (table[:, kernel.D_STAR] <= self.limit)
        table, hkl = table[seen], hkl[seen]
        half_z = N_SIGMA * self.model.sigma_m / self.model.width / table[:, kernel.ZETA]
        half_z = np.minimum(half_z, self._most_half_z)
        box = self._boxes(table, half_z)
        order = np.lexsort((table[:, kernel.X], box[:, 2]))
        return Predictions(hkl, table, box, half_z).only(order[(box[:, 5] > box[:, 4])[order]])

    def on_frames(self, first: int, last: int) -> Predictions:
        """Reflections of which some is on the frames `first` to `last`, numbered from 1, both included."""
        step = max(1.0, RANGE_DEG / self.model.width)
        low, high = first - 1 - self.longest, last + self.longest
        edges = np.linspace(low, high, max(2, math.ceil((high - low) / step) + 1))
        found = Predictions.joined([self.predict(a, b) for a, b in pairwise(edges)])
        return found.only((found.box[:, 4] < last) & (found.box[:, 5] >= first))

    def _crossings(self, low: float, high: float) -> tuple[Index, Floats]:
        near: Any = kernel.near_sphere
        crossings: Any = kernel.crossings
        model, shared = self.model, apparatus(self.model)
        middle = (low + high) / 2
        drift = model.drift.at(np.linspace(low, high, 9))
        strayed = float(np.linalg.norm(drift - model.drift.at(np.array([middle])), axis=1).max())
        delta = (high - low) / 2 * shared.scan[1] + strayed
        bound = 2 / model.beam.wavelength * self.limit * (delta + delta * delta / 2)
        most = np.ceil(np.linalg.norm(model.axes, axis=1) * self.limit).astype(np.int32)
        matrix = self._laboratory(middle, shared)
        hkl = near(matrix, shared.s0, self.limit, bound, most)
        found = crossings(hkl, shared, matrix, low, high, strayed, N_SIGMA)
        return found[0], found[1]

    def _laboratory(self, z: float, shared: Apparatus) -> Floats:
        """A in the laboratory at z, 1/angstrom."""
        place: Any = kernel.place_at
        out, rate, work = np.empty((3, 3)), np.empty(3), np.empty((4, 3))
        for column in range(3):
            place(np.ascontiguousarray(shared.a_matrix[:, column]), z, shared, out[column], rate, work)
        return np.ascontiguousarray(out.T)

    def _boxes(self, table: Floats, half_z: Floats) -> Index:
        box = np.empty((len(table), 6))
        for axis, (place, reach) in enumerate(((kernel.X, kernel.REACH_X), (kernel.Y, kernel.REACH_Y))):
            half = N_SIGMA * OUTER * table[:, reach] + self.margin
            most = self.model.detector.image_size[axis]
            box[:, 2 * axis] = np.clip(np.floor(table[:, place] - half), 0, most)
            box[:, 2 * axis + 1] = np.clip(np.ceil(table[:, place] + half), 0, most)
        box[:, 4] = np.clip(np.floor(table[:, kernel.Z] - half_z), 0, self.n_frames)
        box[:, 5] = np.clip(np.ceil(table[:, kernel.Z] + half_z), 0, self.n_frames)
        return box.astype(np.int32)


OUTER = 1.3
"""Background begins at so many times the edge of the foreground."""
