"""What the command line can ask of `simulate`; imports nothing heavy, so that help is quick."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from beampace.core.dataset import DatasetKind
from beampace.simulate.options import FileLayout


class Trouble(StrEnum):
    """What can be wrong with a crystal or a header."""

    BLANK = "blank"
    ICE = "ice"
    TWO_LATTICES = "two-lattices"
    DRIFTS = "drifts"
    DIES = "dies"
    SLIPS = "slips"
    LEAVES = "leaves"
    BEAM_OFF = "beam-off"
    DISTANCE_OFF = "distance-off"
    AXIS_FLIPPED = "axis-flipped"


class FileFault(StrEnum):
    """What can be wrong with the files."""

    ABORTED = "aborted"
    TRUNCATED = "truncated"
    MISSING = "missing"
    LATE = "late"
    CORRUPT = "corrupt"
    UNPATCHED = "unpatched"
    NO_WAVELENGTH = "no-wavelength"
    ZERO_DISTANCE = "zero-distance"
    WRONG_MASK = "wrong-mask"
    LINKS_OUTSIDE = "links-outside"


class GridCorner(StrEnum):
    """Where a grid scan can begin; the same as `analysis.Corner`, which is slow to import."""

    TOP_LEFT = "top_left"
    TOP_RIGHT = "top_right"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM_RIGHT = "bottom_right"


class GridScore(StrEnum):
    """What a map can show; the same as `analysis.Score`."""

    SPOTS = "spots"
    INTENSITY = "intensity"
    RESOLUTION = "resolution"
    COMBINED = "combined"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of `beampace simulate`."""

    directory: Path
    name: str
    kind: DatasetKind
    detector: str
    space_group: str
    unit_cell: str
    frames: int
    start: float
    width: float
    grid: str
    distance: float
    wavelength: float
    background: float
    photons: float
    mosaicity: float
    b_factor: float
    trouble: tuple[Trouble, ...]
    layout: FileLayout
    images_per_file: int
    rate: float
    fault: tuple[FileFault, ...]
    seed: int
    cores: int | None
