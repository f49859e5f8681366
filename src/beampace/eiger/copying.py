"""Copying frames out of a file that others may be waiting to patch or replace."""

from __future__ import annotations

import time

import h5py

from beampace.core.frames import FrameLedger, FrameState
from beampace.eiger.chunks import frames_dataset, layout_of, read_chunk, read_frame
from beampace.eiger.hdf5 import open_read
from beampace.eiger.links import Link
from beampace.eiger.segments import Segment

HOLD_S = 0.3
"""Seconds after which a file that is copied is closed and opened again."""


def copy_usable(part: Segment, ledger: FrameLedger, target: h5py.Dataset) -> None:
    """Copy the frames that are usable, in turns, so that the source is never held open for long.

    Raises:
        InputError: a frame that was readable no longer is.
    """
    if part.block is None:
        return
    usable = (FrameState.READABLE, FrameState.ANALYSED)
    left = [here for here in range(part.count) if ledger.state(part.first + here) in usable]
    while left:
        left = left[_copy_some(part.block.link, left, target) :]


def _copy_some(link: Link, wanted: list[int], target: h5py.Dataset) -> int:
    """Copy frames for `HOLD_S`, as stored where the codec is known; returns how many, at least one."""
    until = time.monotonic() + HOLD_S
    with open_read(link.file) as handle:
        source = frames_dataset(handle, link.file, link.dataset)
        layout = layout_of(source, link.file)
        for done, here in enumerate(wanted, start=1):
            index = link.offset + here
            if layout.codec:
                target.id.write_direct_chunk((here, 0, 0), read_chunk(source, index, link.file))
            else:
                target[here] = read_frame(source, layout, index, link.file)
            if time.monotonic() >= until:
                return done
    return len(wanted)
