"""A small picture of each dataset: made once, kept in memory, never beside the data."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Exit, Failure
from beampace.core.work import WorkName
from beampace.store import DatasetRow, ResultRow
from beampace.web.frames.maker import Made
from beampace.web.frames.messages import FrameQuestion
from beampace.web.maps import columns_page
from beampace.web.parts import Parts
from beampace.web.places import GONE
from beampace.web.viewer import Viewer

WIDTH = 160
MOST = 1000
"""Thumbnails that are kept, some kilobytes each."""

Key = tuple[int, str, int]


@dataclass(slots=True)
class Thumbnails:
    """Thumbnails made so far."""

    kept: OrderedDict[Key, Made] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, parts: Parts, viewer: Viewer, row: DatasetRow) -> tuple[Key, Made]:
        """The map of a grid scan, else the frame with most spots, else the first.

        Raises:
            BeampaceError: as `FrameMaker.make`; `frames_missing` while there is nothing to show.
        """
        results = parts.ledger.results_in(viewer.scope, row.id)
        newest = next((one for one in results if one.work in (WorkName.MAP, WorkName.LOOK)), None)
        key = (row.id, row.state, newest.id if newest else 0)
        with self.lock:
            made = self.kept.get(key)
        if made is None:
            made = _made(parts, viewer, row, results)
            with self.lock:
                self.kept[key] = made
                while len(self.kept) > MOST:
                    self.kept.popitem(last=False)
        return key, made


def _made(parts: Parts, viewer: Viewer, row: DatasetRow, results: tuple[ResultRow, ...]) -> Made:
    newest_map = next((one for one in results if one.work is WorkName.MAP), None)
    directory = parts.places.result(newest_map) if newest_map else None
    if directory is not None:
        question = FrameQuestion(
            ask="shrunk",
            master=directory.path,
            raw=directory.root,
            below=directory.root,
            place=f"{directory.place}/map.png",
            width=WIDTH,
        )
        try:
            return parts.frames.make(question)
        except BeampaceError as error:
            if error.entry.exit is not Exit.BAD_INPUT:
                raise
    return _of_frame(parts, viewer, row)


def _of_frame(parts: Parts, viewer: Viewer, row: DatasetRow) -> Made:
    master = parts.places.master(row)
    if master is None:
        raise failure(Failure.FRAMES_MISSING, GONE)
    frame = min(_best(parts, viewer, row), row.n_announced)
    return parts.frames.make(
        FrameQuestion(ask="picture", master=master.path, raw=master.root, frame=max(1, frame), width=WIDTH)
    )


def _best(parts: Parts, viewer: Viewer, row: DatasetRow) -> int:
    """The frame with most spots by the newest look or map, or the first."""
    columns = columns_page(parts, viewer, row.id).columns
    numbers, spots = columns.get("frame", ()), columns.get("spots", ())
    pairs = [
        (count, -number)
        for number, count in zip(numbers, spots, strict=False)
        if isinstance(number, int) and isinstance(count, int | float)
    ]
    return -max(pairs)[1] if pairs else 1
