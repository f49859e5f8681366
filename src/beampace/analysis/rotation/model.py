"""The diffracting crystal and how it turns: everything that says where a reflection is.

A reciprocal-lattice point h lies at r0 = A h in the crystal's frame (before the goniometer), 1/angstrom;
turned by the spindle it is r = S R(m, phi) F R(drift(z)) A h. It reflects where |s0 + r| = |s0|. Pixels count
from the corner of the first pixel, frames so that the first begins at z = 0: phi = start + z width.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from beampace.core.cell import UnitCell
from beampace.core.geometry import Beam, Detector, Goniometer

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """Small rotations of the crystal against its first orientation, interpolated linearly between knots.

    Attributes:
        z: places of the knots in frames, ascending, (n,); none for a crystal that stays.
        vectors: axis times angle in radians at each, in the crystal's frame, (n, 3).
    """

    z: Floats = field(default_factory=lambda: np.zeros(0))
    vectors: Floats = field(default_factory=lambda: np.zeros((0, 3)))

    def at(self, z: Floats) -> Floats:
        """Axis times angle in radians at places in frames, (n, 3)."""
        if not len(self.z):
            return np.zeros((len(z), 3))
        return np.stack([np.interp(z, self.z, self.vectors[:, axis]) for axis in range(3)], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A crystal in an experiment.

    Attributes:
        detector, beam, goniometer: as refined.
        start: spindle in degrees at z = 0; `width`: degrees per frame, positive.
        a_matrix: A, columns a*, b*, c* in 1/angstrom, (3, 3).
        drift: of the crystal during the scan.
        sigma_m: e.s.d. of the reflecting range, degrees, at |zeta| = 1.
        sigma_d: e.s.d. of a spot across the diffracted beam, degrees (one dimension).
    """

    detector: Detector
    beam: Beam
    goniometer: Goniometer
    start: float
    width: float
    a_matrix: Floats
    drift: Drift = field(default_factory=Drift)
    sigma_m: float = 0.1
    sigma_d: float = 0.03

    @property
    def axes(self) -> Floats:
        """Rows a, b, c in angstrom: the inverse of A."""
        return np.asarray(np.linalg.inv(self.a_matrix))

    @property
    def cell(self) -> UnitCell:
        """Of A."""
        metric = self.axes @ self.axes.T
        edges = np.sqrt(np.diag(metric))
        cosines = metric / np.outer(edges, edges)
        angles = np.degrees(np.arccos(np.clip([cosines[1, 2], cosines[0, 2], cosines[0, 1]], -1, 1)))
        return UnitCell(*(float(value) for value in (*edges, *angles)))
