"""What autoPROC leaves: `*.table1` of its merged data, and the log of STARANISO."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from beampace.engines.recipe.outputs.columns import OVERALL, details_of, rows, statistics_of
from beampace.engines.recipe.outputs.found import Found, Statistics, Unreadable
from beampace.engines.recipe.outputs.symmetry import crystal_of
from beampace.engines.recipe.outputs.text import behind, number, only, values, whole_lines

METHOD = "R values over all I+ and I-, CC1/2 of random half sets, by autoPROC"
METHOD_CUT = (
    f"{METHOD}, of data STARANISO cut by an anisotropic surface; completeness of the whole sphere to d_min"
)

LABELS = {
    "Low resolution limit": "d_max",
    "High resolution limit": "d_min",
    "Rmerge (all I+ & I-)": "r_merge",
    "Rmeas (all I+ & I-)": "r_meas",
    "Rpim (all I+ & I-)": "r_pim",
    "Total number of observations": "n_observations",
    "Total number unique": "n_unique",
    "Mean(I)/sd(I)": "mean_i_over_sigma",
    "Completeness (spherical)": "completeness",
    "Completeness (ellipsoidal)": "completeness_ellipsoidal",
    "Completeness": "completeness",
    "Multiplicity": "multiplicity",
    "CC(1/2)": "cc_half",
    "Anomalous completeness": "anomalous_completeness",
    "Anomalous completeness (spherical)": "anomalous_completeness",
    "Anomalous multiplicity": "anomalous_multiplicity",
    "CC(ano)": "cc_anom",
}
LAST = "cc_anom"
NEEDED = frozenset({"n_observations", "n_unique", "r_meas", "mean_i_over_sigma", "cc_half", LAST})

HEAD = ["Overall", "InnerShell", "OuterShell"]

CELL = "Unit cell and space group:"
LIMITS = "Diffraction limits & principal axes of ellipsoid fitted to diffraction cut-off surface:"
QUOTED = re.compile(r"(.*\S)\s+'([^']+)'")

ANISOTROPIC = 0.1
"""Relative difference of diffraction limits from which a user should know of it."""


def parse_table1(text: str) -> Found:
    """The statistics in a `table1` of autoPROC; it says nothing of the crystal.

    Raises:
        Unreadable: it is no such table of one dataset, or it ends early.
    """
    lines = whole_lines(text)
    if sum(line.split() == HEAD for line in lines) != 1:
        raise Unreadable(f"it has not one head {' '.join(HEAD)}")
    table = rows(lines, LABELS)
    if missing := NEEDED - set(table):
        raise Unreadable(f"it does not say {', '.join(sorted(missing))}")
    cut = "completeness_ellipsoidal" in table
    statistics = statistics_of(table, METHOD_CUT if cut else METHOD)
    if not cut:
        return Found(statistics=statistics, details=details_of(table))
    inside = table["completeness_ellipsoidal"][OVERALL]
    if inside is None:
        raise Unreadable("it does not say the completeness inside the ellipsoid")
    found = replace(statistics, inside=inside / 100)
    return Found(statistics=found, details=details_of(table), remarks=(_cut(found),))


def parse_staraniso(text: str) -> Found:
    """Crystal and diffraction limits in a log of STARANISO.

    Raises:
        Unreadable: it is no such log, or it ends early.
    """
    lines = whole_lines(text)
    said = QUOTED.fullmatch(only(sorted(set(behind(lines, CELL))), f"line {CELL!r}"))
    if said is None:
        raise Unreadable(f"behind {CELL!r} there is no cell with a space group")
    limits = _limits(lines)
    return Found(
        crystal=crystal_of((said[2],), values(said[1].split(), 6, CELL)),
        details={"diffraction_limits": limits},
        remarks=_anisotropy(limits),
    )


def _limits(lines: Sequence[str]) -> list[float]:
    """Limits in angstrom along the three principal axes, each before its axis; of several, the last count."""
    heads = [n for n, line in enumerate(lines) if line.strip() == LIMITS]
    if not heads:
        raise Unreadable(f"it has no {LIMITS!r}")
    axes = [line.split() for line in lines[heads[-1] + 1 : heads[-1] + 6] if line.strip()][:3]
    found = [number(words[0]) for words in axes if len(words) > 4]
    limits = [limit for limit in found if limit is not None and limit > 0]
    if len(limits) != 3:
        raise Unreadable("it does not give three diffraction limits")
    return limits


def _anisotropy(limits: Sequence[float]) -> tuple[str, ...]:
    if max(limits) - min(limits) <= ANISOTROPIC * max(limits):
        return ()
    one, two, three = (f"{limit:.2f}" for limit in sorted(limits))
    return (f"Diffraction is anisotropic: STARANISO finds limits of {one}, {two} and {three} Å.",)


def _cut(statistics: Statistics) -> str:
    inside, sphere = statistics.inside or 0.0, statistics.overall.completeness or 0.0
    return (
        f"STARANISO cut the data by their anisotropy: {100 * inside:.1f} % of the reflections inside were "
        f"recorded, which are {100 * sphere:.1f} % of all to {statistics.overall.d_min:.2f} Å."
    )
