"""The companion master: one clean file per dataset, legacy and NXmx at once.

Other programs are never left to guess from a master that was patched. The frames are reached
twice: by `data_%06d` links of three dimensions (XDS plug-ins, legacy readers) and by a virtual
dataset `/entry/data/data` (NXmx readers, which take one dataset only).
"""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np

from beampace.core.dataset import Dataset
from beampace.core.errors import failure
from beampace.core.frames import FrameFailure, FrameLedger, FrameState
from beampace.core.taxonomy import Failure
from beampace.eiger.chunks import Layout, frames_dataset, layout_of
from beampace.eiger.container import Container
from beampace.eiger.copying import copy_usable
from beampace.eiger.hdf5 import open_read
from beampace.eiger.links import check_target
from beampace.eiger.names import plain_name, virtual_name
from beampace.eiger.nxmx import LIBVER, group, in_memory, put, write_panel, write_spindle
from beampace.eiger.reader import HC
from beampace.eiger.segments import Segment, Source, segments
from beampace.eiger.survey import examine

FRAMES = "/entry/data/data"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Companion:
    """What was written.

    Attributes:
        path: the companion master.
        n_frames: frames it announces; frame numbers are those of the dataset.
        lost: frames among them that hold no data (all pixels are the "no data" value).
        remarks: what is not as in the dataset, as sentences.
    """

    path: Path
    n_frames: int
    lost: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """A file and dataset (path relative to the companion) that holds a segment from `offset` on."""

    segment: Segment
    file: str
    dataset: str
    offset: int
    length: int


def write_companion(container: Container, ledger: FrameLedger, directory: Path) -> Companion:
    """Write `<plain name>_master.h5` into an existing directory.

    Trailing frames that were lost are cut off; those before the last usable frame keep their
    numbers: a placeholder stands for a missing file and a local copy for one that is damaged.

    Raises:
        InputError: no frame is usable; the code is that of the first frame's failure.
        InfrastructureError: the directory cannot be written (`not_writable`, `disk_full`).
    """
    found = segments(examine(container).blocks, ledger)
    if not found:
        raise _nothing_usable(container, ledger)
    path = directory / f"{plain_name(container.dataset.name)}_master.h5"
    try:
        layout = _layout(container, found)
        places = tuple(
            _placed(container, part, ledger, layout, directory, order)
            for order, part in enumerate(found, start=1)
        )
        n_frames = found[-1].first + found[-1].count - 1
        _write_master(path, container, places, layout, n_frames)
    except OSError as error:
        raise _unwritable(path, error) from error
    usable = frozenset(ledger.numbers(FrameState.READABLE, FrameState.ANALYSED))
    lost = tuple(number for number in range(1, n_frames + 1) if number not in usable)
    return Companion(path, n_frames, lost, _remarks(container, found, n_frames))


def _nothing_usable(container: Container, ledger: FrameLedger) -> Exception:
    nothing = FrameFailure(Failure.FRAMES_MISSING, f"no frame of {container.master} can be read.")
    first = ledger.failures.get(1, nothing)
    return failure(first.code, first.detail)


def _unwritable(path: Path, error: Exception) -> Exception:
    words = str(error).lower()
    full = getattr(error, "errno", None) in _FULL or any(os.strerror(n).lower() in words for n in _FULL)
    return failure(Failure.DISK_FULL if full else Failure.NOT_WRITABLE, f"{path}: {error}.")


def _remarks(container: Container, found: tuple[Segment, ...], n_frames: int) -> tuple[str, ...]:
    said = [
        f"Frames {part.first} to {part.first + part.count - 1}: {words}."
        for part in found
        if (words := _WORDS.get(part.source))
    ]
    announced = container.dataset.n_announced
    if n_frames < announced:
        said.append(f"Frames {n_frames + 1} to {announced} were lost at the end and are left out.")
    return tuple(said)


_WORDS = {
    Source.PLACEHOLDER: "the file is missing or unreadable; a placeholder without data stands for it",
    Source.REPAIRED: "some chunks are damaged; a copy without them stands for the file",
}


def _layout(container: Container, found: tuple[Segment, ...]) -> Layout:
    """How the frames are stored, from the first file that can be opened."""
    for part in found:
        if part.block is not None and part.source is not Source.PLACEHOLDER:
            link = part.block.link
            with open_read(link.file) as handle:
                return layout_of(frames_dataset(handle, link.file, link.dataset), link.file)
    raise failure(Failure.FRAMES_MISSING, f"no data file of {container.master} can be opened.")


def _placed(
    container: Container, part: Segment, ledger: FrameLedger, layout: Layout, directory: Path, order: int
) -> _Place:
    if part.source is Source.LINKED and part.block is not None:
        return _linked(container, part, directory)
    name = f"{part.source}_data_{order:06d}.h5"
    # Whole blocks keep their length, also the last: XDS plug-ins count frames per file.
    if part.source is Source.REPAIRED and part.block is not None:
        _check_room(directory, part.block.link.file)
        with h5py.File(directory / name, "w-", libver=LIBVER) as handle:
            copy_usable(part, ledger, _empty(handle, part.count, layout))
    else:
        with in_memory(directory / name) as handle:
            _empty(handle, part.count, layout)
    return _Place(part, name, FRAMES, 0, part.count)


def _check_room(directory: Path, source: Path) -> None:
    """Refuse a copy that cannot fit, before HDF5 runs into the end of the disk.

    Raises:
        OSError: there is less room than the file takes (ENOSPC).
    """
    if shutil.disk_usage(directory).free < source.stat().st_size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))


def _linked(container: Container, part: Segment, directory: Path) -> _Place:
    if part.block is None:
        raise ValueError("a linked segment has a block")
    link = part.block.link
    refused = link.refused or check_target(link.file, container.roots)
    if refused:
        raise failure(Failure.METADATA_INCONSISTENT, refused + ".")
    relative = os.path.relpath(link.file.resolve(), directory.resolve())
    with open_read(link.file) as handle:
        length = int(frames_dataset(handle, link.file, link.dataset).shape[0])
    return _Place(part, relative, link.dataset, link.offset, length)


def _empty(handle: h5py.File, count: int, layout: Layout) -> h5py.Dataset:
    """A dataset of frames without chunks, which reads as "no data"."""
    shape = (count, *layout.shape[1:])
    nothing = np.iinfo(layout.dtype).max
    codec: Any = {"bslz4": hdf5plugin.Bitshuffle(), "lz4": hdf5plugin.LZ4()}.get(layout.codec, {})
    return handle.create_dataset(
        FRAMES, shape, layout.dtype, chunks=(1, *shape[1:]), fillvalue=nothing, **codec
    )


def _write_master(
    path: Path, container: Container, places: tuple[_Place, ...], layout: Layout, n_frames: int
) -> None:
    dataset = container.dataset
    with in_memory(path) as handle:
        entry = group(handle, "entry", "NXentry")
        entry.attrs["default"] = np.bytes_("data")
        put(entry, "definition", "NXmx")
        if dataset.collected:
            put(entry, "start_time", dataset.collected.isoformat())
        instrument = group(entry, "instrument", "NXinstrument")
        put(instrument, "name", "companion of the detector's master")
        beam = group(instrument, "beam", "NXbeam")
        put(beam, "incident_wavelength", dataset.beam.wavelength, "angstrom")
        _write_detector(group(instrument, "detector", "NXdetector"), container, n_frames)
        sample = group(entry, "sample", "NXsample")
        forwards = dataset.forwards
        write_spindle(sample, forwards.goniometer, forwards.scan, n_frames)
        _write_links(group(entry, "data", "NXdata"), places, layout, n_frames)


def _write_links(data: h5py.Group, places: tuple[_Place, ...], layout: Layout, n_frames: int) -> None:
    whole = h5py.VirtualLayout((n_frames, *layout.shape[1:]), layout.dtype)
    for order, place in enumerate(places, start=1):
        data[f"data_{order:06d}"] = h5py.ExternalLink(place.file, place.dataset)
        shape = (place.length, *layout.shape[1:])
        names = virtual_name(place.file), virtual_name(place.dataset)
        source = h5py.VirtualSource(*names, shape, layout.dtype)
        first, count = place.segment.first - 1, place.segment.count
        whole[first : first + count] = source[place.offset : place.offset + count]
    data.create_virtual_dataset("data", whole, fillvalue=np.iinfo(layout.dtype).max)
    data.attrs["signal"] = np.bytes_("data")


def _write_detector(made: h5py.Group, container: Container, n_frames: int) -> None:
    dataset, detector = container.dataset, container.dataset.detector
    put(made, "description", detector.description or "unknown")
    put(made, "detector_number", detector.serial or "unknown")
    put(made, "type", "PIXEL")
    put(made, "bit_depth_image", detector.bit_depth)
    put(made, "saturation_value", detector.saturation)
    put(made, "underload_value", 0)
    put(made, "sensor_material", detector.sensor_material)
    put(made, "sensor_thickness", detector.sensor_thickness / 1e3, "m")
    put(made, "x_pixel_size", detector.pixel_size[0] / 1e3, "m")
    put(made, "y_pixel_size", detector.pixel_size[1] / 1e3, "m")
    put(made, "detector_distance", detector.distance / 1e3, "m")
    put(made, "distance", detector.distance / 1e3, "m")
    put(made, "count_time", dataset.scan.exposure_time, "s")
    put(made, "frame_time", dataset.scan.frame_time, "s")
    _write_centre(made, dataset)
    write_panel(made, detector)
    # Contiguous, and one dataset under two names: a 16M mask is 72 MB.
    made["pixel_mask"] = container.raw_mask()
    specific = group(made, "detectorSpecific", "NXcollection")
    specific["pixel_mask"] = made["pixel_mask"]
    put(specific, "nimages", np.uint32(n_frames))
    put(specific, "ntrigger", np.uint32(1))
    put(specific, "x_pixels_in_detector", np.uint32(detector.image_size[0]))
    put(specific, "y_pixels_in_detector", np.uint32(detector.image_size[1]))
    put(specific, "countrate_correction_count_cutoff", np.uint32(detector.saturation))
    put(specific, "photon_energy", HC / dataset.beam.wavelength, "eV")


def _write_centre(made: h5py.Group, dataset: Dataset) -> None:
    """Where the direct beam meets the plane (NXmx's definition), not the foot of the perpendicular."""
    centre = dataset.detector.pixel(dataset.beam.direction)
    if centre is not None:
        put(made, "beam_center_x", centre[0], "pixel")
        put(made, "beam_center_y", centre[1], "pixel")
