"""Spots of rotation scans straight from predictions, with a known truth."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.basis import reduced
from beampace.analysis.rotation.model import Drift, Model
from beampace.analysis.rotation.reciprocal import positions
from beampace.analysis.spots3d import Reflections
from beampace.core.cell import UnitCell
from beampace.core.geometry import Beam, Detector, Goniometer, cross, rotation, unit

Floats = npt.NDArray[np.float64]

FAST = unit((1.0, 0.02, 0.01))
DETECTOR = Detector(
    serial="",
    description="",
    image_size=(1028, 1062),
    pixel_size=(0.075, 0.075),
    origin=(-38.0, 39.0, -85.0),
    fast=FAST,
    slow=unit(cross((0.01, 0.02, -1.0), FAST)),
    sensor_thickness=0.45,
    sensor_material="Si",
    saturation=50_000,
    bit_depth=32,
)
GONIOMETER = Goniometer(unit((1.0, 0.01, 0.02)), rotation((0.0, 1.0, 0.2), 13), rotation((0.3, 1.0, 0.0), 40))


def random_turn(rng: np.random.Generator) -> Floats:
    """A random rotation."""
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return q if np.linalg.det(q) > 0 else -q


def axes_of(cell: UnitCell, centring: str = "P", turn: Floats | None = None) -> Floats:
    """The reduced basis of a cell, rows in angstrom."""
    vector = gemmi.GruberVector(gemmi.UnitCell(*cell.parameters), centring, True)
    vector.niggli_reduce(epsilon=1e-6)
    rows = np.array(vector.get_cell().orth.mat.tolist()).T
    return reduced(rows if turn is None else rows @ turn.T)


def random_axes(rng: np.random.Generator, shortest: float, longest: float) -> Floats:
    """The reduced basis of a random cell that is not flat."""
    while True:
        edges = np.exp(rng.uniform(np.log(shortest), np.log(longest), 3))
        try:
            cell = UnitCell(*(float(x) for x in (*edges, *rng.uniform(75, 105, 3))))
        except ValueError:
            continue
        if cell.volume > 0.6 * edges.prod():
            return axes_of(cell, turn=random_turn(rng))


def model_for(axes: Floats, **changes) -> Model:
    """A crystal in a general apparatus."""
    beam = Beam(1.03, unit((0.01, 0.02, -1.0)))
    model = Model(DETECTOR, beam, GONIOMETER, 20.0, 0.5, np.linalg.inv(axes))
    return replace(model, **changes)


def exact(model: Model, n_frames: int, d_min: float = 2.2) -> tuple[npt.NDArray[np.int32], Floats]:
    """All reflections of a scan: indices and places (px, px, frames)."""
    edges = np.linalg.norm(model.axes, axis=1)
    ranges = [np.arange(-int(edge / d_min), int(edge / d_min) + 1) for edge in edges]
    hkl = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    r0 = hkl @ model.a_matrix.T
    size = np.linalg.norm(r0, axis=1)
    hkl, r0 = hkl[(size > 0) & (size < 1 / d_min)], r0[(size > 0) & (size < 1 / d_min)]
    near = np.full(len(r0), n_frames / 2)
    for _ in range(6):
        xyz = positions(model, r0, near)
        near = np.where(np.isfinite(xyz[:, 2]), xyz[:, 2], n_frames / 2)
    nx, ny = model.detector.image_size
    on = np.isfinite(xyz).all(axis=1) & (xyz > 0).all(axis=1) & (xyz < (nx, ny, n_frames)).all(axis=1)
    return hkl[on].astype(np.int32), xyz[on]


def reflections(xyz: Floats, frames: int = 3) -> Reflections:
    """Found spots at places."""
    n = len(xyz)
    corner = np.floor(xyz).astype(np.int32)
    half = frames // 2
    low, high = corner - np.array([1, 1, half]), corner + np.array([2, 2, half + 1])
    box = np.stack([low, high], axis=2).reshape(-1, 6)
    return Reflections(
        xyz=xyz,
        variance=np.full((n, 3), 1 / 12),
        intensity=np.full(n, 300.0),
        intensity_variance=np.full(n, 310.0),
        background=np.full(n, 0.1),
        n_pixels=np.full(n, 20, np.int32),
        n_frames=np.full(n, frames, np.int32),
        peak=np.full(n, 50.0),
        box=box.astype(np.int32),
        overloaded=np.zeros(n, np.bool_),
        in_ice=np.zeros(n, np.bool_),
    )


def drifting(model: Model, n_frames: int, degrees: float) -> Model:
    """The model with a crystal that turns evenly during the scan."""
    end = np.radians(degrees) * np.array([0.36, 0.48, 0.8])
    return replace(model, drift=Drift(np.array([0.0, n_frames]), np.array([np.zeros(3), end])))
