"""Reflections as DIALS reads them: `strong.refl`."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from beampace.analysis.spots3d import Reflections

STRONG = 1 << 5
"""The `strong` flag of a DIALS reflection."""


def strong_refl(reflections: Reflections) -> bytes:
    """The content of a `strong.refl` that `dials.index` takes.

    msgpack `["dials::af::reflection_table", 1, {identifiers, nrows, data}]`, each column [type, [rows, raw
    little-endian values]] (dials: array_family/reflection_table_msgpack_adapter.h). One panel, one
    experiment; positions in px and frames, which DIALS itself turns into mm and rad with its own geometry.
    """
    n = len(reflections)
    columns = {
        "bbox": _column("int6", reflections.box, "<i4"),
        "flags": _column("std::size_t", np.full(n, STRONG), "<u8"),
        "id": _column("int", np.zeros(n), "<i4"),
        "imageset_id": _column("int", np.zeros(n), "<i4"),
        "intensity.sum.value": _column("double", reflections.intensity, "<f8"),
        "intensity.sum.variance": _column("double", reflections.intensity_variance, "<f8"),
        "background.mean": _column("double", reflections.background, "<f8"),
        "n_signal": _column("int", reflections.n_pixels, "<i4"),
        "panel": _column("std::size_t", np.zeros(n), "<u8"),
        "xyzobs.px.value": _column("vec3<double>", reflections.xyz, "<f8"),
        "xyzobs.px.variance": _column("vec3<double>", reflections.variance, "<f8"),
    }
    content = {"identifiers": {}, "nrows": n, "data": columns}
    return pack(["dials::af::reflection_table", 1, content])


def pack(value: object) -> bytes:
    """One value in msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md).

    Only what a reflection table needs: whole numbers from 0, text, bytes, lists and dictionaries.

    Raises:
        TypeError: another type.
    """
    if isinstance(value, int):
        return bytes([value]) if 0 <= value < 0x80 else struct.pack(">BQ", 0xCF, value)
    if isinstance(value, str):
        text = value.encode()
        return struct.pack(">BH", 0xDA, len(text)) + text
    if isinstance(value, bytes):
        return struct.pack(">BI", 0xC6, len(value)) + value
    if isinstance(value, Mapping):
        pairs = b"".join(pack(key) + pack(item) for key, item in value.items())
        return struct.pack(">BI", 0xDF, len(value)) + pairs
    if isinstance(value, Sequence):
        return struct.pack(">BI", 0xDD, len(value)) + b"".join(pack(item) for item in value)
    raise TypeError(f"{type(value).__name__} has no place in a reflection table")


def _column(kind: str, values: npt.NDArray[np.generic], dtype: str) -> list[object]:
    raw = np.ascontiguousarray(values, dtype=dtype).tobytes()
    return [kind, [int(values.shape[0]), raw]]
