"""`aimless.log`: the summary and the tables by resolution that CCP4's AIMLESS prints."""

from __future__ import annotations

import re
from collections.abc import Sequence

from beampace.engines.recipe.outputs.aimless_shells import shells_of
from beampace.engines.recipe.outputs.columns import Table, details_of, rows, statistics_of, with_shells
from beampace.engines.recipe.outputs.found import Found, Unreadable
from beampace.engines.recipe.outputs.symmetry import crystal_of
from beampace.engines.recipe.outputs.text import behind, only, values, whole_lines

METHOD = "R values over all I+ and I-, CC1/2 of random half sets, Mn(I/sd) of merged intensities, by AIMLESS"

LABELS = {
    "Low resolution limit": "d_max",
    "High resolution limit": "d_min",
    "Rmerge (all I+ and I-)": "r_merge",
    "Rmerge (all I+ & I-)": "r_merge",
    "Rmeas (all I+ & I-)": "r_meas",
    "Rmeas (all I+ and I-)": "r_meas",
    "Rpim (all I+ & I-)": "r_pim",
    "Rpim (all I+ and I-)": "r_pim",
    "Total number of observations": "n_observations",
    "Total number unique": "n_unique",
    "Mean((I)/sd(I))": "mean_i_over_sigma",
    "Mn(I) half-set correlation CC(1/2)": "cc_half",
    "Completeness": "completeness",
    "Multiplicity": "multiplicity",
    "Anomalous completeness": "anomalous_completeness",
    "Anomalous multiplicity": "anomalous_multiplicity",
    "DelAnom correlation between half-sets": "cc_anom",
}

NEEDED = frozenset({"n_observations", "n_unique", "r_meas", "mean_i_over_sigma"})

HEAD = "Summary data for"
LAST = "Space group:"


def parse_aimless(text: str) -> Found:
    """What AIMLESS says of its one dataset.

    Raises:
        Unreadable: it is no log of AIMLESS with the summary of one dataset, or ends within it.
    """
    lines = whole_lines(text)
    table = _table(_summary(lines))
    # The space group stands last: without it the log ends early.
    symbol = only(list(behind(_summary(lines), LAST)), "space group behind the summary")
    cell = only(list(behind(_summary(lines), "Average unit cell:")), "cell behind the summary")
    statistics = statistics_of(table, METHOD)
    return Found(
        crystal=crystal_of((symbol,), values(cell.split(), 6, "Average unit cell")),
        statistics=with_shells(statistics, shells_of(lines, statistics.overall)),
        details=details_of(table),
        versions=_versions(text),
    )


def _summary(lines: Sequence[str]) -> list[str]:
    heads = [number for number, line in enumerate(lines) if line.strip().startswith(HEAD)]
    if len(heads) != 1:
        raise Unreadable(f"it has {len(heads) or 'no'} 'Summary data for' a dataset, not one")
    part = list(lines[heads[0] :])
    head = next((line.split() for line in part if "InnerShell" in line), [])
    if head != ["Overall", "InnerShell", "OuterShell"]:
        raise Unreadable("its summary has other columns than Overall, InnerShell, OuterShell")
    return part


def _table(lines: Sequence[str]) -> Table:
    table = rows(lines, LABELS)
    if missing := NEEDED - set(table):
        raise Unreadable(f"its summary does not say {', '.join(sorted(missing))}")
    return table


def _versions(text: str) -> dict[str, str]:
    found = re.search(r"AIMLESS\s+version\s+(\d[\w.]*)", text)
    return {"aimless": found[1]} if found else {}
