"""Having the kernels at hand before a frame comes: loading them takes longer than the first frame itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from beampace.analysis import Analyser, Setup, join_spots
from beampace.core.geometry import Beam, Detector

_BLANK = Detector(
    serial="",
    description="blank",
    image_size=(256, 256),
    pixel_size=(0.075, 0.075),
    origin=(-9.6, 9.6, -100.0),
    fast=(1.0, 0.0, 0.0),
    slow=(0.0, -1.0, 0.0),
    sensor_thickness=0.45,
    sensor_material="Si",
    saturation=10_000,
    bit_depth=16,
)


def load_kernels() -> None:
    """Run the kernels of look and map once on a small blank frame of each type of pixel; starts no thread."""
    for bits in (16, 32):
        setup = Setup.make(replace(_BLANK, bit_depth=bits), Beam(1.0))
        analyser = Analyser(setup)
        frame = np.zeros(setup.shape, f"u{bits // 8}")
        join_spots([analyser.analyse(frame, number) for number in (1, 2)])
