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
        with open_read(link.file) as handle:
            dataset = frames_dataset(handle, link.file, link.dataset)
            return _inspect_open(dataset, link, container.shape, thorough=thorough)
    except InputError as error:
        code = Failure.FRAMES_MISSING if error.code is Failure.NOT_A_DATASET else error.code
        return FileState(error=FrameFailure(code, error.detail))
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        # Frames fail for whatever a data file holds; those of the other files do not.
        return FileState(error=FrameFailure(Failure.FRAMES_MISSING, f"{link.file}: {error}."))


def _inspect_open(dataset: h5py.Dataset, link: Link, shape: tuple[int, int], *, thorough: bool) -> FileState:
    layout = layout_of(dataset, link.file)
    if layout.shape[1:] != shape:
        detail = f"{link.file} holds frames of {layout.shape[1:]}, the master says {shape} (slow, fast)."
        return FileState(error=FrameFailure(Failure.METADATA_INCONSISTENT, detail))
    count = link.count if link.count is not None else layout.shape[0]
    indices = range(link.offset, link.offset + count)
    bad = _unwritten(dataset, layout, indices, link.file)
    there = [index for index in indices if index not in bad]
    for index in there if thorough else there[:1] + there[1:][-1:]:
        bad |= _undecodable(dataset, layout, index, link.file)
    return FileState(count, _low(dataset), None, MappingProxyType(bad))


def _unwritten(dataset: h5py.Dataset, layout: Layout, indices: range, file: Path) -> dict[int, FrameFailure]:
    """Frames without a chunk, whose chunk lies beyond the file's end, or does not begin as one frame."""
    if not layout.codec:
        return {}
    places: dict[int, tuple[int, int]] = {}

    def visit(info: Any) -> None:
        places[int(info.chunk_offset[0])] = (int(info.byte_offset), int(info.size))

    try:
        dataset.id.chunk_iter(visit)
        with file.open("rb") as stream:
            faults = {index: _chunk_fault(stream, places.get(index), layout) for index in indices}
    except (OSError, RuntimeError) as error:
        reason = FrameFailure(Failure.FILE_TRUNCATED, f"the index of {file} cannot be read: {error}.")
        return dict.fromkeys(indices, reason)
    return {
        index: FrameFailure(fault[0], f"frame {index + 1} of {file} {fault[1]}.")
        for index, fault in faults.items()
        if fault
    }


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


def _undecodable(dataset: h5py.Dataset, layout: Layout, index: int, file: Path) -> dict[int, FrameFailure]:
    try:
        read_frame(dataset, layout, index, file)
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
