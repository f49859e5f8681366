"""Pixel detectors by name: sizes, modules and the gaps between them.

EIGER2: modules of 1028 x 512 pixels of 75 um, gaps of 12 and 38. PILATUS: 487 x 195 of 172 um, gaps
of 7 and 17 (DECTRIS data sheets).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class DetectorModel:
    """A detector built of equal modules; all pairs are (fast, slow)."""

    name: str
    modules: tuple[int, int]
    module_size: tuple[int, int]
    gap: tuple[int, int]
    pixel_size: float

    @property
    def image_size(self) -> tuple[int, int]:
        """Pixels of a frame (fast, slow), gaps included."""
        fast, slow = (
            n * size + (n - 1) * gap
            for n, size, gap in zip(self.modules, self.module_size, self.gap, strict=True)
        )
        return (fast, slow)

    def gap_mask(self) -> NDArray[np.bool_]:
        """True where there is no pixel, shape (slow, fast)."""
        fast, slow = (
            np.arange(side) % (size + gap) >= size
            for side, size, gap in zip(self.image_size, self.module_size, self.gap, strict=True)
        )
        return np.asarray(slow[:, None] | fast[None, :])


def _eiger2(name: str, across: int, down: int) -> DetectorModel:
    return DetectorModel(f"EIGER2 X {name}", (across, down), (1028, 512), (12, 38), 0.075)


def _pilatus(name: str, across: int, down: int) -> DetectorModel:
    return DetectorModel(f"PILATUS3 {name}", (across, down), (487, 195), (7, 17), 0.172)


TINY = "tiny 256"
"""A detector nobody sells: frames so small that a whole beamtime of them is cheap."""

CATALOGUE: dict[str, DetectorModel] = {
    model.name: model
    for model in (
        _eiger2("1M", 1, 2),
        _eiger2("4M", 2, 4),
        _eiger2("9M", 3, 6),
        _eiger2("16M", 4, 8),
        _pilatus("1M", 2, 5),
        _pilatus("2M", 3, 8),
        _pilatus("6M", 5, 12),
        DetectorModel(TINY, (1, 1), (256, 256), (0, 0), 0.075),
    )
}
