"""What fast_dp leaves: `fast_dp.json`, and the table in `fast_dp.log`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from beampace.engines.recipe.outputs.columns import Table, details_of, rows, statistics_of
from beampace.engines.recipe.outputs.found import Found, Unreadable
from beampace.engines.recipe.outputs.json_text import a_list, a_mapping, a_number, a_text, content
from beampace.engines.recipe.outputs.symmetry import crystal_of
from beampace.engines.recipe.outputs.text import Values, behind, only, values, whole_lines

METHOD = "CC1/2 of random half sets; R_merge within I+ and I-{r_meas}, by fast_dp"

WITHIN = "r_meas_within_iplusi_minus"
"""Key of an R_meas that takes Friedel mates for different reflections."""

SHELLS = ("overall", "innerShell", "outerShell")
KEYS: Mapping[str, str] = {
    "res_lim_low": "d_max",
    "res_lim_high": "d_min",
    "r_merge": "r_merge",
    "r_meas_all_iplusi_minus": "r_meas",
    WITHIN: "r_meas",
    "mean_i_sig_i": "mean_i_over_sigma",
    "completeness": "completeness",
    "multiplicity": "multiplicity",
    "cc_half": "cc_half",
    "cc_anom": "cc_anom",
    "n_tot_obs": "n_observations",
    "n_tot_unique_obs": "n_unique",
    "anom_completeness": "anomalous_completeness",
    "anom_multiplicity": "anomalous_multiplicity",
}
LABELS: Mapping[str, str] = {
    "Low resolution": "d_max",
    "High resolution": "d_min",
    "Rmerge": "r_merge",
    "I/sigma": "mean_i_over_sigma",
    "Completeness": "completeness",
    "Multiplicity": "multiplicity",
    "CC 1/2": "cc_half",
    "Anom. Completeness": "anomalous_completeness",
    "Anom. Multiplicity": "anomalous_multiplicity",
    "Anom. Correlation": "cc_anom",
    "Nrefl": "n_observations",
    "Nunique": "n_unique",
}
NEEDED = frozenset({"r_merge", "mean_i_over_sigma", "n_observations", "n_unique"})

GROUP = "Merging point group:"
CELL = "Unit cell:"


def parse_fast_dp_json(text: str) -> Found:
    """What `fast_dp.json` says (fast_dp from version 1.1).

    Raises:
        Unreadable: it is no such file.
    """
    said = content(text)
    shells = a_mapping(said, "scaling_statistics")
    found = [a_mapping(shells, name) for name in SHELLS]
    names = {key: name for key, name in KEYS.items() if all(key in one for one in found)}
    table: dict[str, Values] = {}
    for key, name in names.items():
        table.setdefault(name, tuple(a_number(one[key], key) for one in found))
    meas = next((key for key in names if key.startswith("r_meas")), "")
    cell = [a_number(value, "unit_cell") for value in a_list(said, "unit_cell")]
    return _found(table, a_text(said.get("spacegroup"), "spacegroup"), cell, meas)


def parse_fast_dp_log(text: str) -> Found:
    """What `fast_dp.log` says.

    Raises:
        Unreadable: it is no such log, or ends early.
    """
    lines = whole_lines(text)
    symbol = only(list(behind(lines, GROUP)), f"line {GROUP!r}")
    cell = only(list(behind(lines, CELL)), f"line {CELL!r}")
    table = rows(lines, LABELS)
    return _found(_fractions(table), symbol, values(cell.split(), 6, CELL))


def _found(table: Table, symbol: str, cell: Values | list[float | None], r_meas: str = "") -> Found:
    """All of it; `r_meas` is the key of the R_meas in the table."""
    if missing := NEEDED - set(table):
        raise Unreadable(f"it does not say {', '.join(sorted(missing))}")
    # fast_dp looks at no absences: what it names is a point group.
    crystal = crystal_of((symbol,), cell, point_group_only=True)
    statistics = replace(statistics_of(table, _method(r_meas)), friedel_apart=r_meas == WITHIN)
    return Found(crystal, statistics, details=details_of(table))


def _method(r_meas: str) -> str:
    where = {"r_meas_all_iplusi_minus": ", R_meas over all", WITHIN: ", R_meas, too"}
    return METHOD.format(r_meas=where.get(r_meas, ""))


def _fractions(table: Table) -> Table:
    """The table with correlations as fractions: older versions print them in per cent."""
    half = [value for value in table.get("cc_half", ()) if value is not None]
    if "cc_half" not in table:  # the versions without it print the other correlation in per cent, too
        return {name: row for name, row in table.items() if name != "cc_anom"}
    if max(half, default=0.0) <= 1:
        return table
    return {name: _hundredth(row) if name.startswith("cc_") else row for name, row in table.items()}


def _hundredth(row: Values) -> Values:
    return tuple(None if value is None else round(value / 100, 6) for value in row)
