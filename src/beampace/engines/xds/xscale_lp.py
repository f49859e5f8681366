"""XSCALE.LP: how several data sets scale together, and what they are merged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from beampace.core.cell import UnitCell
from beampace.engines.xds.correct_lp import NOT_REFINED, Wilson, parse_wilson
from beampace.engines.xds.lp_text import (
    LpError,
    RowFormat,
    cell_of,
    ended,
    find,
    labelled,
    notices,
    numbers,
    paragraph,
    require,
    whole_lines,
)
from beampace.engines.xds.parameters import space_group_of
from beampace.engines.xds.shells import ShellRow, shell_table

LOG = "XSCALE.LP"

_INPUT = RowFormat.of("number:N mean_intensity:E accepted:N rejected:N name:T")
_ERROR = RowFormat.of("a:E b:E isa:F2 isa0:F2 name:T")
_CORRELATION = RowFormat.of("i:N j:N n_common:N correlation:F3? ratio:F4? b_factor:F4?")
_OUTPUT = re.compile(r"STATISTICS OF SCALED OUTPUT DATA SET\s*:\s*(\S.*?)\s*$")
_SET_TOTAL = RowFormat.of("r_obs:P1? r_expected:P1? compared:N")


@dataclass(frozen=True, slots=True)
class InputSet:
    """One data set read.

    Attributes:
        number: its number, from 1.
        mean_intensity: mean intensity of its reflections.
        accepted: observations.
        rejected: observations rejected on reading.
        name: its file.
    """

    number: int
    mean_intensity: float
    accepted: int
    rejected: int
    name: str


@dataclass(frozen=True, slots=True)
class SetError:
    """The error model v = a (v0 + b I^2) of one data set.

    Attributes:
        a: factor of the variance from counting.
        b: square of the relative error that intensities keep.
        isa: asymptotic I/sigma after scaling with the others; None where it is no measurement.
        isa0: the same before.
        name: the data set's file.
    """

    a: float
    b: float
    isa: float | None
    isa0: float | None
    name: str


@dataclass(frozen=True, slots=True)
class Correlation:
    """How two data sets agree; None where a number overflowed.

    Attributes:
        i: number of one data set.
        j: number of the other.
        n_common: reflections they share.
        correlation: of their intensities, -1 to 1.
        ratio: of their common intensities, i / j.
        b_factor: relative temperature factor, square angstrom.
    """

    i: int
    j: int
    n_common: int
    correlation: float | None
    ratio: float | None
    b_factor: float | None


@dataclass(frozen=True, slots=True)
class SetFactors:
    """R factors of one data set against all merged, as fractions.

    Attributes:
        name: the data set's file.
        r_obs: observed.
        r_expected: expected from the sigmas.
        compared: observations compared.
    """

    name: str
    r_obs: float | None
    r_expected: float | None
    compared: int


@dataclass(frozen=True, slots=True)
class OutputSet:
    """One output file with its statistics.

    Attributes:
        name: its name.
        friedel: whether Friedel mates count as one reflection in the statistics.
        shells: statistics in shells.
        total: of all resolutions.
    """

    name: str
    friedel: bool
    shells: tuple[ShellRow, ...]
    total: ShellRow


@dataclass(frozen=True, slots=True)
class XscaleLog:
    """What XSCALE made of its input.

    Attributes:
        space_group: number of the space group.
        cell: the cell it assumes.
        inputs: data sets read.
        correlations: of pairs of data sets; empty for one alone.
        error_models: of each data set.
        outputs: output files.
        factors: R factors of each data set.
        wilson: of the last output, None where not printed.
        warnings: messages marked so.
        errors: messages marked so.
        ended: whether the program came to its end.
    """

    space_group: int
    cell: UnitCell
    inputs: tuple[InputSet, ...]
    correlations: tuple[Correlation, ...]
    error_models: tuple[SetError, ...]
    outputs: tuple[OutputSet, ...]
    factors: tuple[SetFactors, ...]
    wilson: Wilson | None
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    ended: bool


def parse_xscale(text: str) -> XscaleLog:
    """The record of an XSCALE.LP.

    Raises:
        LpError: it has no statistics of scaled data, or something is cut off or not understood.
    """
    lines = whole_lines(text)
    space_group, cell = _assumed(lines)
    outputs = _outputs(lines)
    if not outputs:
        raise LpError(f"{LOG}: no 'STATISTICS OF SCALED OUTPUT DATA SET'")
    return XscaleLog(
        space_group=space_group,
        cell=cell,
        inputs=_inputs(lines),
        correlations=_correlations(lines),
        error_models=_error_models(lines),
        outputs=outputs,
        factors=_factors(lines),
        wilson=parse_wilson(lines, LOG),
        warnings=notices(lines, "WARNING"),
        errors=notices(lines, "ERROR"),
        ended=ended(lines),
    )


def _assumed(lines: Sequence[str]) -> tuple[int, UnitCell]:
    title = require(lines, "THE DATA COLLECTION STATISTICS REPORTED BELOW ASSUMES", LOG)
    block = paragraph(lines, title, LOG)
    constants = numbers(labelled(block, "UNIT_CELL_CONSTANTS=", LOG), 6, 3)
    return space_group_of(labelled(block, "SPACE_GROUP_NUMBER=", LOG), LOG), cell_of(constants, LOG)


def _table(lines: Sequence[str], title: str, header: str, row_format: RowFormat) -> list[dict[str, Any]]:
    """Rows of the table below the line of words `header`, first after the line `title`."""
    begin = require(lines, title, LOG)
    index = next((n for n in range(begin, len(lines)) if lines[n].split() == header.split()), None)
    if index is None:
        raise LpError(f"{LOG}: no table {title!r}")
    return [row_format.require(row, f"{LOG}: {title!r}") for row in paragraph(lines, index + 1, LOG)]


def _inputs(lines: Sequence[str]) -> tuple[InputSet, ...]:
    rows = _table(lines, "READING INPUT REFLECTION DATA FILES", "SET# INTENSITY ACCEPTED REJECTED", _INPUT)
    return tuple(InputSet(**row) for row in rows)


def _correlations(lines: Sequence[str]) -> tuple[Correlation, ...]:
    title = "CORRELATIONS BETWEEN INPUT DATA SETS"
    if find(lines, title) is None:
        return ()
    header = "#i #j REFLECTIONS BETWEEN i,j INTENSITIES (i/j) BETWEEN i,j"
    return tuple(Correlation(**row) for row in _table(lines, title, header, _CORRELATION))


def _error_models(lines: Sequence[str]) -> tuple[SetError, ...]:
    title = "CORRECTION PARAMETERS FOR THE STANDARD ERROR OF REFLECTION INTENSITIES"
    rows = _table(lines, title, "a b ISa ISa0 INPUT DATA SET", _ERROR)
    return tuple(_set_error(row) for row in rows)


def _set_error(row: dict[str, Any]) -> SetError:
    if (row["a"], row["b"]) == NOT_REFINED:
        row["isa"] = None
    for name in ("isa", "isa0"):
        row[name] = None if row[name] is None or row[name] < 0 else row[name]
    return SetError(**row)


def _outputs(lines: Sequence[str]) -> tuple[OutputSet, ...]:
    starts = [(n, match) for n, match in ((n, _OUTPUT.search(line)) for n, line in enumerate(lines)) if match]
    return tuple(_output(lines, n, match[1]) for n, match in starts)


def _output(lines: Sequence[str], start: int, name: str) -> OutputSet:
    law = re.search(r"FRIEDEL'S_LAW=\s*(TRUE|FALSE)", lines[require(lines, "FRIEDEL'S_LAW=", LOG, start)])
    if law is None:
        raise LpError(f'{LOG}: "FRIEDEL\'S_LAW=" not understood')
    shells, total, _ = shell_table(lines, start, LOG)
    return OutputSet(name, law[1] == "TRUE", shells, total)


def _factors(lines: Sequence[str]) -> tuple[SetFactors, ...]:
    mark = "R-FACTORS FOR INTENSITIES OF DATA SET"
    starts = [n for n, line in enumerate(lines) if mark in line]
    return tuple(_set_factors(lines, n, lines[n].split(mark, 1)[1].strip()) for n in starts)


def _set_factors(lines: Sequence[str], start: int, name: str) -> SetFactors:
    last = paragraph(lines, require(lines, "expected", LOG, start) + 1, LOG)[-1]
    row = _SET_TOTAL.require(last.replace("total", " " * 5, 1), f"{LOG}: R factors of {name}")
    return SetFactors(name, **row)
