"""Test shots from their files: frames, spots and quality of each, one or several masters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from beampace.analysis import Analyser, FrameAnalysis, Setup
from beampace.analysis.shots import Floats, longest_axis, points_of, shot_of
from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset
from beampace.core.errors import failure
from beampace.core.frames import FrameLedger, FrameState
from beampace.core.indexing import Shot, Shots
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.eiger import Container, FrameReader, ReadOptions
from beampace.work import frames
from beampace.work.look_pool import counts_of


@dataclass(frozen=True, slots=True, eq=False)
class Shooting:
    """Test shots of one crystal.

    Attributes:
        dataset, ledger: of the first master.
        mask: True where a pixel is not usable, (slow, fast).
        shots, points, analyses: one of each per readable frame; points are the spots in reciprocal space.
        last_seen: monotonic time at which the last frame was first seen.
        remarks: what was wrong with the files, as sentences.
    """

    dataset: Dataset
    ledger: FrameLedger
    mask: npt.NDArray[np.bool_] | None
    shots: tuple[Shot, ...]
    points: tuple[Floats, ...]
    analyses: tuple[FrameAnalysis, ...]
    last_seen: float | None
    remarks: tuple[str, ...]

    @property
    def max_cell(self) -> float:
        """Longest axis to look for, angstrom."""
        return longest_axis(self.points)

    def question(
        self,
        used: tuple[int, ...],
        max_cell: float,
        *,
        unit_cell: UnitCell | None = None,
        space_group: str | None = None,
    ) -> Shots:
        """What an indexer is asked about some of the shots, by their place."""
        dataset = self.dataset
        chosen = tuple(self.shots[place] for place in used)
        return Shots(
            dataset.detector, dataset.beam, dataset.goniometer, chosen, max_cell, unit_cell, space_group
        )


def read_shots(
    masters: tuple[Path, ...], patience_s: float | None, read: ReadOptions | None, progress: Progress
) -> Shooting:
    """Wait for the frames of all masters and find their spots.

    Raises:
        InputError: a master cannot be read, no frame can, or the masters are of different set-ups.
        Cancelled: `progress.check` said so.
    """
    parts = [_read(master.absolute(), patience_s, read, progress) for master in masters]
    first = parts[0]
    for master, part in zip(masters[1:], parts[1:], strict=True):
        _check_same(first.dataset, part.dataset, master)
    return Shooting(
        dataset=first.dataset,
        ledger=first.ledger,
        mask=first.mask,
        shots=tuple(shot for part in parts for shot in part.shots),
        points=tuple(one for part in parts for one in part.points),
        analyses=tuple(one for part in parts for one in part.analyses),
        last_seen=max((part.last_seen or 0.0 for part in parts), default=0.0) or None,
        remarks=tuple(dict.fromkeys(remark for part in parts for remark in part.remarks)),
    )


def _read(master: Path, patience_s: float | None, read: ReadOptions | None, progress: Progress) -> Shooting:
    container = frames.first_look(master, patience_s, read, progress)
    progress.stage("wait for frames", container.dataset.n_announced)
    followed = frames.settled(container, master, patience_s, read, progress)
    container, ledger = followed.container, followed.ledger
    numbers = list(ledger.numbers(FrameState.READABLE, FrameState.ANALYSED))
    if not numbers:
        raise failure(Failure.FRAMES_MISSING, f"{master}: no frame can be read.")
    analyses = _analysed(container, numbers, progress)
    dataset = container.dataset
    shots = tuple(shot_of(one, dataset.scan.starts[one.number - 1], dataset.scan.width) for one in analyses)
    points = tuple(points_of(shot, dataset.detector, dataset.beam, dataset.goniometer) for shot in shots)
    return Shooting(
        dataset, ledger, container.mask(), shots, points, analyses, followed.last_seen, dataset.remarks
    )


def _analysed(container: Container, numbers: list[int], progress: Progress) -> tuple[FrameAnalysis, ...]:
    progress.stage("look", len(numbers))
    dataset = container.dataset
    analyser = Analyser(Setup.make(dataset.detector, dataset.beam, container.mask()))
    reader, found = FrameReader(container), []
    for done, number in enumerate(numbers, 1):
        progress.check()
        found.append(analyser.analyse(counts_of(reader.read(number)), number))
        progress.advance(done)
    return tuple(found)


def _check_same(one: Dataset, two: Dataset, master: Path) -> None:
    """Test shots are compared only when detector, beam and spindle are the same."""
    if (one.detector, one.beam, one.goniometer) != (two.detector, two.beam, two.goniometer):
        raise failure(
            Failure.METADATA_INCONSISTENT,
            f"{master} was not taken with the detector, beam and spindle of {one.master}.",
            "Give only test shots of one crystal, taken at one distance and energy.",
        )
