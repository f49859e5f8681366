"""The table of merging statistics in resolution shells, which CORRECT and XSCALE print alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from beampace.engines.xds.lp_text import LpError, RowFormat, paragraph, require

TITLE = "SUBSET OF INTENSITY DATA"

_COUNTS = (
    "observed:N unique:N possible:N completeness:P1 "
    "r_obs:P1? r_expected:P1? compared:N i_over_sigma:F2? r_meas:P1?"
)
_SHELL = "d_min:F2 "
_MODERN = f"{_COUNTS} cc_half:F1? cc_half_significant:S cc_anom:I? cc_anom_significant:S sig_ano:F3? n_ano:N"
_OLD = f"{_COUNTS} r_mrgd_f:P1? cc_anom:P0? sig_ano:F3? n_ano:N"
_FORMATS = {
    "CC(1/2)": (RowFormat.of(_SHELL + _MODERN), RowFormat.of(_MODERN)),
    "Rmrgd-F": (RowFormat.of(_SHELL + _OLD), RowFormat.of(_OLD)),
}
"""By a word of the header that only this version prints: how a shell is laid out, and how the total is."""

ROUNDING = 0.0011
"""By how much a completeness printed to 0.1 % may differ from the ratio it is of."""


@dataclass(frozen=True, slots=True)
class ShellRow:
    """Statistics of one resolution shell, or of all.

    R factors and correlations are fractions. None: XDS could compute no value, or this version prints none.
    With `FRIEDEL'S_LAW=FALSE` Friedel mates count as different reflections in all columns.

    Attributes:
        d_min: high-resolution limit, angstrom; of the last shell for the total.
        observed: observations.
        unique: unique reflections.
        possible: unique reflections there could be.
        completeness: unique / possible.
        r_obs: R factor observed.
        r_expected: R factor expected from the sigmas.
        compared: observations with a symmetry mate, of which the R factors are.
        i_over_sigma: mean I/sigma of merged intensities.
        r_meas: redundancy-independent R factor.
        cc_half: correlation of half data sets.
        cc_half_significant: whether it is at the 0.1 % level.
        cc_anom: correlation of anomalous differences.
        cc_anom_significant: whether it is at the 0.1 % level.
        sig_ano: mean anomalous difference in units of its standard deviation.
        n_ano: reflections of which the anomalous columns are.
        r_mrgd_f: quality of merged amplitudes; only versions before 2012.
    """

    d_min: float
    observed: int
    unique: int
    possible: int
    completeness: float
    r_obs: float | None
    r_expected: float | None
    compared: int
    i_over_sigma: float | None
    r_meas: float | None
    cc_half: float | None
    cc_half_significant: bool
    cc_anom: float | None
    cc_anom_significant: bool
    sig_ano: float | None
    n_ano: int
    r_mrgd_f: float | None = None

    @property
    def multiplicity(self) -> float:
        """Observations per unique reflection, 0 without any."""
        return self.observed / self.unique if self.unique else 0.0


def shell_table(lines: Sequence[str], start: int, log: str) -> tuple[tuple[ShellRow, ...], ShellRow, int]:
    """The first table of statistics at or after line `start`: its shells, its total, the index of its title.

    Raises:
        LpError: no such table, one of other columns, one that is cut off, or numbers that do not add up.
    """
    title = require(lines, TITLE, log, start)
    header = require(lines, "UNIQUE  POSSIBLE", log, title)
    shell, total = _formats(" ".join(lines[title : header + 1]), log)
    *rows, last = paragraph(lines, header + 1, log)
    table = f"{log}: table {TITLE!r}"
    if not rows or last.split()[0] != "total":
        raise LpError(f"{table}: no row 'total'")
    shells = tuple(_row(shell.require(row, table)) for row in rows)
    overall = _row({"d_min": shells[-1].d_min} | total.require(last.replace("total", " " * 5, 1), table))
    _check(shells, overall, table)
    return shells, overall, title


def _formats(header: str, log: str) -> tuple[RowFormat, RowFormat]:
    found = [formats for word, formats in _FORMATS.items() if word in header]
    if len(found) != 1:
        raise LpError(f"{log}: table {TITLE!r} has other columns than known")
    return found[0]


def _row(found: dict[str, Any]) -> ShellRow:
    """A row, with None where XDS prints 0 or -99 for want of data."""
    signal = found["i_over_sigma"]
    if signal is not None and (signal <= -99 or (signal == 0 and found["r_meas"] is None)):
        found["i_over_sigma"] = None
    cc_half, cc_anom = found.get("cc_half"), found["cc_anom"]
    anomalous = found["n_ano"] > 0
    found["cc_half"] = round(cc_half / 100, 3) if cc_half is not None and found["compared"] else None
    if isinstance(cc_anom, int):
        cc_anom = cc_anom / 100
    found["cc_anom"] = cc_anom if anomalous else None
    found["sig_ano"] = found["sig_ano"] if anomalous else None
    return ShellRow(**({"cc_half_significant": False, "cc_anom_significant": False} | found))


def _check(shells: Sequence[ShellRow], total: ShellRow, table: str) -> None:
    """Sums and ratios that any version must get right, so that no column is taken for another."""
    sums = [sum(getattr(row, name) for row in shells) for name in ("observed", "unique", "possible")]
    if sums != [total.observed, total.unique, total.possible]:
        raise LpError(f"{table}: the shells do not add up to the total")
    for row in (*shells, total):
        if row.possible and abs(row.completeness - row.unique / row.possible) > ROUNDING:
            raise LpError(f"{table}: completeness {row.completeness} of {row.unique} out of {row.possible}")
