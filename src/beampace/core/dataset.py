"""The dataset: what one arming of the detector leaves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import PurePath

from beampace.core.geometry import Beam, Detector, Goniometer, scaled
from beampace.core.scan import Scan


class DatasetKind(StrEnum):
    """What the frames of a dataset are to one another."""

    ROTATION = "rotation"
    SCREENING = "screening"
    GRID = "grid"
    STILLS = "stills"


@dataclass(frozen=True, slots=True)
class Hint:
    """What `info.txt` says; nominal values, written before or after the scan, never trusted alone.

    Attributes:
        run_type: as written (`regular`, `screening`, `grid`, `ISMO`, ...), lower case; "" if absent.
        frames: frames planned, or None.
        grid: (columns, rows) of a grid scan, or None.
        start, width: degrees with two decimals, or None.
        wavelength: angstrom with three to five decimals, or None.
        image_interval: degrees from one test shot to the next, or None.
        values: every key of the file, as text.
    """

    run_type: str = ""
    frames: int | None = None
    grid: tuple[int, int] | None = None
    start: float | None = None
    width: float | None = None
    wavelength: float | None = None
    image_interval: float | None = None
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset, as beampace understands it after P11's habits are taken out.

    Attributes:
        id: identity, independent of the path (detector serial + series, or + time, or a hash).
        name: prefix of the files, without `_master.h5`.
        master: path of the master file; an attribute, not the identity.
        kind: rotation, screening, grid or stills, and `kind_reason`, why.
        n_announced: frames the detector was armed for (images x triggers).
        collected: when the first image was taken (UTC), if the file says.
        hint: what `info.txt` says.
        transmission: of the attenuator, 0 to 1; None if the file does not say.
        remarks: what was missing, contradictory or put right while reading, as sentences.
    """

    id: str
    name: str
    master: PurePath
    kind: DatasetKind
    kind_reason: str
    detector: Detector
    beam: Beam
    goniometer: Goniometer
    scan: Scan
    n_announced: int
    collected: datetime | None = None
    hint: Hint = field(default_factory=Hint)
    transmission: float | None = None
    remarks: tuple[str, ...] = ()

    @property
    def forwards(self) -> Dataset:
        """The same with a spindle that turns by positive steps: about the opposite axis if need be.

        Neither DIALS nor XDS knows negative oscillation widths.
        """
        if self.scan.width >= 0:
            return self
        starts = tuple(-start for start in self.scan.starts)
        scan = replace(self.scan, starts=starts, width=-self.scan.width)
        return replace(
            self, scan=scan, goniometer=replace(self.goniometer, axis=scaled(self.goniometer.axis, -1.0))
        )

    def has_geometry_of(self, other: Dataset) -> bool:
        """Whether two records are of one dataset and say the same of where its frames were."""
        mine = (self.id, self.detector, self.beam, self.goniometer, self.scan)
        return mine == (other.id, other.detector, other.beam, other.goniometer, other.scan)
