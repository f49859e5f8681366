"""Frames for DIALS, decoded once per pass and without its format classes.

dxtbx reads a frame through h5py, converts it to double, and works the pixel mask out anew each time: 230 ms
for 4M. Here the chunk is taken as it lies in the file, decompressed in one step and handed over as integers,
with a mask that is made once: 10 ms. Frames of other kinds (more than one panel, gain or pedestal) are left
to dxtbx.
"""

from __future__ import annotations

import importlib.util
import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from dxtbx import flumpy
from dxtbx.imageset import ImageSequence

Array = npt.NDArray[Any]

BITSHUFFLE = 32008
OPEN_FILES = 4
"""Data files kept open by one process."""
BIGGEST = 2147483647
"""What a masked pixel (2^32 - 1) becomes in one of dxtbx's readers; in the other it is -1."""


def _codec() -> Callable[..., bytes] | None:
    """DECTRIS's decompressor from beampace's own environment; None where this Python is another one."""
    try:
        path = os.environ.get("BEAMPACE_CODEC", "")
        spec = importlib.util.spec_from_file_location("dectris.compression", path)
        if spec is None or spec.loader is None:
            return None
        module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError:
        return None
    decompressor: Callable[..., bytes] = module.decompress
    return decompressor


class Frames:
    """The frames of one master file, by their number from 0.

    Args:
        master: the file.
        clipped: whether counts beyond the signed range become `BIGGEST`, or negative.
    """

    def __init__(self, master: str, *, clipped: bool = True) -> None:
        self._clipped = clipped
        self._decompress = _codec()
        self._places = _places(master)
        self._open: OrderedDict[str, Any] = OrderedDict()
        self._buffers: dict[tuple[tuple[int, ...], int], Array] = {}
        self._turn = 0

    def __len__(self) -> int:
        return len(self._places)

    def read(self, index: int) -> Array:
        """One frame as int32, (slow, fast).

        The array is used again two reads later: DIALS copies the pixels it keeps.
        """
        file, name, at = self._places[index]
        dataset = self._dataset(file, name)
        frame, out = self._decoded(dataset, at), self._buffer(dataset.shape[1:])
        return _clipped(frame, out) if self._clipped else _wrapped(frame, out)

    def _decoded(self, dataset: Any, at: int) -> Array:
        shape, kind = dataset.shape[1:], dataset.dtype
        if self._decompress is None or dataset.chunks != (1, *shape) or not _bitshuffled(dataset):
            return np.asarray(dataset[at])
        try:
            skipped, chunk = dataset.id.read_direct_chunk((at, 0, 0))
        except (OSError, RuntimeError, ValueError):
            return np.asarray(dataset[at])  # A chunk that was never written: the values of a lost frame.
        plain = chunk if skipped else self._decompress(chunk, "bslz4", elem_size=kind.itemsize)
        return np.frombuffer(plain, kind).reshape(shape)

    def _buffer(self, shape: tuple[int, ...]) -> Array:
        self._turn = 1 - self._turn
        key = (shape, self._turn)
        if key not in self._buffers:
            self._buffers[key] = np.empty(shape, np.int32)
        return self._buffers[key]

    def _dataset(self, file: str, name: str) -> Any:
        if file not in self._open:
            while len(self._open) >= OPEN_FILES:
                self._open.popitem(last=False)[1].close()
            self._open[file] = _opened(file)
        self._open.move_to_end(file)
        return self._open[file][name]


def _places(master: str) -> list[tuple[str, str, int]]:
    """(file, dataset, place in it) of each frame, in the order of the links.

    The links are read, not followed: see `_opened`.
    """
    found = []
    with h5py.File(master, "r") as file:
        group = file["/entry/data"]
        for name in sorted(key for key in group if key.startswith("data_")):
            link = group.get(name, getlink=True)
            inside = isinstance(link, h5py.HardLink)
            path, dataset = (master, group[name].name) if inside else _target(link, master)
            with _opened(path) as data:
                found += [(path, dataset, at) for at in range(data[dataset].shape[0])]
    return found


def _opened(file: str) -> Any:
    """A data file as dxtbx opens it as the source of a virtual dataset.

    HDF5 has a file open in one mode only: in another, or behind a link, it refuses the second opening, and
    the virtual dataset shows fill values in place of frames.
    """
    return h5py.File(file, "r", swmr=True)


def _target(link: Any, master: str) -> tuple[str, str]:
    """File and dataset that an external link leads to."""
    return str(Path(master).resolve().parent / link.filename), link.path


def _bitshuffled(dataset: Any) -> bool:
    plist = dataset.id.get_create_plist()
    return bool(plist.get_nfilters() == 1 and plist.get_filter(0)[0] == BITSHUFFLE)


def _wrapped(frame: Array, out: Array) -> Array:
    np.copyto(out, frame, casting="unsafe")
    return out


def _clipped(frame: Array, out: Array) -> Array:
    if frame.dtype == np.uint32:
        # 2^32 - 1 and all else above the signed range; one pass, in place of a comparison and a choice.
        return np.asarray(np.minimum(frame, np.uint32(BIGGEST), out=out.view(np.uint32)).view(np.int32))
    out[...] = frame
    if frame.dtype.kind == "u":
        out[frame == np.iinfo(frame.dtype).max] = BIGGEST
    return out


class Panel:
    """Frames of one master for one panel, with what decides whether a pixel counts.

    Args:
        frames: the frames.
        usable: True where a pixel counts in every frame, (slow, fast).
        trusted: lowest and highest count that is one.
    """

    def __init__(self, frames: Frames, usable: Array, trusted: tuple[float, float]) -> None:
        self.frames, self._usable, self._trusted = frames, usable, trusted
        self._static = flumpy.from_numpy(usable)
        self._last: tuple[int, Array] | None = None

    def data(self, index: int) -> Any:
        """Counts of a frame as flex.int."""
        return flumpy.from_numpy(self._read(index))

    def mask(self, index: int) -> Any:
        """True where a pixel of a frame counts, as flex.bool."""
        frame = self._read(index)
        low, high = self._trusted
        beyond = (frame > high) | (frame < low) if frame.min() < low else frame > high
        strange = np.flatnonzero(beyond)
        if not self._usable.reshape(-1)[strange].any():
            return self._static
        usable = self._usable.copy()
        usable.reshape(-1)[strange] = False
        return flumpy.from_numpy(usable)

    def _read(self, index: int) -> Array:
        if self._last is None or self._last[0] != index:
            self._last = (index, self.frames.read(index))
        return self._last[1]


class Served:
    """What an image sequence answers in place of dxtbx: the same pixels and mask, sooner.

    Only masters that were compared with dxtbx (`learn`, in a child) and taken over (`adopt`) are served.
    """

    def __init__(self) -> None:
        self._panels: dict[str, Panel] = {}
        self._theirs: dict[str, Callable[..., Any]] = {}

    def install(self) -> None:
        """Put ourselves in the place of `ImageSequence`'s own reading."""
        self._theirs = {name: getattr(ImageSequence, name) for name in ("get_corrected_data", "get_mask")}
        ImageSequence.get_corrected_data = lambda sequence, index: self.data(sequence, index)
        ImageSequence.get_mask = lambda sequence, index: self.mask(sequence, index)

    def data(self, sequence: Any, index: int) -> Any:
        """Counts of a frame, a tuple of one flex.int."""
        panel = self._panels.get(str(sequence.get_path(0)))
        if panel is None:
            return self._theirs["get_corrected_data"](sequence, index)
        return (panel.data(sequence.indices()[index]),)

    def mask(self, sequence: Any, index: int) -> Any:
        """True where a pixel counts, a tuple of one flex.bool."""
        panel = self._panels.get(str(sequence.get_path(0)))
        if panel is None:
            return self._theirs["get_mask"](sequence, index)
        return (panel.mask(sequence.indices()[index]),)

    def adopt(self, path: Path) -> None:
        """Serve the master that `learn` wrote about; nothing when it wrote nothing."""
        if not path.exists():
            return
        with np.load(path, allow_pickle=False) as file:
            master, usable, trusted = str(file["master"]), file["usable"], file["trusted"]
            frames = Frames(master, clipped=bool(file["clipped"]))
        self._panels = {master: Panel(frames, usable, (float(trusted[0]), float(trusted[1])))}


def learn(sequence: Any, path: Path, known: str = "") -> None:
    """Write what serving a sequence needs, when we give exactly what dxtbx gives; before `install`.

    Where a pixel counts is taken from frames at several angles: an overload in one is no dead pixel, and a
    frame that was lost says nothing.

    Args:
        sequence: the frames.
        path: of the file to write.
        known: file that was written for others of the scan: the last frame is compared with it.
    """
    if not _is_plain(sequence):
        return
    n = len(sequence)
    looked = [n - 1] if known else sorted({0, n // 4, n // 2, n - 1})
    usable = _usable(sequence, looked, known)
    if not usable.any():
        return
    trusted = sequence.get_detector()[0].get_trusted_range()
    master = str(sequence.get_path(0))
    for clipped in (True, False):
        panel = Panel(Frames(master, clipped=clipped), usable, trusted)
        if all(_same(panel, sequence, at) for at in looked):
            part = path.with_suffix(".part.npz")
            np.savez(part, master=master, usable=usable, trusted=np.array(trusted), clipped=clipped)
            part.replace(path)
            return


def _usable(sequence: Any, looked: list[int], known: str) -> Array:
    if not known:
        return np.asarray(np.logical_or.reduce([sequence.get_mask(at)[0].as_numpy_array() for at in looked]))
    with np.load(known, allow_pickle=False) as file:
        return np.asarray(file["usable"])


def _same(panel: Panel, sequence: Any, at: int) -> bool:
    place = sequence.indices()[at]
    pairs = (
        (panel.data(place), sequence.get_corrected_data(at)[0]),
        (panel.mask(place), sequence.get_mask(at)[0]),
    )
    return all(np.array_equal(ours.as_numpy_array(), theirs.as_numpy_array()) for ours, theirs in pairs)


def _is_plain(sequence: Any) -> bool:
    """Whether a sequence is one panel of counts in the frames of one master."""
    if len(sequence.get_detector()) != 1 or not str(sequence.get_path(0)).endswith((".h5", ".nxs")):
        return False
    panel = sequence.get_detector()[0]
    if panel.get_gain() not in (0.0, 1.0) or panel.get_pedestal() != 0:
        return False
    try:
        return len(Frames(str(sequence.get_path(0)))) > int(max(sequence.indices()))
    except (OSError, KeyError):
        return False
