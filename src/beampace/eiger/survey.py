"""Which frames can be read now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import h5py
import numpy as np

from beampace.core.errors import InputError
from beampace.core.frames import FrameFailure, FrameLedger, FrameState
from beampace.core.taxonomy import Failure
from beampace.eiger.blocks import Block, FileState, place
from beampace.eiger.chunks import Layout, frames_dataset, layout_of, read_frame
from beampace.eiger.container import Container
from beampace.eiger.hdf5 import MAX_FRAMES, open_read
from beampace.eiger.links import Link, check_target

Places = dict[int, tuple[int, int]]
"""Index of a frame -> offset and size of its chunk, bytes."""

_LOOKS_PER_OPEN = 200
"""Chunks looked at while a file is open: below a second where a look takes some milliseconds."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found behind every link of a container at one moment."""

    n_frames: int
    blocks: tuple[Block, ...]
    states: tuple[FileState, ...]

    def ledger(self, *, settled: bool) -> FrameLedger:
        """The frame ledger; frames that cannot be read are failed only when `settled`."""
        ledger = FrameLedger.announced(self.n_frames).mark(self._readable(), FrameState.READABLE)
        return ledger.fail(self.losses()) if settled else ledger

    def losses(self) -> Mapping[int, FrameFailure]:
        """Why each frame that cannot be read now cannot be."""
        missing = FrameFailure(Failure.FRAMES_MISSING, "the master names no file for this frame.")
        readable = set(self._readable())
        reasons = {n: missing for n in range(1, self.n_frames + 1) if n not in readable}
        for block, state in zip(self.blocks, self.states, strict=True):
            for number in range(block.first, block.first + block.count):
                reason = _reason(block, state, number)
                if reason and number in reasons:
                    reasons[number] = reason
        return MappingProxyType(reasons)

    def _readable(self) -> list[int]:
        return [
            number
            for block, state in zip(self.blocks, self.states, strict=True)
            for number in range(block.first, block.first + block.count)
            if _reason(block, state, number) is None
        ]


def survey(container: Container, *, settled: bool = True, thorough: bool = False) -> FrameLedger:
    """The frame ledger of a container as it is now.

    Args:
        container: the container.
        settled: whether it has stopped growing, so that what cannot be read has failed.
        thorough: decode every frame instead of the first and last of each file.
    """
    return examine(container, thorough=thorough).ledger(settled=settled)


def examine(
    container: Container, known: Mapping[Link, FileState] | None = None, *, thorough: bool = False
) -> Survey:
    """Look behind every link; files found whole before (`known`) are not opened again."""
    before = known or {}
    states = tuple(
        before[link] if link in before and before[link].whole else inspect(link, container, thorough=thorough)
        for link in container.links
    )
    n_frames = container.dataset.n_announced
    return Survey(n_frames, place(container.links, states, n_frames), states)


def inspect(link: Link, container: Container, *, thorough: bool = False) -> FileState:
    """What lies behind one link: every chunk must be there, the first and last must decode."""
    refused = link.refused or check_target(link.file, container.roots)
    if refused:
        return FileState(error=FrameFailure(Failure.METADATA_INCONSISTENT, refused + "."))
    try:
        return _inspect(link, container.shape, thorough=thorough)
    except InputError as error:
        code = Failure.FRAMES_MISSING if error.code is Failure.NOT_A_DATASET else error.code
        return FileState(error=FrameFailure(code, error.detail))
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        # Frames fail for whatever a data file holds; those of the other files do not.
        return FileState(error=FrameFailure(Failure.FRAMES_MISSING, f"{link.file}: {error}."))


def _inspect(link: Link, shape: tuple[int, int], *, thorough: bool) -> FileState:
    """The file is opened anew for each step, so that it is never held for long."""
    with open_read(link.file) as handle:
        dataset = frames_dataset(handle, link.file, link.dataset)
        layout, low = layout_of(dataset, link.file), _low(dataset)
        places = _places(dataset, layout, link.file)
    if layout.shape[1:] != shape:
        detail = f"{link.file} holds frames of {layout.shape[1:]}, the master says {shape} (slow, fast)."
        return FileState(error=FrameFailure(Failure.METADATA_INCONSISTENT, detail))
    count = min(link.count if link.count is not None else layout.shape[0], MAX_FRAMES)
    indices = range(link.offset, link.offset + count)
    bad = _unwritten(places, layout, indices, link.file)
    there = [index for index in indices if index not in bad]
    for index in there if thorough else there[:1] + there[1:][-1:]:
        bad |= _undecodable(link, index)
    return FileState(count, low, None, MappingProxyType(bad))


def _places(dataset: h5py.Dataset, layout: Layout, file: Path) -> Places | FrameFailure | None:
    """Where each frame's chunk lies in the file; None when HDF5 has to be asked for frames."""
    if not layout.codec:
        return None
    places: Places = {}

    def visit(info: Any) -> None:
        places[int(info.chunk_offset[0])] = (int(info.byte_offset), int(info.size))

    try:
        dataset.id.chunk_iter(visit)
    except (OSError, RuntimeError) as error:
        return FrameFailure(Failure.FILE_TRUNCATED, f"the index of {file} cannot be read: {error}.")
    return places


def _unwritten(
    places: Places | FrameFailure | None, layout: Layout, indices: range, file: Path
) -> dict[int, FrameFailure]:
    """Frames without a chunk, whose chunk lies beyond the file's end, or does not begin as one frame."""
    if places is None:
        return {}
    if isinstance(places, FrameFailure):
        return dict.fromkeys(indices, places)
    bad: dict[int, FrameFailure] = {}
    for start in range(0, len(indices), _LOOKS_PER_OPEN):
        with file.open("rb") as stream:
            for index in indices[start : start + _LOOKS_PER_OPEN]:
                fault = _chunk_fault(stream, places.get(index), layout)
                if fault:
                    bad[index] = FrameFailure(fault[0], f"frame {index + 1} of {file} {fault[1]}.")
    return bad


def _chunk_fault(
    stream: BinaryIO, place: tuple[int, int] | None, layout: Layout
) -> tuple[Failure, str] | None:
    """What is wrong with a chunk, judged by the decoded size both codecs begin with."""
    if place is None or not place[1]:
        return Failure.FRAMES_MISSING, "was never written"
    start = os.pread(stream.fileno(), 12, place[0])
    if len(start) < 12 or os.fstat(stream.fileno()).st_size < place[0] + place[1]:
        return Failure.FILE_TRUNCATED, "lies beyond the end of the file"
    if int.from_bytes(start[:8], "big") != layout.frame_bytes:
        return Failure.FILE_TRUNCATED, "does not decode: its chunk begins with garbage"
    return None


def _undecodable(link: Link, index: int) -> dict[int, FrameFailure]:
    try:
        with open_read(link.file) as handle:
            dataset = frames_dataset(handle, link.file, link.dataset)
            read_frame(dataset, layout_of(dataset, link.file), index, link.file)
    except InputError as error:
        return {index: FrameFailure(error.code, error.detail)}
    return {}


def _low(dataset: h5py.Dataset) -> int | None:
    value = np.ravel(dataset.attrs.get("image_nr_low", ()))
    return int(value[0]) if value.size and value.dtype.kind in "iuf" and 0 < value[0] <= MAX_FRAMES else None


def _reason(block: Block, state: FileState, number: int) -> FrameFailure | None:
    """Why a frame cannot be read, or None when it can."""
    if state.error is not None:
        return state.error
    index = block.index(number)
    return state.bad.get(index) if index is not None else None
