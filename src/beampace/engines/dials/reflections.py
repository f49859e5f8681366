"""Reading `.refl` files: DIALS's reflection tables in msgpack, without DIALS.

The layout is ["dials::af::reflection_table", version, {"identifiers", "nrows", "data"}], each column
[type, [rows, bytes]] with the bytes of a C array (dials, array_family/reflection_table_msgpack_adapter.h).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

INDEXED = 1 << 2
BAD_FOR_SCALING = (1 << 22) | (1 << 23) | (1 << 24)
SCALED = 1 << 26

_TYPES: dict[str, tuple[str, int]] = {
    "double": ("<f8", 1),
    "int": ("<i4", 1),
    "int6": ("<i4", 6),
    "std::size_t": ("<u8", 1),
    "bool": ("?", 1),
    "vec2<double>": ("<f8", 2),
    "vec3<double>": ("<f8", 3),
    "mat3<double>": ("<f8", 9),
    "cctbx::miller::index<>": ("<i4", 3),
}
_FIXED = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h"}
_FIXED |= {0xD2: ">i", 0xD3: ">q"}
_BYTES = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
_ARRAYS = {0xDC: ">H", 0xDD: ">I"}
_MAPS = {0xDE: ">H", 0xDF: ">I"}
_CONSTANTS: dict[int, bool | None] = {0xC0: None, 0xC2: False, 0xC3: True}


@dataclass(frozen=True, slots=True)
class ReflectionTable:
    """Columns of a reflection table; columns of unknown types (shoeboxes) are left out."""

    rows: int
    columns: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def flagged(self, bits: int) -> NDArray[np.bool_]:
        """Rows with any of the bits set."""
        return np.asarray((self.columns["flags"] & np.uint64(bits)) != 0)


def read_table(path: Path) -> ReflectionTable:
    """Read a `.refl` file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a reflection table.
    """
    content = _Decoder(path.read_bytes()).value()
    if not (isinstance(content, list) and len(content) == 3 and "reflection_table" in str(content[0])):
        raise ValueError(f"{path} is not a reflection table of DIALS")
    body = content[2]
    columns = {name: _column(*entry) for name, entry in body["data"].items() if entry[0] in _TYPES}
    return ReflectionTable(int(body["nrows"]), columns)


def _column(kind: str, content: list[Any]) -> NDArray[Any]:
    dtype, width = _TYPES[kind]
    values = np.frombuffer(content[1], dtype=dtype)
    return values if width == 1 else values.reshape(-1, width)


class _Decoder:
    """The part of msgpack that reflection tables use (msgpack specification, formats overview)."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def value(self) -> Any:
        head = self._take(1)[0]
        if head < 0x80:
            return head
        if head >= 0xE0:
            return head - 0x100
        if head < 0xC0:
            return self._short(head)
        return self._long(head)

    def _short(self, head: int) -> Any:
        if head < 0x90:
            return self._map(head & 0x0F)
        if head < 0xA0:
            return self._array(head & 0x0F)
        return self._text(head & 0x1F)

    def _long(self, head: int) -> Any:
        if head in _CONSTANTS:
            return _CONSTANTS[head]
        if head in _FIXED:
            return self._number(_FIXED[head])
        if head in _ARRAYS:
            return self._array(int(self._number(_ARRAYS[head])))
        if head in _MAPS:
            return self._map(int(self._number(_MAPS[head])))
        if head in _BYTES:
            size = int(self._number(_BYTES[head]))
            return self._text(size) if head >= 0xD9 else self._take(size)
        raise ValueError(f"unexpected byte 0x{head:02x} at {self._at - 1}")

    def _take(self, size: int) -> memoryview:
        part = self._data[self._at : self._at + size]
        if len(part) != size:
            raise ValueError("the file is cut short")
        self._at += size
        return part

    def _number(self, kind: str) -> Any:
        return struct.unpack(kind, self._take(struct.calcsize(kind)))[0]

    def _text(self, size: int) -> str:
        return bytes(self._take(size)).decode("utf-8", "replace")

    def _array(self, size: int) -> list[Any]:
        return [self.value() for _ in range(size)]

    def _map(self, size: int) -> dict[Any, Any]:
        return {self.value(): self.value() for _ in range(size)}
