"""Integrated reflections."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Integrated:
    """Reflections of a scan, sorted by z; intensities in counts, not corrected for anything.

    An intensity is that of the whole reflection: what was counted over the share of the profile that it was
    counted on. `scale F**2 = intensity / (lorentz polarisation qe)`.

    Attributes:
        hkl: (n, 3) int32.
        i_sum, var_sum: by summation, and its variance.
        i_prf, var_prf: by profile fitting.
        at_sum, at_prf: intensities at which these variances were taken: what each may be expected to be,
            given what was found and what others of its resolution have. At another intensity J, such as the
            mean of equivalents, the variance is larger by J - at.
        background: counts per pixel and frame.
        partiality: share of the reflection that the scan has recorded: erf over its frames, at most
            erf(3/sqrt(2)).
        xyz: where it was expected, px, px, frames, (n, 3); xyz_observed: its centroid where it is strong
            enough to have one, else the same.
        phi: spindle at the crossing, degrees.
        s1: direction of the ray, 1/angstrom, (n, 3).
        d: resolution, angstrom.
        zeta: |m.e1|.
        entering: whether it enters the sphere.
        lorentz: 1/(zeta sin 2theta); polarisation: share of the intensity left by it; qe: share of the
            photons that the sensor stops.
        correlation: of counts and profile over its voxels.
        voxels: foreground voxels that were used; background_voxels: behind `background`.
        box: half open x0 x1 y0 y1 z0 z1, px and frames from 0, (n, 6) int32.
        known_share: of the profile on its recorded frames, the part that fell on pixels that count.
        summed, fitted: whether there is such an intensity that can be used; the variance is infinite where
            nothing was measured.
        overloaded: a foreground pixel is beyond the detector's trust.
        masked: a foreground pixel is bad, fires by itself, or is of a missing frame.
        overlapped: a foreground pixel belongs to a neighbour.
        at_edge: cut by the first or last frame of the scan.
    """

    hkl: npt.NDArray[np.int32]
    i_sum: Floats
    var_sum: Floats
    i_prf: Floats
    var_prf: Floats
    at_sum: Floats
    at_prf: Floats
    background: Floats
    partiality: Floats
    xyz: Floats
    xyz_observed: Floats
    phi: Floats
    s1: Floats
    d: Floats
    zeta: Floats
    entering: Flags
    lorentz: Floats
    polarisation: Floats
    qe: Floats
    correlation: Floats
    voxels: npt.NDArray[np.int32]
    background_voxels: npt.NDArray[np.int32]
    box: npt.NDArray[np.int32]
    known_share: Floats
    summed: Flags
    fitted: Flags
    overloaded: Flags
    masked: Flags
    overlapped: Flags
    at_edge: Flags

    def __len__(self) -> int:
        return int(self.hkl.shape[0])

    def only(self, chosen: npt.NDArray[np.generic]) -> Integrated:
        """The chosen rows."""
        return Integrated(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    @classmethod
    def joined(cls, parts: list[Integrated]) -> Integrated:
        """All of several, sorted by z.

        Raises:
            ValueError: there is no part.
        """
        columns = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)
        }
        order = np.lexsort((columns["xyz"][:, 1], columns["xyz"][:, 2]))
        return cls(**{name: values[order] for name, values in columns.items()})
