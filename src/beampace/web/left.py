"""What looks, maps and strategies leave as JSON: found for a dataset and read; nothing there is trusted."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from beampace.core.work import WorkName
from beampace.results.below import read_below
from beampace.results.schema import Model
from beampace.store import DatasetRow, ResultRow
from beampace.web.downloads import safe_name
from beampace.web.live_source import LIVE_FILES
from beampace.web.missing import missing
from beampace.web.parts import Parts
from beampace.web.places import GONE, Below
from beampace.web.viewer import Viewer

FILES = {**LIVE_FILES, WorkName.STRATEGY: "strategy.json"}
"""The file of each work."""

MOST_BYTES = 32_000_000
"""Of a file: a map of 200,000 cells, a look at 250,000 frames."""

log = logging.getLogger("beampace.web")
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Left:
    """A file that work has left, or is writing.

    Attributes:
        work: what was or is done.
        file: where it is, or None when the files are gone.
        row: the result, or None while the work runs.
        job: key of the job.
    """

    work: WorkName
    file: Below | None
    row: ResultRow | None
    job: str


@dataclass(frozen=True, slots=True)
class Reading(Generic[M]):
    """What was read.

    Attributes:
        value: the content, or None.
        left: whose file it is, or None when there is none.
        gone: why there is no value, as a sentence.
    """

    value: M | None
    left: Left | None = None
    gone: str = ""


def dataset_for(parts: Parts, viewer: Viewer, number: int) -> DatasetRow:
    """A dataset that the viewer may see.

    Raises:
        HTTPException: 404: there is no such dataset, as far as he may know.
    """
    row = parts.ledger.dataset_in(viewer.scope, number)
    if row is None:
        raise missing("dataset")
    return row


def left_by(parts: Parts, viewer: Viewer, number: int, works: Collection[WorkName]) -> Iterator[Left]:
    """Files of some kinds of work for a dataset: of those that run, then of results, the newest first."""
    for work in parts.live.running():
        if work.dataset == number and work.work in works:
            yield Left(work.work, parts.places.running(work), None, work.job)
    for row in parts.ledger.results_in(viewer.scope, number):
        if row.work in works:
            directory = parts.places.result(row)
            yield Left(row.work, directory and _inside(directory, FILES[row.work]), row, row.job)


def read(model: type[M], left: Left) -> Reading[M]:
    """Read a file; only an ordinary one, reached without a link, of sensible size and of the right form."""
    if left.file is None:
        return Reading(None, left, GONE)
    text = read_below(left.file.root, left.file.place, MOST_BYTES)
    directory, file = left.file.path.parts[-2:]
    name = f"{file} of {safe_name(directory)}"
    if text is None:
        return Reading(None, left, f"{name} is not there, or may not be read.")
    if len(text) > MOST_BYTES:
        return Reading(None, left, f"{name} is longer than {MOST_BYTES // 1_000_000} MB and is not read.")
    try:
        return Reading(model.model_validate_json(text), left)
    except ValidationError as error:
        log.warning("%s is not read: %d faults", name, error.error_count())
        return Reading(None, left, f"{name} is not of the form this program knows.")


def newest(model: type[M], lefts: Iterator[Left], none: str) -> Reading[M]:
    """The newest file; else why it cannot be read, or `none` when there is none.

    Work that has just begun has written nothing yet: until then the last result is shown. A result that left
    no file hides those before it: what was said last holds.
    """
    first: Reading[M] | None = None
    for left in lefts:
        reading = read(model, left)
        if reading.value is not None:
            return reading
        first = first or reading
        if left.row is not None:
            return reading
    return first or Reading(None, None, none)


def _inside(directory: Below, name: str) -> Below:
    return Below(directory.root, f"{directory.place}/{name}")
