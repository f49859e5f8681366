"""Verdicts: what a frame is, in one word, alone and among the frames of its dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from beampace.analysis.spots import Spots

FEW = 6
"""Good spots below which a frame is blank; chance makes two counted spots at most."""
MANY = 25
"""Good spots from which a frame is good by itself."""
OVERLOADED_SHARE = 0.05
OVERLOADED_LEAST = 3
ICE_SHARE = 0.5
SMALL_CELL_D = 2.5
"""A small-molecule crystal shows its spots mostly beyond this d (A): the first orders are few."""
SMALL_CELL_MOST = 60
STRONG = 10.0
"""Signal to noise of a strong spot."""
STRONG_SHARE = 0.4
NO_BEAM_FRACTION = 0.1
"""Background below this fraction of the dataset's (median of the brighter half) means no beam."""


class FrameVerdict(StrEnum):
    """What a frame is."""

    BLANK = "blank"
    WEAK = "weak"
    GOOD = "good"
    ICE = "ice"
    SMALL_MOLECULE = "small_molecule"
    OVERLOADED = "overloaded"
    NO_BEAM = "no_beam"


class Judged(Protocol):
    """What `judge_dataset` needs of a frame's analysis."""

    @property
    def background(self) -> float:
        """Counts per pixel."""
        ...

    @property
    def verdict(self) -> FrameVerdict:
        """Verdict of the frame alone."""
        ...


@dataclass(frozen=True, slots=True)
class Tally:
    """The numbers a frame is judged by.

    Attributes:
        n_counted, n_good, n_ice, n_overloaded: spots counted, good, in ice rings, overloaded.
        n_strong: good spots of signal to noise above `STRONG`.
        median_d_star_sq: of the good spots, 1/A**2; 0 without.
        rings: rings of ice in the background.
        total_counts: of the frame.
    """

    n_counted: int
    n_good: int
    n_ice: int
    n_overloaded: int
    n_strong: int
    median_d_star_sq: float
    rings: bool
    total_counts: int

    @classmethod
    def of(cls, spots: Spots, rings: bool, n_overloaded: int, total_counts: int) -> Tally:  # noqa: FBT001
        """Count the spots of a frame."""
        good = spots.good
        n_good = int(good.sum())
        return cls(
            n_counted=int(spots.counted.sum()),
            n_good=n_good,
            n_ice=int((spots.counted & spots.in_ice).sum()),
            n_overloaded=n_overloaded,
            n_strong=int((spots.signal_to_noise[good] > STRONG).sum()),
            median_d_star_sq=float(np.median(spots.d_star_sq[good])) if n_good else 0.0,
            rings=rings,
            total_counts=total_counts,
        )


def judge_frame(tally: Tally) -> FrameVerdict:
    """The verdict of a frame by itself; `no_beam` only when it holds no count at all."""
    if tally.total_counts == 0:
        return FrameVerdict.NO_BEAM
    if tally.n_good < FEW:
        return _judge_without_lattice(tally)
    if tally.n_overloaded >= max(OVERLOADED_LEAST, OVERLOADED_SHARE * tally.n_counted):
        return FrameVerdict.OVERLOADED
    if _small_molecule(tally):
        return FrameVerdict.SMALL_MOLECULE
    return FrameVerdict.GOOD if tally.n_good >= MANY else FrameVerdict.WEAK


def judge_dataset(analyses: Sequence[Judged]) -> tuple[FrameVerdict, ...]:
    """Verdicts in the light of the whole dataset: frames whose background all but vanished had no beam.

    Background is compared with the median of the brighter half of the frames, so that a beam lost for most of
    a scan is still seen. Only frames without spots can lack the beam.
    """
    backgrounds = np.array([analysis.background for analysis in analyses])
    if backgrounds.size == 0:
        return ()
    usual = float(np.median(np.sort(backgrounds)[backgrounds.size // 2 :]))
    empty = {FrameVerdict.BLANK, FrameVerdict.ICE, FrameVerdict.NO_BEAM}
    return tuple(
        FrameVerdict.NO_BEAM
        if analysis.verdict in empty and analysis.background < NO_BEAM_FRACTION * usual
        else analysis.verdict
        for analysis in analyses
    )


def _judge_without_lattice(tally: Tally) -> FrameVerdict:
    icy = tally.n_ice > FEW and tally.n_ice > ICE_SHARE * tally.n_counted
    if tally.rings or icy:
        return FrameVerdict.ICE
    if tally.n_strong >= 2 and _at_high_resolution(tally):
        return FrameVerdict.SMALL_MOLECULE
    return FrameVerdict.WEAK if tally.n_strong >= 3 else FrameVerdict.BLANK


def _small_molecule(tally: Tally) -> bool:
    few = tally.n_good <= SMALL_CELL_MOST
    return few and tally.n_strong >= STRONG_SHARE * tally.n_good and _at_high_resolution(tally)


def _at_high_resolution(tally: Tally) -> bool:
    return tally.median_d_star_sq > 1 / SMALL_CELL_D**2
