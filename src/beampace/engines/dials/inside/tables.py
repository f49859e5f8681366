"""Columns of DIALS's reflection tables as arrays, and rows by them."""

from __future__ import annotations

from typing import Any

import numpy as np
from dxtbx import flumpy

Array = np.ndarray


def array(values: Any) -> Array:
    """A column as an array."""
    return np.asarray(values.as_numpy_array())


def hkl(table: Any) -> Array:
    """Indices, (n, 3)."""
    return np.asarray(np.rint(array(table["miller_index"].as_vec3_double())), int)


def entering(table: Any) -> Array:
    """1 where a reflection enters the sphere, 0 where it leaves."""
    return array(table["entering"]).astype(int)


def places(table: Any) -> Array:
    """Predicted centres in pixels and frames, (n, 3)."""
    return array(table["xyzcal.px"])


def centres(table: Any) -> Array:
    """Predicted centres in frames."""
    return array(table["xyzcal.px"].parts()[2])


def only(table: Any, chosen: Array) -> Any:
    """The rows where an array is true."""
    return table.select(flumpy.from_numpy(np.flatnonzero(chosen).astype(np.uint64)))
