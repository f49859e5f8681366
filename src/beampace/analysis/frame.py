"""The look: one frame to an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from beampace.analysis import spot_kernel as kernel
from beampace.analysis.dispersion import keep_strong
from beampace.analysis.geometry import d_star_sq
from beampace.analysis.judge import FrameVerdict, Tally, judge_frame
from beampace.analysis.radial import Rings, find_rings, in_ice_ring, sum_profile
from beampace.analysis.resolution import estimate_d_min
from beampace.analysis.setup import Setup
from beampace.analysis.spots import Spots, intensity_variance
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

HIGHEST = {np.dtype(np.uint16): 2**16 - 2, np.dtype(np.uint32): 2**26}
"""Largest value that is a count; above it lie the detector's markers. 2**26 also bounds the kernel's sums."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameAnalysis:
    """What can be said of one frame.

    Attributes:
        number: of the frame, from 1.
        n_spots: spots that stand by themselves.
        n_spots_good: those of them outside ice rings and above the signal cut.
        n_overloaded: counted spots with a saturated pixel.
        intensity: counts of the good spots above background.
        d_min: resolution estimate in A, or None with too few spots.
        background: mean counts per usable pixel, strong pixels left out.
        total_counts: of usable, unsaturated pixels.
        saturated_pixels: usable pixels above the detector's saturation value.
        max_count: largest valid count.
        ice_score: excess of the strongest ice ring over its flanks (0.2 = 20 %), 0 without rings.
        ice: rings of ice stand out of the background; powder: other sharp rings do.
        verdict: in one word.
        spots: every group found, counted or not.
        profile: mean counts per pixel in bins of 1/d**2 (`geometry.BIN_WIDTH`), spots left out; NaN without
        pixels.
    """

    number: int
    n_spots: int
    n_spots_good: int
    n_overloaded: int
    intensity: float
    d_min: float | None
    background: float
    total_counts: int
    saturated_pixels: int
    max_count: int
    ice_score: float
    ice: bool
    powder: bool
    verdict: FrameVerdict
    spots: Spots = field(repr=False)
    profile: npt.NDArray[np.float32] = field(repr=False)


class Analyser:
    """Looks at frames, one at a time: make one per thread. The kernels release the GIL and allocate nothing.

    Args:
        setup: what the frames share; may be shared by any number of analysers.
    """

    def __init__(self, setup: Setup) -> None:
        ny, nx = setup.shape
        rows, columns = -(-ny // kernel.TILE), -(-nx // kernel.TILE)
        capacity = setup.settings.most_spots
        self._setup = setup
        self._limits = setup.settings.limits()
        self._tiles = np.zeros((rows, columns), np.float32)
        self._levels = np.zeros((rows, columns), np.int32)
        self._seeds = np.zeros((5 * capacity, 2), np.int32)
        self._columns = np.zeros((4, nx), np.uint32)
        self._totals = np.zeros(kernel.TOTALS, np.int64)
        self._marks = np.zeros((ny, nx), np.uint8)
        self._members = np.zeros((20 * capacity, 2), np.int32)
        self._starts = np.zeros(capacity + 1, np.int32)
        self._spots = np.zeros((capacity, kernel.COLUMNS), np.float64)
        self._sums = np.zeros(setup.bins.n_bins, np.int64)
        self._counts = np.zeros(setup.bins.n_bins, np.int64)

    @property
    def setup(self) -> Setup:
        """What the frames share."""
        return self._setup

    def analyse(self, frame: npt.NDArray[np.unsignedinteger], number: int) -> FrameAnalysis:
        """Look at one frame.

        Args:
            frame: counts, shape (slow, fast), uint16 or uint32, C order; not kept, not changed.
            number: of the frame, from 1.

        Raises:
            InputError: `metadata_inconsistent`: another shape or type than the detector's;
                `frames_missing`: no usable pixel holds a count.
        """
        frame = _read_only(frame)
        n_spots, _ = self._find(frame, number)
        table = self._spots[:n_spots]
        spots = self._spots_record(table)
        sum_profile(
            frame,
            self._setup.bins.index,
            self._setup.bins.step,
            self._levels,
            self._setup.tables[kernel.SEED],
            self._sums,
            self._counts,
        )
        rings = find_rings(self._sums, self._counts)
        return self._record(number, spots, table, rings)

    def seeds(
        self, frame: npt.NDArray[np.unsignedinteger], number: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """The pixels above the seed threshold, for the search for hot pixels.

        Returns:
            ((y, x) of each, shape (n, 2); background in counts per pixel around each).

        Raises:
            InputError: as `analyse`.
        """
        highest = self._check(frame, number)
        found = kernel.find_seeds(_read_only(frame), *self._seed_arguments(highest))
        seeds = self._seeds[: min(found, self._seeds.shape[0])].copy()
        return seeds, self._tiles[seeds[:, 0] // kernel.TILE, seeds[:, 1] // kernel.TILE]

    def strong_pixels(
        self, frame: npt.NDArray[np.unsignedinteger], number: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """The pixels that DIALS's threshold calls strong, for a program that joins them over frames itself.

        They are looked for among the pixels of all groups that may be spots.

        Returns:
            (place of each in the flattened frame, ascending; its count).

        Raises:
            InputError: as `analyse`.
        """
        frame = _read_only(frame)
        _, groups = self._find(frame, number)
        members = self._members[: self._starts[groups]]
        kept = np.zeros(len(members), np.bool_)
        keep: Any = keep_strong
        trusted = np.uint32(min(HIGHEST[frame.dtype], self._setup.detector.saturation or 2**32 - 1))
        keep(frame, self._setup.valid, trusted, members, kept)
        strong = members[kept].astype(np.int64)
        places = np.sort(strong[:, 0] * frame.shape[1] + strong[:, 1])
        return places, frame.reshape(-1)[places].astype(np.int32)

    def _seed_arguments(self, highest: np.uint32) -> tuple[Any, ...]:
        setup = self._setup
        # A header without a cut-off (0) trusts every count.
        saturation = np.uint32(min(setup.detector.saturation or 2**32 - 1, 2**32 - 1))
        shared = (setup.valid, highest, saturation, setup.tables)
        return (*shared, self._tiles, self._levels, self._seeds, self._columns, self._totals)

    def _find(self, frame: npt.NDArray[np.unsignedinteger], number: int) -> tuple[int, int]:
        highest = self._check(frame, number)
        valid, top, saturation, tables, *own = self._seed_arguments(highest)
        find: Any = kernel.find_spots
        found, _, _, groups = find(
            frame, valid, top, saturation, tables, self._limits, *own,
            self._marks, self._members, self._starts, self._spots,
        )  # fmt: skip
        if self._totals[1] == 0:
            raise failure(Failure.FRAMES_MISSING, f"Frame {number}: no usable pixel holds a count.")
        return int(found), int(groups)

    def _check(self, frame: npt.NDArray[np.unsignedinteger], number: int) -> np.uint32:
        if frame.shape != self._setup.shape or frame.dtype not in HIGHEST or not frame.flags.c_contiguous:
            raise failure(
                Failure.METADATA_INCONSISTENT,
                f"Frame {number} is {frame.dtype} {frame.shape}, not uint16 or uint32 {self._setup.shape}.",
            )
        return np.uint32(HIGHEST[frame.dtype])

    def _spots_record(self, table: npt.NDArray[np.float64]) -> Spots:
        setup = self._setup
        squared = d_star_sq(setup.detector, setup.beam, table[:, kernel.X], table[:, kernel.Y])
        in_ice = in_ice_ring(squared)
        strong = table[:, kernel.SUM] > setup.settings.good_sigma * np.sqrt(intensity_variance(table))
        good = (table[:, kernel.COUNTED] > 0) & ~in_ice & strong
        return Spots(table.astype(np.float32), squared.astype(np.float32), in_ice, good)

    def _record(
        self, number: int, spots: Spots, table: npt.NDArray[np.float64], rings: Rings
    ) -> FrameAnalysis:
        good, counted = spots.good, spots.counted
        d_min = estimate_d_min(
            spots.d_star_sq[good].astype(np.float64),
            table[good, kernel.SUM],
            intensity_variance(table[good]).astype(np.float64),
        )
        total, unsaturated, background, background_pixels, top = (int(value) for value in self._totals)
        n_overloaded = int((spots.overloaded & counted).sum())
        tally = Tally.of(spots, rings.ice, n_overloaded, total)
        return FrameAnalysis(
            number=number,
            n_spots=int(counted.sum()),
            n_spots_good=int(good.sum()),
            n_overloaded=n_overloaded,
            intensity=float(table[good, kernel.SUM].sum()),
            d_min=d_min,
            background=background / max(1, background_pixels),
            total_counts=total,
            saturated_pixels=self._setup.n_valid - unsaturated,
            max_count=top,
            ice_score=rings.ice_score,
            ice=rings.ice,
            powder=rings.powder,
            verdict=judge_frame(tally),
            spots=spots,
            profile=_mean_profile(self._sums, self._counts),
        )


def _read_only(frame: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.unsignedinteger]:
    """A view that cannot be written: one type, so one compiled kernel, whatever the caller has."""
    view = frame.view()
    view.flags.writeable = False
    return view


def _mean_profile(sums: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    mean = np.full(sums.shape[0], np.nan, np.float32)
    np.divide(sums, counts, out=mean, where=counts > 0, casting="unsafe")
    return mean
