"""An EIGER that writes files: a dataset as the detector leaves it, at its pace, with its faults."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from beampace.core.dataset import Dataset
from beampace.eiger.nxmx import LIBVER
from beampace.simulate.faults import corrupt_frame, truncate_file
from beampace.simulate.layouts import FRAMES, data_name, file_lengths, write_master
from beampace.simulate.options import Codec, InfoFile, WriteOptions
from beampace.simulate.patches import info_text, patch_master

Clock = Callable[[], float]
Sleep = Callable[[float], None]

_FILTERS: dict[Codec, Any] = {
    Codec.BSLZ4: hdf5plugin.Bitshuffle(),
    Codec.LZ4: hdf5plugin.LZ4(),
    Codec.NONE: {},
}


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the writer: where to, how, and the clock it keeps."""

    dataset: Dataset
    directory: Path
    options: WriteOptions
    clock: Clock
    sleep: Sleep

    @property
    def master(self) -> Path:
        return self.directory / f"{self.dataset.name}_master.h5"

    def data_file(self, order: int) -> Path:
        return self.directory / data_name(self.dataset.name, order)


def write_dataset(
    dataset: Dataset,
    mask: NDArray[Any],
    frames: Iterable[NDArray[Any]],
    directory: Path,
    options: WriteOptions | None = None,
    *,
    clock: Clock = time.monotonic,
    sleep: Sleep = time.sleep,
) -> Path:
    """Write a dataset; data files appear one by one, each whole.

    Args:
        dataset: the record the header is to tell; `n_announced` frames are asked of `frames`.
        mask: True (or non-zero NXmx bits) for pixels not to be used, (slow, fast).
        frames: arrays (slow, fast) in order; taken one at a time, so nothing piles up in memory.
        directory: where to; created.
        options: layout, pace, habits, faults.
        clock: seconds, for the pace.
        sleep: waits so many seconds.

    Returns:
        The master file.

    Raises:
        ValueError: the layout cannot express the geometry, or there are too few frames.
        OSError: the files cannot be written.
    """
    run = _Run(dataset, directory, options or WriteOptions(), clock, sleep)
    directory.mkdir(parents=True, exist_ok=True)
    stored = np.asarray(mask).astype(np.uint32)
    _write_info(run, InfoFile.BEFORE)
    if not run.options.master_last:
        _appear(run.master, lambda part: write_master(part, dataset, stored, run.options))
    _write_frames(run, frames)
    if run.options.master_last:
        _appear(run.master, lambda part: write_master(part, dataset, stored, run.options))
    if run.options.patch:
        sleep(run.options.patch_delay)
        patch_master(run.master, dataset, run.options)
    _write_info(run, InfoFile.AFTER)
    return run.master


def _write_info(run: _Run, when: InfoFile) -> None:
    if run.options.info is when:
        text = info_text(run.dataset, run.options)
        (run.directory / "info.txt").write_text(text, encoding="utf-8")


def _write_frames(run: _Run, frames: Iterable[NDArray[Any]]) -> None:
    """Data file after data file; the late ones at the end."""
    faults, paced = run.options.faults, _paced(run, frames)
    late = dict(faults.late)
    held: list[tuple[float, int, Path]] = []
    lengths = file_lengths(run.dataset.n_announced, run.options.images_per_file)
    first = 1
    for order, length in enumerate(lengths, start=1):
        part = run.directory / f".{data_name(run.dataset.name, order)}.part"
        written = _write_file(part, run, itertools.islice(paced, length), length, first)
        _damage(part, order, first, written, run)
        if order in faults.missing or not written:
            part.unlink()
        elif order in late:
            held.append((late[order], order, part))
        else:
            part.rename(run.data_file(order))
        first += length
    _release(run, held)


def _release(run: _Run, held: list[tuple[float, int, Path]]) -> None:
    end = run.clock()
    for delay, order, part in sorted(held):
        run.sleep(max(0.0, end + delay - run.clock()))
        part.rename(run.data_file(order))


def _write_file(path: Path, run: _Run, frames: Iterator[NDArray[Any]], length: int, first: int) -> int:
    """One data file; the number of frames it got, fewer than `length` when the run was aborted."""
    fast, slow = run.dataset.detector.image_size
    dtype = np.dtype(f"u{run.dataset.detector.bit_depth // 8}")
    with h5py.File(path, "w", libver=LIBVER) as handle:
        entry = handle.create_group("entry")
        entry.attrs["NX_class"] = np.bytes_("NXentry")
        entry.create_group("data").attrs["NX_class"] = np.bytes_("NXdata")
        stack = handle.create_dataset(
            FRAMES,
            (length, slow, fast),
            dtype,
            maxshape=(None, slow, fast),
            chunks=(1, slow, fast),
            **_FILTERS[run.options.codec],
        )
        written = 0
        for written, frame in enumerate(frames, start=1):
            stack[written - 1] = _of_shape(frame, (slow, fast), dtype)
        stack.resize(written, axis=0)
        stack.attrs["image_nr_low"] = np.int32(first)
        stack.attrs["image_nr_high"] = np.int32(first + written - 1)
    return written


def _of_shape(frame: NDArray[Any], shape: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    if frame.shape != shape:
        raise ValueError(f"a frame of shape {frame.shape} for a detector of {shape} (slow, fast)")
    if frame.dtype.itemsize > dtype.itemsize:
        return np.asarray(np.minimum(frame, np.iinfo(dtype).max).astype(dtype))
    return frame.astype(dtype, copy=False)


def _paced(run: _Run, frames: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Frames no earlier than the detector would have them, until the run is aborted."""
    begin, stop = run.clock(), run.options.faults.stop_after
    wanted = run.dataset.n_announced if stop is None else min(stop, run.dataset.n_announced)
    count = 0
    for count, frame in enumerate(itertools.islice(frames, wanted), start=1):
        if run.options.rate > 0:
            run.sleep(max(0.0, begin + count / run.options.rate - run.clock()))
        yield frame
    if count < wanted:
        raise ValueError(f"{wanted} frames were to be written, only {count} came")


def _damage(part: Path, order: int, first: int, written: int, run: _Run) -> None:
    faults = run.options.faults
    for number in faults.corrupt:
        if first <= number < first + written:
            corrupt_frame(part, number - first)
    if order in faults.truncated:
        truncate_file(part)


def _appear(path: Path, write: Callable[[Path], None]) -> None:
    """Let a file appear whole."""
    part = path.with_name(f".{path.name}.part")
    write(part)
    part.rename(path)
