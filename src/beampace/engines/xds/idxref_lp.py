"""IDXREF.LP: how spots were indexed, and which lattices fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from beampace.core.cell import UnitCell
from beampace.engines.xds.lp_text import (
    LpError,
    RowFormat,
    cell_of,
    ended,
    find,
    find_last,
    notices,
    number,
    paragraph,
    require,
    whole_lines,
)
from beampace.engines.xds.parameters import Parameters, parse_parameters

LOG = "IDXREF.LP"
N_CHARACTERS = 44

_USED = re.compile(r"AUTOINDEXING IS BASED ON\s+(\d+)\s+OUT OF\s+(\d+)\s+SPOTS")
_INDEXED = re.compile(r"^\s*(\d+)\s+OUT OF\s+(\d+)\s+SPOTS INDEXED")
_REJECTED = re.compile(r"^\s*(\d+)\s+REJECTED REFLECTIONS \(REASON: (OVERLAP|TOO FAR FROM IDEAL POSITION)\)")
_SPINDLE = re.compile(r"EXPECTED ERROR IN SPINDLE\s+POSITION\s+(\S+)\s+DEGREES")
_START = "DIFFRACTION PARAMETERS USED AT START OF INTEGRATION"

_SUBTREE = RowFormat.of("number:N population:N")
_ORIGIN = RowFormat.of(
    "h:I k:I l:I quality:F1? delta:F1? xd:F1? yd:F1? x:F4? y:F4? z:F4? dh:F2? dk:F2? dl:F2?"
)
_LATTICE = RowFormat.of("marked:M character:N lattice:W quality:F1 a:F1 b:F1 c:F1 alpha:F1 beta:F1 gamma:F1")
_OVERLAP = RowFormat.of("width:F2 d_min:F2")


@dataclass(frozen=True, slots=True)
class Origin:
    """One choice of the index origin; the right one has small quality, delta, dh, dk and dl.

    Attributes:
        hkl: offset of the indices.
        quality: small where likely.
        delta: angle between the given and the refined beam, degrees.
        xd: the direct beam on the detector with this origin, pixels along x.
        yd: the same along y.
        x: the direct beam's wave vector, 1/angstrom.
        y: its y component.
        z: its z component.
        dh: mean absolute difference between observed and fitted h.
        dk: the same of k.
        dl: the same of l.
    """

    hkl: tuple[int, int, int]
    quality: float
    delta: float
    xd: float
    yd: float
    x: float
    y: float
    z: float
    dh: float
    dk: float
    dl: float


@dataclass(frozen=True, slots=True)
class LatticeRow:
    """One lattice character and the cell it would have.

    Attributes:
        marked: whether XDS finds it consistent with the spots.
        character: number of the lattice character, 1 to 44 (International Tables).
        lattice: Bravais type, such as `oC`.
        quality: misfit, 0 to 999.
        cell: the conventional cell before its restraints are imposed.
    """

    marked: bool
    character: int
    lattice: str
    quality: float
    cell: UnitCell


@dataclass(frozen=True, slots=True)
class OverlapLimit:
    """Up to where rotation in one frame keeps spots apart, for no mosaicity.

    Attributes:
        width: largest oscillation, degrees.
        d_min: at this resolution, angstrom.
    """

    width: float
    d_min: float


@dataclass(frozen=True, slots=True)
class IdxrefLog:
    """What IDXREF found; what comes after where it gave up is None or empty.

    Attributes:
        n_used: spots used for indexing.
        n_spots: spots in SPOT.XDS.
        subtrees: populations of the largest subtrees, largest first; a second large one is a second lattice.
        origins: index origins considered, best first, without those whose numbers overflow.
        n_indexed: spots indexed at the end.
        n_considered: out of how many.
        n_overlap: spots rejected because they overlap.
        n_too_far: spots rejected as too far from where they should lie.
        spindle_error: expected error of spindle positions, degrees.
        start: the parameters integration starts with.
        lattices: lattice characters, best first.
        overlap_limits: oscillation against resolution.
        warnings: messages marked so.
        errors: messages marked so; XDS prints them after its elapsed time.
        ended: whether the program came to its end.
    """

    n_used: int
    n_spots: int
    subtrees: tuple[int, ...]
    origins: tuple[Origin, ...]
    n_indexed: int | None
    n_considered: int | None
    n_overlap: int | None
    n_too_far: int | None
    spindle_error: float | None
    start: Parameters | None
    lattices: tuple[LatticeRow, ...]
    overlap_limits: tuple[OverlapLimit, ...]
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    ended: bool


def parse_idxref(text: str) -> IdxrefLog:
    """The record of an IDXREF.LP.

    Raises:
        LpError: not such a log, or a table in it is cut off or not understood.
    """
    lines = whole_lines(text)
    used = _USED.search(lines[require(lines, "AUTOINDEXING IS BASED ON", LOG)])
    if used is None:
        raise LpError(f"{LOG}: line 'AUTOINDEXING IS BASED ON' not understood")
    start = find_last(lines, _START)
    final = _final_indexing(lines, start)
    indexed = next((match for match in map(_INDEXED.match, final) if match), None)
    rejected = {match[2]: int(match[1]) for match in map(_REJECTED.match, final) if match}
    spindle = next((match for match in map(_SPINDLE.search, final) if match), None)
    return IdxrefLog(
        n_used=int(used[1]),
        n_spots=int(used[2]),
        subtrees=_subtrees(lines),
        origins=_origins(lines),
        n_indexed=int(indexed[1]) if indexed else None,
        n_considered=int(indexed[2]) if indexed else None,
        n_overlap=rejected.get("OVERLAP"),
        n_too_far=rejected.get("TOO FAR FROM IDEAL POSITION"),
        spindle_error=number(spindle[1]) if spindle else None,
        start=None if start is None else parse_parameters(paragraph(lines, start + 1, LOG), LOG),
        lattices=_lattices(lines, LOG),
        overlap_limits=_overlap_limits(lines),
        warnings=notices(lines, "WARNING"),
        errors=notices(lines, "ERROR"),
        ended=ended(lines),
    )


def _final_indexing(lines: Sequence[str], start: int | None) -> Sequence[str]:
    """Lines of the last indexing before the parameters it led to; a given cell makes a second one.

    Raises:
        LpError: parameters without an indexing before them.
    """
    if start is None:
        return ()
    begin = find_last(lines[:start], "INDEXING OF OBSERVED SPOTS IN SPACE GROUP")
    if begin is None:
        raise LpError(f"{LOG}: no 'INDEXING OF OBSERVED SPOTS IN SPACE GROUP'")
    found = paragraph(lines, begin, LOG)
    if not any(map(_INDEXED.match, found)):
        raise LpError(f"{LOG}: no 'SPOTS INDEXED'")
    return found


def _subtrees(lines: Sequence[str]) -> tuple[int, ...]:
    header = next((n for n, line in enumerate(lines) if line.split() == ["SUBTREE", "POPULATION"]), None)
    if header is None:
        return ()
    require(lines, "NUMBER OF ACCEPTED SPOTS FROM LARGEST SUBTREE", LOG, header)
    rows = paragraph(lines, header + 1, LOG)
    return tuple(_SUBTREE.require(row, f"{LOG}: table 'SUBTREE POPULATION'")["population"] for row in rows)


def _origins(lines: Sequence[str]) -> tuple[Origin, ...]:
    title = find(lines, "SELECTION OF THE INDEX ORIGIN")
    if title is None:
        return ()
    table = f"{LOG}: table of index origins"
    header = require(lines, "INDEX_   QUALITY", LOG, title)
    rows = paragraph(lines, require(lines, "ORIGIN", LOG, header + 1) + 1, LOG)
    found = (_ORIGIN.require(row, table) for row in rows)
    return tuple(
        Origin(hkl=(row.pop("h"), row.pop("k"), row.pop("l")), **row)
        for row in found
        if None not in row.values()
    )


def _lattices(lines: Sequence[str], log: str) -> tuple[LatticeRow, ...]:
    """The table of lattice characters, empty without one; unmarked rows that make no cell are left out.

    Raises:
        LpError: the table is cut off or not understood.
    """
    title = find(lines, "DETERMINATION OF LATTICE CHARACTER AND BRAVAIS LATTICE")
    if title is None:
        return ()
    table = f"{log}: table of lattice characters"
    rows = paragraph(lines, require(lines, "CHARACTER  LATTICE     OF FIT", log, title) + 1, log)
    found = [_LATTICE.require(row, table) for row in rows]
    if sorted(row["character"] for row in found) != list(range(1, N_CHARACTERS + 1)):
        raise LpError(f"{table}: not the characters 1 to {N_CHARACTERS}, each once")
    built = (_lattice_row(row, log) for row in found)
    return tuple(row for row in built if row is not None)


def _lattice_row(row: dict[str, float], log: str) -> LatticeRow | None:
    values = [row[name] for name in ("a", "b", "c", "alpha", "beta", "gamma")]
    try:
        cell = cell_of(values, log)
    except LpError:
        if row["marked"]:
            raise
        return None
    return LatticeRow(bool(row["marked"]), int(row["character"]), str(row["lattice"]), row["quality"], cell)


def _overlap_limits(lines: Sequence[str]) -> tuple[OverlapLimit, ...]:
    title = find(lines, "Maximum oscillation range to prevent angular overlap")
    if title is None:
        return ()
    header = require(lines, "(degrees)               (Angstrom)", LOG, title)
    rows = paragraph(lines, header + 1, LOG)
    return tuple(OverlapLimit(**_OVERLAP.require(row, f"{LOG}: table of overlaps")) for row in rows)
