"""Test shots from their files: frames, spots and quality of each, one or several masters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from beampace.analysis import Analyser, FrameAnalysis, Setup
from beampace.analysis.shots import Floats, longest_axis, points_of, shot_of
from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset
from beampace.core.errors import InputError, failure
from beampace.core.frames import FrameLedger, FrameState
from beampace.core.indexing import Shot, Shots
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.eiger import Container, FrameReader, ReadOptions
from beampace.work import frames
from beampace.work.look_pool import counts_of

MOST_SHOTS = 10

SAME = 0.01
"""Relative difference of exposures, rotations and distances that counts as none."""


@dataclass(frozen=True, slots=True, eq=False)
class Shooting:
    """Test shots of one crystal.

    Attributes:
        dataset, ledger: of the first master.
        mask: True where a pixel is not usable, (slow, fast).
        shots, points, analyses: one of each per readable frame; points are the spots in reciprocal space.
        datasets: name of the dataset of each; `readers`: read the frame of each by its number.
        transmission: of all of them, 0 to 1; None if the masters do not say.
        last_seen: monotonic time at which the last frame was first seen.
        remarks: what was wrong with the files, as sentences.
    """

    dataset: Dataset
    ledger: FrameLedger
    mask: npt.NDArray[np.bool_] | None
    shots: tuple[Shot, ...]
    points: tuple[Floats, ...]
    analyses: tuple[FrameAnalysis, ...]
    datasets: tuple[str, ...]
    readers: tuple[FrameReader, ...]
    transmission: float | None
    last_seen: float | None
    remarks: tuple[str, ...]

    @property
    def of_several(self) -> bool:
        """Whether the shots are of more than one dataset."""
        return len(set(self.datasets)) > 1

    def name(self, place: int) -> str:
        """What a shot is called: its number, and its dataset where there are several."""
        number = str(self.shots[place].frame)
        return f"{number} of {self.datasets[place]}" if self.of_several else number

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
        InputError: a master cannot be read, no frame can, there are too many for test shots, or the masters
            are of different set-ups.
        Cancelled: `progress.check` said so.
    """
    parts = [_read(master.absolute(), patience_s, read, progress) for master in masters]
    first = parts[0]
    for master, part in zip(masters[1:], parts[1:], strict=True):
        _check_same(first.dataset, part.dataset, master)
    _check_number(sum(len(part.shots) for part in parts))
    return Shooting(
        dataset=first.dataset,
        ledger=first.ledger,
        mask=first.mask,
        shots=tuple(shot for part in parts for shot in part.shots),
        points=tuple(one for part in parts for one in part.points),
        analyses=tuple(one for part in parts for one in part.analyses),
        datasets=tuple(name for part in parts for name in part.datasets),
        readers=tuple(one for part in parts for one in part.readers),
        transmission=next((part.transmission for part in parts if part.transmission), None),
        last_seen=max((part.last_seen or 0.0 for part in parts), default=0.0) or None,
        remarks=tuple(dict.fromkeys(remark for part in parts for remark in part.remarks)),
    )


def _read(master: Path, patience_s: float | None, read: ReadOptions | None, progress: Progress) -> Shooting:
    container = frames.first_look(master, patience_s, read, progress)
    _check_number(container.dataset.n_announced)
    progress.stage("wait for frames", container.dataset.n_announced)
    followed = frames.settled(container, master, patience_s, read, progress)
    container, ledger = followed.container, followed.ledger
    numbers = list(ledger.numbers(FrameState.READABLE, FrameState.ANALYSED))
    reader = FrameReader(container)
    analyses, lost = _analysed(container, reader, numbers, progress)
    if not analyses:
        raise failure(Failure.FRAMES_MISSING, f"{master}: no frame can be read. {' '.join(lost)}".strip())
    dataset = container.dataset
    shots = tuple(shot_of(one, dataset.scan.starts[one.number - 1], dataset.scan.width) for one in analyses)
    points = tuple(points_of(shot, dataset.detector, dataset.beam, dataset.goniometer) for shot in shots)
    return Shooting(
        dataset=dataset,
        ledger=ledger,
        mask=container.mask(),
        shots=shots,
        points=points,
        analyses=analyses,
        datasets=(dataset.name,) * len(shots),
        readers=(reader,) * len(shots),
        transmission=dataset.transmission,
        last_seen=followed.last_seen,
        remarks=(*dataset.remarks, *lost),
    )


def _analysed(
    container: Container, reader: FrameReader, numbers: list[int], progress: Progress
) -> tuple[tuple[FrameAnalysis, ...], tuple[str, ...]]:
    """The frames looked at, and why others could not be: a frame may go after it was seen."""
    progress.stage("look", len(numbers))
    dataset = container.dataset
    analyser = Analyser(Setup.make(dataset.detector, dataset.beam, container.mask()))
    found, lost = [], []
    for done, number in enumerate(numbers, 1):
        progress.check()
        try:
            found.append(analyser.analyse(counts_of(reader.read(number)), number))
        except InputError as error:
            lost.append(f"Frame {number} is left out: {error.detail}")
        progress.advance(done)
    return tuple(found), tuple(lost)


def _check_number(count: int) -> None:
    if count > MOST_SHOTS:
        raise failure(
            Failure.BAD_REQUEST, f"{count} frames are no test shots; a strategy is made of 1 to {MOST_SHOTS}."
        )


def _check_same(one: Dataset, two: Dataset, master: Path) -> None:
    """Test shots are compared only when apparatus, exposure and rotation are the same.

    Exposures, rotations and distances are read back, and may differ by as little as that does.
    """
    pairs = [
        (one.detector.distance, two.detector.distance),
        (one.scan.exposure_time, two.scan.exposure_time),
        (abs(one.scan.width), abs(two.scan.width)),
    ]
    if one.transmission and two.transmission:
        pairs.append((one.transmission, two.transmission))
    same = (one.beam, one.goniometer) == (two.beam, two.goniometer)
    same &= one.detector.image_size == two.detector.image_size
    if not (same and all(math.isclose(a, b, rel_tol=SAME) for a, b in pairs)):
        raise failure(
            Failure.METADATA_INCONSISTENT,
            f"{master} was not taken with detector, beam, transmission, spindle, exposure and rotation of "
            f"{one.master}.",
            "Give only test shots of one crystal, taken at one distance and energy, with one exposure.",
        )
