"""Masters and frames that were read lately: containers without open files, decoded frames, within bounds."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from beampace.analysis import Analyser, FrameAnalysis, Setup
from beampace.analysis.frame import HIGHEST
from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.eiger import Container, FrameReader, open_container
from beampace.watch.inside import proven_inside
from beampace.web.frames import drawing

MOST_MASTERS = 4
MOST_BYTES = 400_000_000
"""Decoded frames that are kept; one is always."""

_NOT_THERE = (Failure.FRAMES_MISSING, Failure.NOT_A_DATASET, Failure.FILE_TRUNCATED)
"""What a data file that is still being written looks like."""


@dataclass(slots=True, eq=False)
class Master:
    """A master that was read.

    Attributes:
        container: the dataset.
        mark: what the file was when it was read.
        setup: what the frames share; made when spots are asked for.
    """

    container: Container
    mark: tuple[int, ...]
    usable: npt.NDArray[np.bool_]
    setup: Setup | None = None

    def analyser(self) -> Analyser:
        """For the spots of its frames."""
        if self.setup is None:
            dataset = self.container.dataset
            self.setup = Setup.make(dataset.detector, dataset.beam, ~self.usable)
        return Analyser(self.setup)


@dataclass(slots=True, eq=False)
class Decoded:
    """A frame that was read.

    Attributes:
        counts: as stored.
        values: coded, one array per level of the pyramid.
        found: what the look found, once it was asked for.
    """

    counts: npt.NDArray[np.unsignedinteger]
    values: list[drawing.Coded]
    found: FrameAnalysis | None = None

    @property
    def n_bytes(self) -> int:
        """Memory it takes."""
        return self.counts.nbytes + sum(level.nbytes for level in self.values)

    def level(self, number: int) -> drawing.Coded:
        """The frame, halved `number` times."""
        while len(self.values) <= number:
            self.values.append(drawing.reduced(self.values[-1], 2))
        return self.values[number]


@dataclass(slots=True)
class Opened:
    """The masters and frames of a process that draws."""

    masters: OrderedDict[Path, Master] = field(default_factory=OrderedDict)
    frames: OrderedDict[tuple[Path, tuple[int, ...], int], Decoded] = field(default_factory=OrderedDict)

    def master(self, path: Path, raw: Path) -> Master:
        """A master; read again when it was patched or replaced.

        Raises:
            InputError: it does not lie inside `raw`, or cannot be read.
        """
        if proven_inside(path, Path(os.path.realpath(raw))) != Path(os.path.realpath(raw)) / path.relative_to(
            raw
        ):
            raise failure(Failure.NOT_A_DATASET, f"{path.name} is reached through a symbolic link.")
        mark = _mark(path)
        known = self.masters.get(path)
        if known is None or known.mark != mark:
            container = open_container(path)
            known = Master(container, mark, ~container.mask())
            self.masters[path] = known
        self.masters.move_to_end(path)
        while len(self.masters) > MOST_MASTERS:
            self.masters.popitem(last=False)
        return known

    def frame(self, master: Master, number: int) -> Decoded:
        """A frame.

        Raises:
            InputError: there is no such frame (`bad_request`), or it cannot be read yet (`frames_missing`).
        """
        key = (master.container.master, master.mark, number)
        known = self.frames.get(key)
        if known is None:
            known = self.frames[key] = _decoded(master, number)
        self.frames.move_to_end(key)
        while len(self.frames) > 1 and sum(frame.n_bytes for frame in self.frames.values()) > MOST_BYTES:
            self.frames.popitem(last=False)
        return known

    def found(self, master: Master, number: int) -> FrameAnalysis:
        """The spots of a frame; errors as `frame` and `Analyser.analyse`."""
        frame = self.frame(master, number)
        if frame.found is None:
            frame.found = master.analyser().analyse(np.ascontiguousarray(frame.counts), number)
        return frame.found


def _decoded(master: Master, number: int) -> Decoded:
    try:
        counts = FrameReader(master.container).read(number)
    except IndexError as error:
        raise failure(Failure.BAD_REQUEST, f"{error}.", "Ask for a frame of the dataset.") from error
    except BeampaceError as error:
        if error.code not in _NOT_THERE:
            raise
        detail = f"Frame {number} cannot be read yet: {error.detail}"
        raise failure(Failure.FRAMES_MISSING, detail, "Ask again when more frames have come.") from error
    highest = HIGHEST.get(counts.dtype, np.iinfo(counts.dtype).max)
    return Decoded(counts, [drawing.coded(counts, master.usable & (counts <= highest))])


def _mark(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError as error:
        raise failure(Failure.NOT_A_DATASET, f"{path.name} cannot be reached: {error.strerror}.") from error
    return (found.st_ino, found.st_size, found.st_mtime_ns)
