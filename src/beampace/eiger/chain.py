"""NXmx transformation chains.

A dataset with the attributes `vector`, `offset`, `transformation_type`, `units` and `depends_on`
is a 4 x 4 matrix [R | t]; the chain is walked to "." and multiplied with the parent on the left
(NeXus manual, NXtransformations). McStas vectors become imgCIF ones by diag(-1, 1, -1).
"""

from __future__ import annotations

import math
import posixpath
from dataclasses import dataclass
from typing import Any

import h5py

from beampace.core.geometry import IDENTITY, Mat3, Vec3, add, apply, multiply, rotation, scaled, unit
from beampace.eiger.values import Values, as_text, in_degrees, in_millimetres, tidy, units, vector

MAX_LINKS = 32
"""Longest chain that is believed; a loop ends here."""


def to_imgcif(v: Vec3) -> Vec3:
    """A McStas vector (NeXus: Z downstream) in the imgCIF frame, and back."""
    return (0.0 - v[0], v[1], 0.0 - v[2])


@dataclass(frozen=True, slots=True)
class Step:
    """One transformation in the McStas frame.

    Attributes:
        path: HDF5 path.
        rotates: whether it is a rotation (values in degrees) or a translation (mm).
        axis: unit vector.
        values: one value, or one per frame.
        offset: mm.
    """

    path: str
    rotates: bool
    axis: Vec3
    values: tuple[float, ...]
    offset: Vec3

    @property
    def varies(self) -> bool:
        """Whether it is a rotation that differs from frame to frame."""
        return self.rotates and len(set(self.values)) > 1

    def turn(self) -> Mat3:
        """Rotation matrix at the first frame."""
        return rotation(self.axis, self.values[0]) if self.rotates else IDENTITY

    def shift(self) -> Vec3:
        """Translation (mm) at the first frame."""
        return self.offset if self.rotates else add(self.offset, scaled(self.axis, self.values[0]))


def walk(handle: h5py.File, start: str, base: str) -> tuple[Step, ...]:
    """Steps from `start` to the laboratory, leaf first.

    Args:
        handle: the master.
        start: path of the first transformation, absolute or relative to `base`; "." is no chain.
        base: HDF5 path of the group the path is relative to.

    Raises:
        ValueError: the chain is incomplete, loops, or lacks vectors or units.
    """
    steps: list[Step] = []
    path = start
    while path not in (".", ""):
        if len(steps) >= MAX_LINKS:
            raise ValueError(f"the chain of transformations from {start} does not end")
        absolute = posixpath.normpath(posixpath.join(base, path))
        dataset = Values(handle).dataset(absolute)
        if dataset is None:
            raise ValueError(f"the transformation {absolute} is missing")
        steps.append(read_step(dataset))
        path, base = as_text(dataset.attrs.get("depends_on", b".")), posixpath.dirname(absolute)
    return tuple(steps)


def read_step(dataset: h5py.Dataset) -> Step:
    """One transformation.

    Raises:
        ValueError: it has no vector (unless it does not move), no type, no value or odd units.
    """
    kind = as_text(dataset.attrs.get("transformation_type", b"")).lower()
    if kind not in ("rotation", "translation"):
        raise ValueError(f"{dataset.name} has no transformation_type")
    values = _values(dataset)
    rotates = kind == "rotation"
    unit_name = units(dataset)
    converted = (
        in_degrees(values, unit_name)
        if rotates
        else tuple(in_millimetres(value, unit_name) for value in values)
    )
    axis = vector(dataset)
    if axis is None:
        if any(converted):
            raise ValueError(f"{dataset.name} has no vector")
        axis = (0.0, 0.0, 1.0)
    return Step(
        str(dataset.name), rotates, unit(axis), converted, _offset(dataset, unit_name, rotates=rotates)
    )


def compose(steps: tuple[Step, ...]) -> tuple[Mat3, Vec3]:
    """Rotation and translation (mm) of a chain given leaf first: X_lab = R X + t."""
    turn, shift = IDENTITY, (0.0, 0.0, 0.0)
    for step in steps:
        shift = add(apply(step.turn(), shift), step.shift())
        turn = multiply(step.turn(), turn)
    return turn, shift


def _values(dataset: h5py.Dataset) -> tuple[float, ...]:
    if not dataset.size or dataset.dtype.kind not in "iuf":
        raise ValueError(f"{dataset.name} holds no number")
    raw: Any = dataset[()]
    found = tuple(tidy(value) for value in raw.ravel()) if dataset.shape else (tidy(raw),)
    if not all(math.isfinite(value) for value in found):
        raise ValueError(f"{dataset.name} is not finite")
    return found


def _offset(dataset: h5py.Dataset, unit_name: str, *, rotates: bool) -> Vec3:
    offset = vector(dataset, "offset")
    if offset is None:
        return (0.0, 0.0, 0.0)
    named = as_text(dataset.attrs.get("offset_units", b"")) or ("" if rotates else unit_name)
    return scaled(offset, in_millimetres(1.0, named))
