"""Frames out of their chunks.

A chunk is read as stored and decoded here: HDF5 filter 32008 (bitshuffle + LZ4) straight into an
array where hdf5plugin's library allows it, 32004 (LZ4) by `dectris.compression`, which takes the block
formats of both. Whatever else a file holds goes through HDF5's own filters.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from dectris.compression import decompress
from numpy.typing import NDArray

from beampace.core.errors import InputError, failure
from beampace.core.taxonomy import Failure
from beampace.eiger.access import get
from beampace.eiger.bitshuffle import Decoder, decode_into, decoder
from beampace.eiger.hdf5 import MAX_FRAMES, MAX_SIDE, open_read
from beampace.eiger.values import stored_elsewhere

BITSHUFFLE, LZ4 = 32008, 32004
_BITSHUFFLE_LZ4 = 2

MAX_CHUNK_FRAMES = 16
"""Most frames a chunk may span; detectors write one."""

MAX_CHUNK_BYTES = 1 << 30
"""Most bytes a chunk may decode to; a frame of the largest side and 32 bits has as many."""

Frame = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a dataset of frames is stored: shape (frames, slow, fast), type, codec or "" for others."""

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    codec: str

    @property
    def frame_bytes(self) -> int:
        """Bytes of one decoded frame."""
        return self.shape[1] * self.shape[2] * self.dtype.itemsize


def frames_dataset(handle: h5py.File, file: Path, path: str) -> h5py.Dataset:
    """The dataset of frames in a data file.

    Raises:
        InputError: it is missing (`frames_missing`) or no stack of frames (`metadata_inconsistent`).
    """
    try:
        found = get(handle, path)
    except (KeyError, OSError, RuntimeError) as error:
        raise failure(Failure.FRAMES_MISSING, f"{file} does not give its {path}: {error}.") from error
    if not isinstance(found, h5py.Dataset):
        raise failure(Failure.FRAMES_MISSING, f"{file} holds no {path}.")
    elsewhere = stored_elsewhere(found, handle.filename)
    if elsewhere:
        raise failure(Failure.METADATA_INCONSISTENT, f"{path} of {file} is refused: {elsewhere}.")
    return found


def layout_of(dataset: h5py.Dataset, file: Path) -> Layout:
    """How the frames are stored, within bounds.

    Raises:
        InputError: not frames, or of a size nobody builds.
    """
    shape = tuple(int(side) for side in dataset.shape or ())
    if len(shape) != 3 or dataset.dtype.kind not in "ui" or dataset.dtype.itemsize not in (1, 2, 4):
        raise failure(Failure.METADATA_INCONSISTENT, f"{file} holds {dataset.dtype} of shape {shape}.")
    if shape[0] > MAX_FRAMES or not (1 <= shape[1] <= MAX_SIDE and 1 <= shape[2] <= MAX_SIDE):
        raise failure(Failure.METADATA_INCONSISTENT, f"{file} holds frames of shape {shape}.")
    _check_chunks(dataset, file)
    return Layout((shape[0], shape[1], shape[2]), dataset.dtype, _codec(dataset))


def _check_chunks(dataset: h5py.Dataset, file: Path) -> None:
    """Refuse chunks that take far more memory or time to decode than the frame that is wanted."""
    chunks = dataset.chunks
    if chunks is None:
        return
    size = math.prod(int(side) for side in chunks) * dataset.dtype.itemsize
    if chunks[0] > MAX_CHUNK_FRAMES or size > MAX_CHUNK_BYTES:
        raise failure(
            Failure.METADATA_INCONSISTENT,
            f"{file} is stored in chunks of {chunks[0]} frames and {size} bytes; "
            f"at most {MAX_CHUNK_FRAMES} frames and {MAX_CHUNK_BYTES} bytes are read.",
        )


def read_frame(
    dataset: h5py.Dataset, layout: Layout, index: int, file: Path, out: Frame | None = None
) -> Frame:
    """Frame `index` (from 0) of a dataset; shape (slow, fast); `out` is filled when it fits exactly.

    Raises:
        InputError: the frame was never written (`frames_missing`) or its chunk does not decode
            (`file_truncated`).
    """
    if not 0 <= index < layout.shape[0]:
        raise failure(Failure.FRAMES_MISSING, f"{file} holds {layout.shape[0]} frames, not {index + 1}.")
    if not layout.codec:
        return _through_hdf5(dataset, index, file)
    return decode(read_chunk(dataset, index, file), layout, f"frame {index + 1} of {file}", out)


def read_chunk(dataset: h5py.Dataset, index: int, file: Path) -> bytes:
    """The chunk of frame `index` as stored.

    Raises:
        InputError: it was never written (`frames_missing`) or lies beyond the file's end.
    """
    try:
        info = dataset.id.get_chunk_info_by_coord((index, 0, 0))
        if not info.size:
            raise failure(Failure.FRAMES_MISSING, f"frame {index + 1} of {file} was never written.")
        _check_chunk(info.size, dataset, index, file)
        return bytes(dataset.id.read_direct_chunk((index, 0, 0))[1])
    except (OSError, RuntimeError, ValueError) as error:
        raise failure(Failure.FILE_TRUNCATED, f"frame {index + 1} of {file}: {error}.") from error


def decode(chunk: bytes, layout: Layout, what: str, out: Frame | None = None) -> Frame:
    """A stored chunk as an array of shape (slow, fast), in `out` when that fits exactly.

    Raises:
        InputError: `file_truncated` when it does not decode to exactly one frame.
    """
    announced = struct.unpack_from(">Q", chunk)[0] if len(chunk) >= 12 else -1
    if announced != layout.frame_bytes:
        raise failure(
            Failure.FILE_TRUNCATED, f"{what} decodes to {announced} bytes, not {layout.frame_bytes}."
        )
    fast = decoder() if layout.codec == "bslz4" else None
    if fast is not None:
        return _decode_fast(chunk, layout, what, out, fast)
    try:
        plain = decompress(chunk, layout.codec, elem_size=layout.dtype.itemsize)
    except (RuntimeError, ValueError) as error:
        raise failure(Failure.FILE_TRUNCATED, f"{what} does not decode: {error}.") from error
    if len(plain) != layout.frame_bytes:
        raise failure(Failure.FILE_TRUNCATED, f"{what} decodes to {len(plain)} bytes.")
    return np.frombuffer(plain, layout.dtype).reshape(layout.shape[1:])


def _decode_fast(chunk: bytes, layout: Layout, what: str, out: Frame | None, fast: Decoder) -> Frame:
    """Straight into an array, about twice as fast as by way of bytes."""
    fits = (
        out is not None
        and out.shape == layout.shape[1:]
        and out.dtype == layout.dtype
        and out.flags.c_contiguous
        and out.flags.writeable
    )
    target = out if fits and out is not None else np.empty(layout.shape[1:], layout.dtype)
    try:
        decode_into(chunk, target, fast)
    except ValueError as error:
        raise failure(Failure.FILE_TRUNCATED, f"{what} does not decode: {error}.") from error
    return target


def _check_chunk(size: int, dataset: h5py.Dataset, index: int, file: Path) -> None:
    # A compressed chunk is never much larger than what it holds.
    limit = 2 * int(np.prod(dataset.chunks)) * dataset.dtype.itemsize + 65536
    if size > limit:
        raise failure(Failure.FILE_TRUNCATED, f"frame {index + 1} of {file} claims {size} bytes.")


def _codec(dataset: h5py.Dataset) -> str:
    """`bslz4` or `lz4` when each chunk is one frame with that filter only, else ""."""
    if dataset.is_virtual or dataset.chunks != (1, *dataset.shape[1:]):
        return ""
    properties = dataset.id.get_create_plist()
    if properties.get_nfilters() != 1 or dataset.dtype.byteorder == ">":
        return ""
    code, _, parameters, _ = properties.get_filter(0)
    if code == BITSHUFFLE and len(parameters) >= 5 and parameters[4] == _BITSHUFFLE_LZ4:
        return "bslz4"
    return "lz4" if code == LZ4 else ""


def _through_hdf5(dataset: h5py.Dataset, index: int, file: Path) -> Frame:
    try:
        return np.asarray(dataset[index])
    except (OSError, RuntimeError, ValueError) as error:
        raise failure(Failure.FILE_TRUNCATED, f"frame {index + 1} of {file}: {error}.") from error


def depth_of(file: Path, path: str) -> int | None:
    """Bits per pixel of a data file, or None when it cannot be read yet."""
    try:
        with open_read(file) as handle:
            return 8 * layout_of(frames_dataset(handle, file, path), file).dtype.itemsize
    except (InputError, OSError):
        return None


def first_chunk_of(file: Path, path: str) -> bytes | None:
    """The stored bytes of the first frame of a data file, or None when there is none yet."""
    try:
        with open_read(file) as handle:
            dataset = frames_dataset(handle, file, path)
            return read_chunk(dataset, 0, file) if layout_of(dataset, file).codec else None
    except InputError:
        return None
