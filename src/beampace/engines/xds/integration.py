"""DEFPIX and INTEGRATE, and what may help when they fail: each remedy once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beampace.engines.xds.complaints import WHAT, Remedy, Told, complaint_of
from beampace.engines.xds.indexing import KEYWORDS
from beampace.engines.xds.inp import Run, Situation
from beampace.engines.xds.integrate_lp import ImageRow, parse_integrate
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.program import Ended, Program
from beampace.engines.xds.split import Means, Split, Task, choose

log = logging.getLogger("beampace.xds")

STEPS = ("DEFPIX", "INTEGRATE")
FEW = 0.1
"""Indexed spots of a frame, against the usual frame's, below which the crystal is not in the beam."""


@dataclass(frozen=True, slots=True)
class Frames:
    """What is integrated.

    Attributes:
        images: first and last frame, numbered from 1.
        indexed: indexed spots of each frame from the first on; empty when nothing is known of them.
        lost: numbers of frames that nobody can read.
    """

    images: tuple[int, int]
    indexed: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    lost: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Integrated:
    """Frames that were integrated, what was done differently, as sentences, and what each image gave."""

    images: tuple[int, int]
    remarks: tuple[str, ...]
    rows: tuple[ImageRow, ...] = ()


def integrate(
    program: Program,
    situation: Situation,
    frames: Frames,
    directory: Path,
    means: Means,
    begun: Ended | None = None,
) -> Integrated:
    """Integrate with the XPARM.XDS and the corrections that lie in a directory.

    Args:
        program: runs XDS.
        situation: the dataset.
        frames: which.
        directory: where.
        means: cores and memory.
        begun: the first try, when it was made already.

    Raises:
        ScienceError: the frames cannot be integrated.
        InfrastructureError, Cancelled: as `Program.run`.
    """
    run = first_run(situation, frames.images, means)
    came = begun or program.run(situation, run, directory)
    done: list[Remedy] = []
    while (came := _judged(came, frames.lost)).failed is not None:
        remedy, changed = _next(came, run, frames, done)
        if changed is None:
            raise came.why()
        program.progress.note(f"INTEGRATE {WHAT[remedy]}: {came.failed.complaint.words}")
        done.append(remedy)
        run = changed
        came = program.run(situation, run, directory)
    return Integrated(run.images, tuple(_remark(remedy, run) for remedy in done), _rows(came.text))


def _judged(ended: Ended, lost: frozenset[int]) -> Ended:
    """What came of a run; XDS goes on without frames it cannot read, and says so in a column only."""
    unread = [row.image for row in _rows(ended.text) if row.ier and row.image not in lost]
    if ended.failed is not None or not unread:
        return ended
    line = f"{len(unread)} frames have IER not 0, the first is {unread[0]}"
    return replace(ended, failed=Told(complaint_of("cannot_read_image"), line))


def _rows(text: str) -> tuple[ImageRow, ...]:
    """What INTEGRATE.LP says of each image; nothing where this version's cannot be read."""
    try:
        return parse_integrate(text).images
    except LpError as error:
        log.warning("%s", error)
        return ()


def rows_in(directory: Path) -> tuple[ImageRow, ...]:
    """What the INTEGRATE.LP of a directory says of each image."""
    return _rows((directory / "INTEGRATE.LP").read_text(encoding="utf-8", errors="replace"))


def columns_of(rows: tuple[ImageRow, ...], images: tuple[int, int]) -> dict[str, tuple[float | None, ...]]:
    """Scale of the background and mosaicity (e.s.d. in degrees) of each frame, as INTEGRATE found them."""
    known = {row.image: row for row in rows}
    frames = [known.get(number) for number in range(images[0], images[1] + 1)]
    if not rows:
        return {}
    return {
        "background_scale": tuple(row.scale if row else None for row in frames),
        "mosaicity": tuple(row.sigmar if row else None for row in frames),
    }


def first_run(situation: Situation, images: tuple[int, int], means: Means) -> Run:
    """DEFPIX and INTEGRATE of some frames, with as many jobs as fit."""
    split = split_of(situation, images, means)
    return Run(STEPS, images, parallel=(split.jobs, split.processors), delphi=split.delphi)


def split_of(situation: Situation, images: tuple[int, int], means: Means) -> Split:
    """Jobs, processors and DELPHI for some frames."""
    dataset = situation.dataset
    nx, ny = dataset.detector.image_size
    return choose(means, Task(images[1] - images[0] + 1, dataset.scan.width, nx * ny))


def _next(ended: Ended, run: Run, frames: Frames, done: list[Remedy]) -> tuple[Remedy, Run | None]:
    """The first remedy not yet tried that changes anything."""
    remedies = ended.failed.complaint.remedies if ended.failed else ()
    for remedy in remedies:
        changed = None if remedy in done else _changed(run, remedy, frames)
        if changed is not None:
            return remedy, changed
    return Remedy.AGAIN, None


def _changed(run: Run, remedy: Remedy, frames: Frames) -> Run | None:
    if remedy is Remedy.AGAIN:
        return run
    if remedy is Remedy.ONE_JOB:
        return replace(run, parallel=(1, run.parallel[1])) if run.parallel[0] > 1 else None
    if remedy is Remedy.FEWER_FRAMES:
        fewer = diffracting(frames)
        return replace(run, images=fewer) if fewer not in (None, run.images) else None
    return run.with_more(KEYWORDS[remedy]) if remedy in KEYWORDS else None


def diffracting(frames: Frames) -> tuple[int, int] | None:
    """From the first to the last frame in which the crystal diffracts; None when that is not known."""
    if not len(frames.indexed) or not frames.indexed.any():
        return None
    usual = float(np.median(frames.indexed[frames.indexed > 0]))
    there = np.flatnonzero(frames.indexed >= max(1.0, FEW * usual))
    return frames.images[0] + int(there[0]), frames.images[0] + int(there[-1])


def _remark(remedy: Remedy, run: Run) -> str:
    more = f" {run.images[0]} to {run.images[1]}" if remedy is Remedy.FEWER_FRAMES else ""
    return f"XDS integrated only {WHAT[remedy]}{more}."
