"""The spots of one frame as a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beampace.analysis import spot_kernel as kernel

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """Groups of strong pixels of one frame: counted spots and weaker candidates.

    Attributes:
        table: one row per group, columns as named in `spot_kernel`, float32 (a position at 4000 px is kept to
            0.0003 px). Pixel coordinates count from the corner of the first pixel.
        d_star_sq: 1/d**2 in 1/A**2.
        in_ice: whether the spot lies in a ring of hexagonal ice.
        good: counted, outside the rings of ice, above the signal cut.
    """

    table: Floats
    d_star_sq: Floats
    in_ice: npt.NDArray[np.bool_]
    good: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.table.shape[0])

    @property
    def x(self) -> Floats:
        """Centroid along the fast axis, px."""
        return self.table[:, kernel.X]

    @property
    def y(self) -> Floats:
        """Centroid along the slow axis, px."""
        return self.table[:, kernel.Y]

    @property
    def intensity(self) -> Floats:
        """Counts above the local background."""
        return self.table[:, kernel.SUM]

    @property
    def background(self) -> Floats:
        """Local background, counts per pixel."""
        return self.table[:, kernel.BACKGROUND]

    @property
    def pixels(self) -> Floats:
        """Number of pixels."""
        return self.table[:, kernel.PIXELS]

    @property
    def peak(self) -> Floats:
        """Highest count."""
        return self.table[:, kernel.PEAK]

    @property
    def variance(self) -> Floats:
        """Variance of the centroid (x, y), px**2, shape (n, 2)."""
        return self.table[:, kernel.VAR_X : kernel.VAR_Y + 1]

    @property
    def overloaded(self) -> npt.NDArray[np.bool_]:
        """Whether the spot holds or touches a pixel above the saturation value."""
        return np.asarray(self.table[:, kernel.OVERLOADED] > 0)

    @property
    def counted(self) -> npt.NDArray[np.bool_]:
        """Whether the spot stands by itself; the others need a neighbouring frame to be believed."""
        return np.asarray(self.table[:, kernel.COUNTED] > 0)

    @property
    def signal_to_noise(self) -> Floats:
        """Intensity over its standard deviation by counting statistics."""
        return np.asarray(self.intensity / np.sqrt(intensity_variance(self.table)), dtype=np.float32)

    def only(self, chosen: npt.NDArray[np.bool_ | np.intp]) -> Spots:
        """The chosen rows, by flag or by place."""
        return Spots(self.table[chosen], self.d_star_sq[chosen], self.in_ice[chosen], self.good[chosen])


def intensity_variance(table: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Variance of the summed signal: all counts in the spot (signal and background)."""
    total = table[:, kernel.SUM] + table[:, kernel.BACKGROUND] * table[:, kernel.PIXELS]
    return np.asarray(np.maximum(total, 1.0))
