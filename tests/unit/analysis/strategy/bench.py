"""Crystals and a detector for strategies."""

from __future__ import annotations

import gemmi
import numpy as np

from beampace.core.cell import UnitCell
from beampace.core.geometry import Beam, Detector, rotation
from beampace.simulate.crystal import orthogonalisation_b

BEAM = Beam(1.0)
GROUPS = {
    "P1": (30, 34, 38, 80, 85, 95),
    "P21": (30, 34, 38, 90, 105, 90),
    "C2": (60, 34, 38, 90, 105, 90),
    "P212121": (30, 40, 50, 90, 90, 90),
    "P43212": (40, 40, 60, 90, 90, 90),
    "P3221": (40, 40, 50, 90, 90, 120),
    "P6122": (40, 40, 80, 90, 90, 120),
    "I23": (60, 60, 60, 90, 90, 90),
}


def group(name: str) -> gemmi.SpaceGroup:
    return gemmi.find_spacegroup_by_name(name)


def a_matrix(cell: tuple[float, ...], seed: int = 1) -> np.ndarray:
    """The cell in some orientation."""
    rng = np.random.default_rng(seed)
    turn = np.array(rotation(tuple(rng.normal(size=3)), float(rng.uniform(0, 360))))
    return turn @ orthogonalisation_b(UnitCell(*cell))


def detector(distance: float = 150.0, size: tuple[int, int] = (2000, 2000), pixel: float = 0.15) -> Detector:
    nx, ny = size
    return Detector(
        serial="test",
        description="synthetic",
        image_size=size,
        pixel_size=(pixel, pixel),
        origin=(-nx * pixel / 2, ny * pixel / 2, -distance),
        fast=(1.0, 0.0, 0.0),
        slow=(0.0, -1.0, 0.0),
        sensor_thickness=0.45,
        sensor_material="Si",
        saturation=50_000,
        bit_depth=32,
    )
