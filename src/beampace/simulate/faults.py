"""Damage to data files, as a failing file system or an interrupted copy leaves it."""

from __future__ import annotations

import os
from pathlib import Path

import h5py

from beampace.simulate.layouts import FRAMES


def chunk_place(path: Path, index: int) -> tuple[int, int]:
    """Byte offset and size of the chunk of a frame (from 0) in a data file."""
    with h5py.File(path, "r", locking=False) as handle:
        info = handle[FRAMES].id.get_chunk_info_by_coord((index, 0, 0))
        return int(info.byte_offset), int(info.size)


def truncate_file(path: Path) -> None:
    """Cut a data file in the middle of its last chunk."""
    with h5py.File(path, "r", locking=False) as handle:
        last = handle[FRAMES].shape[0] - 1
    offset, size = chunk_place(path, last)
    os.truncate(path, offset + size // 2)


def corrupt_frame(path: Path, index: int) -> None:
    """Overwrite the middle half of a frame's chunk, and its announced length, with garbage."""
    offset, size = chunk_place(path, index)
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(b"\xff" * 12)
        stream.seek(offset + size // 4)
        stream.write(b"\xa5" * (size // 2))
