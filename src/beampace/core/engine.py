"""What an engine is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset


class Tweak(StrEnum):
    """Departures from the defaults that a second try may make."""

    SMALL_SWEEP = "small_sweep"
    OTHER_INDEXING = "other_indexing"
    KNOWN_CELL = "known_cell"
    FLIPPED_AXIS = "flipped_axis"
    BEAM_SEARCH = "beam_search"
    SUMMATION_ONLY = "summation_only"
    WEAK_LATTICE = "weak_lattice"
    KNOWN_DISTANCE = "known_distance"
    LONGER_PART = "longer_part"


@dataclass(frozen=True, slots=True)
class Request:
    """One execution of an engine.

    Attributes:
        dataset: the record of the dataset.
        master: companion master to read frames from.
        directory: where the engine may write; exists and is empty.
        images: first and last frame, numbered from 1, both included.
        cores: processes or threads it may use.
        space_group: Hermann-Mauguin symbol to impose, or None to find out.
        unit_cell: cell to expect, or None.
        d_min: resolution limit to impose in angstrom, or None to decide by CC1/2.
        tweaks: departures from the defaults.
    """

    dataset: Dataset
    master: Path
    directory: Path
    images: tuple[int, int]
    cores: int
    space_group: str | None = None
    unit_cell: UnitCell | None = None
    d_min: float | None = None
    tweaks: frozenset[Tweak] = frozenset()

    @property
    def n_frames(self) -> int:
        """Frames to be worked on."""
        return self.images[1] - self.images[0] + 1


@dataclass(frozen=True, slots=True)
class Readable:
    """Frames of a growing scan that can be read by now: the first `n`, which may be none.

    Attributes:
        dataset: the record of the dataset as the master now has it.
        n: frames.
        companion: writes a companion master for them into a directory, and says where.
    """

    dataset: Dataset
    n: int
    companion: Callable[[Path], Path]


@dataclass(frozen=True, slots=True)
class Crystal:
    """What is known of the crystal.

    Attributes:
        space_group: Hermann-Mauguin symbol without blanks-only differences, e.g. `P 43 21 2`.
        candidates: every space group the data cannot tell apart, `space_group` first.
        laue_group: short symbol, e.g. `4/mmm`.
        laue_confidence: likelihood of the Laue group from 0 to 1, or None when it was imposed.
        unit_cell: refined cell in the setting of `space_group`.
        mosaicity: e.s.d. of the reflecting range in degrees, or None.
        indexed_fraction: share of the strong spots the lattice explains, 0 to 1, or None.
    """

    space_group: str
    candidates: tuple[str, ...]
    laue_group: str
    laue_confidence: float | None
    unit_cell: UnitCell
    mosaicity: float | None
    indexed_fraction: float | None

    @property
    def space_group_sure(self) -> bool:
        """Whether only one space group is left."""
        return len(self.candidates) == 1


@dataclass(frozen=True, slots=True)
class FrameSeries:
    """Values per frame for plots and `columns`: name -> one value per entry of `frames`."""

    frames: tuple[int, ...] = ()
    columns: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EngineRecord:
    """What an engine answers when it reached merged data.

    Attributes:
        engine: its name; `versions`: program -> version.
        crystal: what it found.
        unmerged: scaled, unmerged MTZ (columns I, SIGI, BATCH, M/ISYM at least).
        merged: merged MTZ.
        d_min: resolution limit that was used, angstrom; `d_min_reason`: why.
        n_spots, n_indexed: strong spots found and explained.
        rmsd: root mean square deviation of spots (x px, y px, z frames).
        series: values per frame.
        timing: step -> seconds.
        files: name -> path of other files worth keeping.
        remarks: things worth knowing, as sentences.
        parameters: non-default parameters actually used, step -> arguments.
    """

    engine: str
    versions: Mapping[str, str]
    crystal: Crystal
    unmerged: Path
    merged: Path
    d_min: float
    d_min_reason: str
    n_spots: int
    n_indexed: int
    rmsd: tuple[float, float, float] | None
    series: FrameSeries
    timing: Mapping[str, float]
    files: Mapping[str, Path] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
