"""Writing NXmx: values with units, transformations with all their attributes.

Used for the companion master and by the simulator, which writes what detectors write.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from beampace.core.geometry import IDENTITY, Detector, Goniometer, Mat3, Vec3, norm, scaled, unit
from beampace.core.scan import Scan
from beampace.eiger.chain import to_imgcif

LIBVER = ("earliest", "v110")
"""File format that HDF5 1.10 (Debian's DIALS, XDS plug-ins) reads."""


@contextmanager
def in_memory(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file built in memory and written at once when the block ends.

    HDF5 does not survive a disk that fills up while it closes a file; a plain write does.

    Raises:
        OSError: the file exists, or cannot be written.
    """
    # HDF5 tells files in memory apart by their names: threads may build those of several directories.
    with h5py.File(str(path), "w", driver="core", backing_store=False, libver=LIBVER) as handle:
        yield handle
        handle.flush()
        image = handle.id.get_file_image()
    with path.open("xb") as stream:
        stream.write(image)


def group(parent: h5py.Group, path: str, nx_class: str) -> h5py.Group:
    """A group with its NX_class."""
    made = parent.require_group(path)
    made.attrs["NX_class"] = np.bytes_(nx_class)
    return made


def put(parent: h5py.Group, path: str, value: Any, unit_name: str = "") -> h5py.Dataset:
    """A dataset; text becomes fixed-length bytes, as detectors write it."""
    data = np.bytes_(value) if isinstance(value, str) else value
    made = parent.create_dataset(path, data=data)
    if unit_name:
        made.attrs["units"] = np.bytes_(unit_name)
    return made


def transformation(dataset: h5py.Dataset, kind: str, direction: Vec3, parent: str) -> None:
    """Attributes of a transformation; `direction` in the McStas frame."""
    dataset.attrs["transformation_type"] = np.bytes_(kind)
    dataset.attrs["vector"] = np.asarray(direction, dtype=np.float64)
    dataset.attrs["offset"] = np.zeros(3)
    dataset.attrs["offset_units"] = np.bytes_("mm")
    dataset.attrs["depends_on"] = np.bytes_(parent)


def write_panel(detector_group: h5py.Group, detector: Detector) -> None:
    """The plane as one translation to its corner and two pixel directions (any chain collapses to that)."""
    made = group(detector_group, "transformations", "NXtransformations")
    length = norm(detector.origin)
    shift = put(made, "translation", length, "mm")
    transformation(shift, "translation", to_imgcif(unit(detector.origin)), ".")
    module = group(detector_group, "module", "NXdetector_module")
    fast, slow = detector.image_size
    put(module, "data_origin", np.zeros(2, np.int32))
    put(module, "data_size", np.array([slow, fast], np.int32))
    put(module, "module_index", 0)
    offset = put(module, "module_offset", 0.0, "mm")
    transformation(offset, "translation", (0.0, 0.0, 1.0), str(shift.name))
    directions = (("fast", detector.fast, 0), ("slow", detector.slow, 1))
    for name, direction, side in directions:
        made = put(module, f"{name}_pixel_direction", detector.pixel_size[side], "mm")
        transformation(made, "translation", to_imgcif(direction), str(offset.name))
    put(detector_group, "depends_on", str(shift.name))


def write_spindle(sample: h5py.Group, goniometer: Goniometer, scan: Scan, n_frames: int) -> None:
    """The goniometer chain: setting (towards the base), omega for every frame, fixed rotation."""
    made = group(sample, "transformations", "NXtransformations")
    parent = _still(made, "setting", goniometer.setting, ".")
    omega = put(made, "omega", np.asarray(scan.starts[:n_frames], np.float64), "degree")
    transformation(omega, "rotation", to_imgcif(goniometer.axis), parent)
    put(made, "omega_end", np.asarray(omega[()]) + scan.width, "degree")
    put(made, "omega_range_average", float(scan.width), "degree")
    put(made, "omega_range_total", float(scan.width) * n_frames, "degree")
    leaf = _still(made, "fixed", goniometer.fixed, str(omega.name))
    put(sample, "depends_on", leaf)
    loose = group(sample, "goniometer", "NXtransformations")
    for name in ("omega", "omega_end", "omega_range_average", "omega_range_total"):
        loose[name] = made[name]
    put(loose, "omega_start", float(scan.starts[0]), "degree")
    put(loose, "omega_increment", float(scan.width), "degree")


def _still(made: h5py.Group, name: str, turn: Mat3, parent: str) -> str:
    """A rotation that does not vary, left out when there is none; the path to depend on."""
    if turn == IDENTITY:
        return parent
    axis, angle = axis_and_angle(turn)
    dataset = put(made, name, np.array([angle]), "degree")
    transformation(dataset, "rotation", to_imgcif(axis), parent)
    return str(dataset.name)


def axis_and_angle(turn: Mat3) -> tuple[Vec3, float]:
    """Axis and angle (degrees, 0 to 180) of a rotation matrix, by the largest quaternion component.

    Shepperd (1978), J. Guidance and Control 1, 223.
    """
    trace = turn[0][0] + turn[1][1] + turn[2][2]
    candidates = (trace, turn[0][0], turn[1][1], turn[2][2])
    best = candidates.index(max(candidates))
    skew = (turn[2][1] - turn[1][2], turn[0][2] - turn[2][0], turn[1][0] - turn[0][1])
    if best == 0:
        quaternion = (1 + trace, *skew)
    else:
        i = best - 1
        parts = [turn[i][j] + turn[j][i] for j in range(3)]
        parts[i] = 1 + 2 * turn[i][i] - trace
        quaternion = (skew[i], parts[0], parts[1], parts[2])
    w, v = quaternion[0], (quaternion[1], quaternion[2], quaternion[3])
    if w < 0:
        w, v = -w, scaled(v, -1)
    if norm(v) == 0:
        return (0.0, 0.0, 1.0), 0.0
    return unit(v), math.degrees(2 * math.atan2(norm(v), w))
