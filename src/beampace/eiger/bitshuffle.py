"""Bitshuffle + LZ4 decoded straight into an array, by the library hdf5plugin brings.

A chunk of HDF5 filter 32008 begins with the decoded size (8 bytes) and the block size in bytes (4),
both big-endian; each block is its compressed size (4 bytes) and its bytes; the elements that do not
fill a group of eight follow as they are (bitshuffle, `bshuf_h5filter.c`, `bitshuffle_core.c`).
The library trusts the sizes of the blocks, so they are checked here first.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import hdf5plugin
import numpy as np
from numpy.typing import NDArray

HEADER = 12
_GROUP = 8

Decoder = Callable[[int, int, int, int, int], int]


@cache
def decoder() -> Decoder | None:
    """`bshuf_decompress_lz4`, or None when this hdf5plugin does not export it; frees Python's lock."""
    try:
        library = ctypes.CDLL(str(Path(hdf5plugin.PLUGIN_PATH) / "libh5bshuf.so"))
        function = library.bshuf_decompress_lz4
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_int64
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_size_t] * 3]
    return function


def decode_into(chunk: bytes, out: NDArray[Any], decode: Decoder) -> None:
    """Decode a chunk into a contiguous array.

    Raises:
        ValueError: the chunk is damaged, or is not one array of this size.
    """
    block = _block_elements(chunk, out)
    _check_blocks(chunk, out.size, out.itemsize, block)
    source = np.frombuffer(chunk, np.uint8)
    taken = decode(source.ctypes.data + HEADER, out.ctypes.data, out.size, out.itemsize, block)
    if taken < 0 or taken > len(chunk) - HEADER:
        raise ValueError(f"bitshuffle returned {taken}")


def _block_elements(chunk: bytes, out: NDArray[Any]) -> int:
    if len(chunk) < HEADER or int.from_bytes(chunk[:8], "big") != out.nbytes:
        raise ValueError("the chunk does not hold one frame")
    elements, rest = divmod(int.from_bytes(chunk[8:12], "big"), out.itemsize)
    if rest or elements % _GROUP or not 0 < elements <= 1 << 20:
        raise ValueError("the block size is impossible")
    return elements


def _check_blocks(chunk: bytes, size: int, item: int, block: int) -> None:
    """Walk the blocks: each must lie within the chunk."""
    whole, rest = divmod(size, block)
    position, end = HEADER, len(chunk)
    for _ in range(whole + (rest >= _GROUP)):
        # Beyond the end the slice is empty and the position stays there, caught below.
        position += 4 + int.from_bytes(chunk[position : position + 4], "big")
    if position + (size % _GROUP) * item > end:
        raise ValueError("a block lies beyond the end of the chunk")
