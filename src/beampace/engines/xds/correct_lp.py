"""CORRECT.LP: symmetry, refined geometry, error model and merging statistics of one data set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from beampace.core.cell import UnitCell
from beampace.engines.xds.lp_text import (
    NO_PERCENTAGE,
    LpError,
    RowFormat,
    cell_of,
    ended,
    find,
    labelled,
    notices,
    number,
    numbers,
    paragraph,
    require,
    whole_lines,
)
from beampace.engines.xds.parameters import Parameters, parse_parameters, space_group_of
from beampace.engines.xds.shells import ShellRow, shell_table

LOG = "CORRECT.LP"
NOT_REFINED = (4.0, 1e-4)
"""Error model XDS starts with; it stays where data are too few, and its ISa is no measurement then."""

_SAVED = re.compile(r'STATISTICS OF SAVED DATA SET "XDS_ASCII.HKL"\s+\(DATA_RANGE=\s*(\d+)\s+(\d+)\s*\)')
_SUBSET = re.compile(r"STATISTICS FOR IMAGE\s+DATA_RANGE=\s*(\d+)\s+(\d+)\s*$")
_WILSON = re.compile(r"WILSON LINE \(using all data\)\s*:\s*A=\s*(\S+)\s+B=\s*(\S+)\s+CORRELATION=\s*(\S+)")

_ERROR_MODEL = RowFormat.of("a:E b:E isa:F2")
_SYMMETRY = RowFormat.of(
    "marked:M space_group:N a:F1 b:F1 c:F1 alpha:F1 beta:F1 gamma:F1 "
    "unique:N r_meas:F1? compared:N character:N lattice:W"
)
_SIGNAL = RowFormat.of(
    "d_max:F3 d_min:F3 i_over_sigma:F2? chi2:F2? r_observed:F2? r_expected:F2? "
    "compared:N accepted:N rejected:N"
)


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """The variance v = a (v0 + b I^2).

    Attributes:
        a: factor of the variance from counting.
        b: square of the relative error that intensities keep however strong they are.
        isa: 1 / sqrt(a b), the I/sigma that no reflection exceeds.
    """

    a: float
    b: float
    isa: float


@dataclass(frozen=True, slots=True)
class Wilson:
    """The Wilson line.

    Attributes:
        a: its intercept.
        b: the temperature factor, square angstrom.
        correlation: how well the line fits.
    """

    a: float
    b: float
    correlation: float


@dataclass(frozen=True, slots=True)
class SymmetryRow:
    """One symmetry that the intensities were tried with.

    Attributes:
        marked: whether XDS chose it.
        space_group: number of the space group without screw axes that stands for the Laue group.
        cell: its cell.
        unique: unique reflections.
        r_meas: redundancy-independent R factor as a fraction, None where nothing was compared.
        compared: observations compared.
        character: number of the lattice character.
        lattice: its Bravais type, such as `oP`.
    """

    marked: bool
    space_group: int
    cell: UnitCell
    unique: int
    r_meas: float | None
    compared: int
    character: int
    lattice: str


@dataclass(frozen=True, slots=True)
class SignalRow:
    """Signal of single observations in one of many thin shells.

    Attributes:
        d_max: low-resolution limit, angstrom.
        d_min: high-resolution limit, angstrom.
        i_over_sigma: mean I/sigma of observations, not merged.
        chi2: 1 where the error model is right; None where nothing was compared.
        r_observed: R factor as a fraction, None where nothing was compared.
        r_expected: the R factor expected from the sigmas.
        compared: observations with a symmetry mate.
        accepted: observations.
        rejected: misfits.
    """

    d_max: float
    d_min: float
    i_over_sigma: float | None
    chi2: float | None
    r_observed: float | None
    r_expected: float | None
    compared: int
    accepted: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Subset:
    """Statistics of the images up to one, to be seen whether later ones do harm.

    Attributes:
        first: first image.
        last: last image.
        total: statistics of all resolutions.
    """

    first: int
    last: int
    total: ShellRow


@dataclass(frozen=True, slots=True)
class CorrectLog:
    """What CORRECT made of the integrated data.

    Attributes:
        error_model: None where it was not refined.
        space_group: number of the space group.
        cell: the cell, refined if `refined`, otherwise as selected.
        parameters: refined parameters, None where the refinement was not accepted.
        cell_esd: standard deviations of the refined cell.
        wilson: None where not printed.
        n_accepted: accepted observations.
        n_unique: unique accepted reflections.
        n_misfits: observations rejected for disagreeing with their symmetry mates.
        symmetry: symmetries tried; empty where a space group was given.
        i_over_sigma: signal in thin shells.
        i_over_sigma_total: the same of all resolutions.
        shells: merging statistics of the saved data.
        total: the same of all resolutions.
        subsets: statistics of growing ranges of images, without the last, which is `total`.
        data_range: first and last image.
        friedel: whether Friedel mates count as one reflection in the statistics.
        warnings: messages marked so.
        errors: messages marked so.
        refined: whether the refinement of the parameters was accepted.
        ended: whether the program came to its end.
    """

    error_model: ErrorModel | None
    space_group: int
    cell: UnitCell
    parameters: Parameters | None
    cell_esd: tuple[float, ...] | None
    wilson: Wilson | None
    n_accepted: int
    n_unique: int
    n_misfits: int
    symmetry: tuple[SymmetryRow, ...]
    i_over_sigma: tuple[SignalRow, ...]
    i_over_sigma_total: SignalRow
    shells: tuple[ShellRow, ...]
    total: ShellRow
    subsets: tuple[Subset, ...]
    data_range: tuple[int, int]
    friedel: bool
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    refined: bool
    ended: bool


def parse_correct(text: str) -> CorrectLog:
    """The record of a CORRECT.LP.

    Raises:
        LpError: the statistics of the saved data are missing, or something is cut off or not understood.
    """
    lines = whole_lines(text)
    saved = require(lines, "STATISTICS OF SAVED DATA SET", LOG)
    shells, total, title = shell_table(lines, saved, LOG)
    counts = _counts(lines, title)
    parameters = _refined(lines)
    space_group, selected = _selected(lines)
    signal, signal_total = _signal(lines)
    return CorrectLog(
        error_model=_error_model(lines),
        space_group=parameters.space_group if parameters else space_group,
        cell=parameters.cell if parameters else selected,
        parameters=parameters,
        cell_esd=parameters.cell_esd if parameters else None,
        wilson=parse_wilson(lines, LOG),
        n_accepted=counts["NUMBER OF ACCEPTED OBSERVATIONS"],
        n_unique=counts["NUMBER OF UNIQUE ACCEPTED REFLECTIONS"],
        n_misfits=counts["NUMBER OF REJECTED MISFITS"],
        symmetry=_symmetry(lines),
        i_over_sigma=signal,
        i_over_sigma_total=signal_total,
        shells=shells,
        total=total,
        subsets=_subsets(lines),
        data_range=_data_range(lines[saved], _SAVED),
        friedel=_friedel(lines[saved + 1]),
        warnings=notices(lines, "WARNING"),
        errors=notices(lines, "ERROR"),
        refined=parameters is not None,
        ended=ended(lines),
    )


def _counts(lines: Sequence[str], title: int) -> dict[str, int]:
    """The numbers of reflections below the table whose title is at `title`."""
    begin = require(lines, "NUMBER OF REFLECTIONS IN SELECTED SUBSET OF IMAGES", LOG, title)
    block = paragraph(lines, begin, LOG)
    names = (
        "NUMBER OF ACCEPTED OBSERVATIONS",
        "NUMBER OF UNIQUE ACCEPTED REFLECTIONS",
        "NUMBER OF REJECTED MISFITS",
    )
    return {name: _count(labelled(block, name, LOG), name) for name in names}


def _count(text: str, name: str) -> int:
    if not text.strip().isdigit():
        raise LpError(f"{LOG}: {name!r} not understood: {text.strip()!r}")
    return int(text)


def _refined(lines: Sequence[str]) -> Parameters | None:
    """The refined parameters, None where XDS did not accept them."""
    title = require(lines, "REFINEMENT OF DIFFRACTION PARAMETERS USING ALL IMAGES", LOG)
    end = require(lines, "****************************************", LOG, title + 2)  # of the next chapter
    block = lines[title + 2 : end]
    if find(block, "REFINEMENT RESULTS NOT ACCEPTED") is not None:
        return None
    return parse_parameters(block, LOG)


def _selected(lines: Sequence[str]) -> tuple[int, UnitCell]:
    title = require(lines, "SELECTED SPACE GROUP AND UNIT CELL FOR THIS DATA SET", LOG)
    block = paragraph(lines, title + 1, LOG)
    constants = numbers(labelled(block, "UNIT_CELL_CONSTANTS=", LOG), 6, 3)
    return space_group_of(labelled(block, "SPACE_GROUP_NUMBER=", LOG), LOG), cell_of(constants, LOG)


def _error_model(lines: Sequence[str]) -> ErrorModel | None:
    header = next((n for n, line in enumerate(lines) if line.split() == ["a", "b", "ISa"]), None)
    if header is None or header + 1 == len(lines):
        raise LpError(f"{LOG}: no error model 'a b ISa'")
    model = ErrorModel(**_ERROR_MODEL.require(lines[header + 1], f"{LOG}: error model"))
    return None if (model.a, model.b) == NOT_REFINED else model


def parse_wilson(lines: Sequence[str], log: str) -> Wilson | None:
    """The last Wilson line, None without one.

    Raises:
        LpError: it is not understood.
    """
    found = [line for line in lines if "WILSON LINE" in line]
    if not found:
        return None
    match = _WILSON.search(found[-1])
    if match is None:
        raise LpError(f"{log}: 'WILSON LINE' not understood: {found[-1].strip()!r}")
    return Wilson(*(number(text) for text in match.groups()))


def _symmetry(lines: Sequence[str]) -> tuple[SymmetryRow, ...]:
    header = next((n for n, line in enumerate(lines) if line.split()[:2] == ["SPACE-GROUP", "UNIT"]), None)
    if header is None:
        return ()
    rows = paragraph(lines, require(lines, "CHARACTER", LOG, header) + 1, LOG)
    found = [_SYMMETRY.require(row, f"{LOG}: table of symmetries") for row in rows]
    return tuple(_symmetry_row(row) for row in found)


def _symmetry_row(row: dict[str, Any]) -> SymmetryRow:
    cell = cell_of([row.pop(name) for name in ("a", "b", "c", "alpha", "beta", "gamma")], LOG)
    r_meas = row.pop("r_meas")
    return SymmetryRow(cell=cell, r_meas=_per_cent(r_meas, row["compared"], 3), **row)


def _per_cent(value: float | None, compared: int, decimals: int) -> float | None:
    if value is None or value == NO_PERCENTAGE or not compared:
        return None
    return round(value / 100, decimals)


def _signal(lines: Sequence[str]) -> tuple[tuple[SignalRow, ...], SignalRow]:
    title = require(lines, "STANDARD ERROR OF REFLECTION INTENSITIES AS FUNCTION OF RESOLUTION", LOG)
    header = require(lines, "RESOLUTION RANGE  I/Sigma", LOG, title)
    *rows, rule, last = paragraph(lines, require(lines, "expected", LOG, header) + 1, LOG)
    table = f"{LOG}: table 'STANDARD ERROR OF REFLECTION INTENSITIES'"
    if set(rule.strip()) != {"-"}:
        raise LpError(f"{table}: no total")
    found = tuple(_signal_row(_SIGNAL.require(row, table)) for row in rows)
    total = _signal_row(_SIGNAL.require(last, table))
    if sum(row.accepted for row in found) != total.accepted:
        raise LpError(f"{table}: the shells do not add up to the total")
    return found, total


def _signal_row(row: dict[str, Any]) -> SignalRow:
    for name in ("r_observed", "r_expected"):
        row[name] = _per_cent(row[name], row["compared"], 4)
    if not row["compared"]:
        row["chi2"] = None
    return SignalRow(**row)


def _subsets(lines: Sequence[str]) -> tuple[Subset, ...]:
    starts = [n for n, line in enumerate(lines) if "STATISTICS FOR IMAGE" in line]
    return tuple(Subset(*_data_range(lines[n], _SUBSET), shell_table(lines, n, LOG)[1]) for n in starts)


def _data_range(line: str, pattern: re.Pattern[str]) -> tuple[int, int]:
    """First and last image of a set of statistics."""
    match = pattern.search(line)
    if match is None:
        raise LpError(f"{LOG}: not understood: {line.strip()!r}")
    return int(match[1]), int(match[2])


def _friedel(line: str) -> bool:
    match = re.search(r"FRIEDEL'S_LAW=(TRUE|FALSE)", line)
    if match is None:
        raise LpError(f'{LOG}: no "FRIEDEL\'S_LAW=" of the saved data set')
    return match[1] == "TRUE"
