"""Values as masters hold them: scalars or arrays, float32 noise, glued units, absent entries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from beampace.core.geometry import Vec3
from beampace.eiger.access import get
from beampace.eiger.hdf5 import MAX_FRAMES

_TO_MM = {"m": 1e3, "metre": 1e3, "meter": 1e3, "mm": 1.0, "um": 1e-3, "micron": 1e-3, "nm": 1e-6, "cm": 10.0}
_TO_DEGREES = {"deg": 1.0, "degree": 1.0, "degrees": 1.0, "rad": 180 / np.pi, "radian": 180 / np.pi}


def tidy(value: Any) -> float:
    """A float without storage noise: float32 0.1 becomes 0.1, and 0.125 and 0.0333333 stay.

    A float32 is read as the shortest decimal that stands for it; a float64 keeps 13 digits.
    """
    if isinstance(value, np.float32 | np.float16):
        return float(str(value))
    return float(f"{float(value):.13g}")


@dataclass(frozen=True, slots=True)
class Values:
    """Reads single values below a group; what is absent, empty or of another type is None."""

    handle: Any

    def dataset(self, path: str) -> h5py.Dataset | None:
        """The dataset at `path` (soft links followed), or None."""
        try:
            found = get(self.handle, path)
        except (KeyError, OSError, RuntimeError, ValueError):
            return None
        if not isinstance(found, h5py.Dataset) or stored_elsewhere(found, self.handle.file.filename):
            return None
        return found

    def numbers(self, path: str) -> tuple[float, ...]:
        """All values of a numeric scalar or one-dimensional array; () when absent."""
        found = self.dataset(path)
        if found is None or not found.size or found.size > MAX_FRAMES or found.dtype.kind not in "iufb":
            return ()
        return tuple(tidy(value) for value in np.ravel(found[()]))

    def number(self, *paths: str) -> float | None:
        """The first value of the first of `paths` that holds a finite number."""
        for path in paths:
            values = self.numbers(path)
            if values and np.isfinite(values[0]):
                return values[0]
        return None

    def text(self, *paths: str) -> str:
        """The first of `paths` that holds text, or ""."""
        for path in paths:
            found = self.dataset(path)
            if found is not None and found.size and found.dtype.kind in "SUO":
                return as_text(np.ravel(found[()])[0])
        return ""

    def millimetres(self, *paths: str) -> float | None:
        """A length in mm; NeXus lengths without units are metres in these files."""
        for path in paths:
            value, found = self.number(path), self.dataset(path)
            if value is not None and found is not None:
                return tidy(value * _TO_MM.get(units(found), 1e3))
        return None

    def vector(self, path: str) -> Vec3 | None:
        """The attribute `vector` of a dataset, or None when it is absent or has no length."""
        found = self.dataset(path)
        return None if found is None else vector(found)


def stored_elsewhere(dataset: h5py.Dataset, filename: str) -> str:
    """Why the bytes of a dataset are not those of its file or a file beside it, or "".

    HDF5 follows external links, external storage and virtual datasets to any path by itself; what
    leads out of the directory is not read.
    """
    if dataset.external:
        return "it is stored in files of another kind"
    if dataset.is_virtual:
        return "it is a virtual dataset"
    if dataset.file.filename == filename:
        return ""
    inside = Path(dataset.file.filename).resolve().is_relative_to(Path(filename).resolve().parent)
    return "" if inside else "it is linked from outside the directory of the dataset"


def as_text(value: Any) -> str:
    """Bytes or text as text, without padding."""
    plain = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return plain.strip("\0 \n")


def vector(dataset: h5py.Dataset, attribute: str = "vector") -> Vec3 | None:
    """Three finite numbers that are not all zero, or None.

    Raises:
        ValueError: these are no numbers.
    """
    value = dataset.attrs.get(attribute)
    try:
        numbers = np.ravel(np.asarray(value, dtype=float)) if value is not None else np.empty(0)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{dataset.name} has the {attribute} {as_text(value)!r}") from error
    if numbers.size != 3 or not np.isfinite(numbers).all() or not numbers.any():
        return None
    return (float(numbers[0]), float(numbers[1]), float(numbers[2]))


def units(dataset: h5py.Dataset) -> str:
    """The attribute `units`, lower case, or ""."""
    return as_text(dataset.attrs.get("units", b"")).lower()


def in_millimetres(value: float, unit: str) -> float:
    """A length in mm; without a unit, metres.

    Raises:
        ValueError: the unit is no length.
    """
    if unit and unit not in _TO_MM:
        raise ValueError(f"{unit!r} is not a unit of length")
    return value * _TO_MM.get(unit, 1e3)


def in_degrees(values: Iterable[float], unit: str) -> tuple[float, ...]:
    """Angles in degrees; without a unit, degrees (P11's patched angles carry none).

    Raises:
        ValueError: the unit is no angle.
    """
    if unit and unit not in _TO_DEGREES:
        raise ValueError(f"{unit!r} is not a unit of angle")
    return tuple(value * _TO_DEGREES.get(unit, 1.0) for value in values)
