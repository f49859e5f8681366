"""What an indexer is asked about a few test shots, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from beampace.core.cell import UnitCell
from beampace.core.geometry import Beam, Detector, Goniometer, Mat3


@dataclass(frozen=True, slots=True)
class Shot:
    """The strong spots of one test shot; sequences of equal length.

    Attributes:
        frame: number of the frame, from 1.
        start, width: spindle at its beginning and rotation, degrees.
        x, y: pixels from the corner of the first one.
        var_x, var_y: variances of the positions, square pixels.
        intensity, variance: photons and their variance.
    """

    frame: int
    start: float
    width: float
    x: tuple[float, ...]
    y: tuple[float, ...]
    var_x: tuple[float, ...]
    var_y: tuple[float, ...]
    intensity: tuple[float, ...]
    variance: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, slots=True)
class Shots:
    """The question: test shots of one crystal, at any spindle angles.

    Attributes:
        detector, beam, goniometer: the apparatus.
        shots: one or more.
        max_cell: longest axis to look for, angstrom.
        unit_cell: cell to expect, or None; `space_group`: symbol to impose, or None.
    """

    detector: Detector
    beam: Beam
    goniometer: Goniometer
    shots: tuple[Shot, ...]
    max_cell: float
    unit_cell: UnitCell | None = None
    space_group: str | None = None


@dataclass(frozen=True, slots=True)
class LatticeSetting:
    """What a lattice may be.

    Attributes:
        bravais: type, e.g. `tP`.
        space_group: highest rotation group of it, Hermann-Mauguin, e.g. `P 4 2 2`.
        order: of its point group.
        unit_cell: conventional cell, constrained.
        a_matrix: as of the lattice, in this setting, not constrained.
        missed_deg: angle by which the lattice misses the symmetry: Le Page (1982) J. Appl. Cryst. 15, 255.
    """

    bravais: str
    space_group: str
    order: int
    unit_cell: UnitCell
    a_matrix: Mat3
    missed_deg: float


@dataclass(frozen=True, slots=True)
class FoundLattice:
    """A lattice in P1.

    Attributes:
        a_matrix: columns a*, b*, c* in 1/angstrom at spindle zero, before the goniometer.
        unit_cell: its cell.
        spots, indexed: per shot, how many there are and how many the lattice explains.
        rmsd_px: of the positions refined against, pixels; None when there was none.
        settings: what it may be, the highest symmetry first.
    """

    a_matrix: Mat3
    unit_cell: UnitCell
    spots: tuple[int, ...]
    indexed: tuple[int, ...]
    rmsd_px: float | None
    settings: tuple[LatticeSetting, ...] = ()

    @property
    def fraction(self) -> float:
        """Share of all spots that is explained."""
        return sum(self.indexed) / max(1, sum(self.spots))

    def fractions(self) -> tuple[float, ...]:
        """The same per shot."""
        return tuple(n / max(1, of) for n, of in zip(self.indexed, self.spots, strict=True))


@dataclass(frozen=True, slots=True)
class Opinion:
    """One attempt at indexing.

    Attributes:
        method: how it was made.
        lattice: what it found, or None; `reason`: why nothing was found.
    """

    method: str
    lattice: FoundLattice | None
    reason: str = ""
