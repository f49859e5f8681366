"""Small synthetic datasets and the real ones, for tests of the container."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beampace.core.dataset import Dataset, DatasetKind
from beampace.core.geometry import Beam, Detector, Goniometer
from beampace.core.scan import Scan

REAL = Path(__file__).parents[3] / "shared" / "data" / "real" / "raw" / "user1"
REAL_MASTERS = {
    "l-cysteine_rotational_001": "l-cysteine/rotational_001/l-cysteine_rotational_001_master.h5",
    "l-cysteine_rotational_002": "l-cysteine/rotational_002/l-cysteine_rotational_002_master.h5",
    "project_x_screening_001": "project_x/screening_001/project_x_screening_001_master.h5",
    "project_x_2": "project_x/screening_002/project_x_2_master.h5",
    "thaumatin_grid_001": "thaumatin/grid_001/thaumatin_grid_001_master.h5",
}

SHAPE = (96, 80)
"""Rows and columns of the small detector."""


def small_dataset(
    n_frames: int = 7,
    *,
    width: float = 0.125,
    start: float = 10.0,
    depth: int = 32,
    name: str = "lyso_1",
    kind: DatasetKind = DatasetKind.ROTATION,
    starts: tuple[float, ...] | None = None,
) -> Dataset:
    """A dataset of tiny frames with ordinary geometry."""
    scan = Scan.even(start, width, n_frames, 0.0099, 0.01)
    if starts is not None:
        scan = replace(scan, starts=starts)
    detector = Detector(
        serial="E-32-0001",
        description="Dectris EIGER2 X tiny",
        image_size=(SHAPE[1], SHAPE[0]),
        pixel_size=(0.075, 0.075),
        origin=(-41.5 * 0.075, 50.25 * 0.075, -150.0),
        fast=(1.0, 0.0, 0.0),
        slow=(0.0, -1.0, 0.0),
        sensor_thickness=0.45,
        sensor_material="Si",
        saturation=60000,
        bit_depth=depth,
    )
    return Dataset(
        id="",
        name=name,
        master=PurePath(f"{name}_master.h5"),
        kind=kind,
        kind_reason="as asked",
        detector=detector,
        beam=Beam(1.0332),
        goniometer=Goniometer(),
        scan=scan,
        n_announced=len(scan.starts),
        collected=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
    )


def small_mask() -> NDArray[np.uint32]:
    """A gap and a dead pixel."""
    mask = np.zeros(SHAPE, np.uint32)
    mask[40:44] = 1
    mask[7, 9] = 2
    return mask


def small_frame(number: int) -> NDArray[Any]:
    """Poisson counts that differ from frame to frame, with one bright pixel that tells the number."""
    frame = np.random.default_rng(number).poisson(3.0, SHAPE).astype(np.uint32)
    frame[0, 0] = 1000 + number
    return frame


def small_frames(n_frames: int) -> Iterator[NDArray[Any]]:
    """Frames 1 to `n_frames`."""
    return (small_frame(number) for number in range(1, n_frames + 1))
