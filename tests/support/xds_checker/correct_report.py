"""CORRECT.LP of the checker: the cumulative tables, and the last one of what is saved.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.support.xds_checker.correct_choice import Choice
from tests.support.xds_checker.correct_errors import ErrorModel
from tests.support.xds_checker.correct_input import Settings
from tests.support.xds_checker.correct_lattice import cell_of
from tests.support.xds_checker.correct_lp_tables import (
    count_lines,
    final_lines,
    saved_lines,
    subset_lines,
    table_lines,
    wilson_lines,
)
from tests.support.xds_checker.correct_lp_text import title
from tests.support.xds_checker.correct_merging import Observed, axials, merge
from tests.support.xds_checker.correct_orbits import Flags
from tests.support.xds_checker.correct_statistics import Shells, shells_of, table
from tests.support.xds_checker.correct_wilson import wilson
from tests.support.xds_checker.hkl_tables import Table

MOST_SUBSETS, PER_SUBSET = 9, 3000


@dataclass(frozen=True, slots=True)
class Corrected:
    """Observations in the order of XDS_ASCII.HKL; `rows` are their records of INTEGRATE.HKL."""

    data: Observed
    rows: Table
    misfit: Flags
    absent: Flags
    model: ErrorModel

    @property
    def accepted(self) -> Flags:
        """What statistics are made of."""
        return ~self.misfit & ~self.absent


def report_lines(corrected: Corrected, settings: Settings, choice: Choice) -> list[str]:
    """Statistics of growing numbers of images, of all, and the Wilson plot."""
    good = corrected.data.subset(corrected.accepted)
    low, friedel = settings.resolution[0], settings.friedel
    shells = shells_of(good, cell_of(choice.axes), choice.group, low, settings.shells, friedel=friedel)
    first, last = settings.data_range
    lines = title("  SUMMARY OF DATA SET STATISTICS FOR VARIOUS SUBSETS OF INCLUDED DATA IMAGES")
    for limit in subset_limits(first, last, len(good.z)):
        lines += subset_lines((first, limit))
        lines += _table(corrected, shells, corrected.data.z <= limit, friedel=friedel)
    there = corrected.data.subset(~corrected.misfit)
    axial = axials(there, corrected.absent[~corrected.misfit])
    lines += saved_lines((first, last), axial, friedel=friedel)
    lines += _table(corrected, shells, np.ones(len(corrected.misfit), dtype=bool), friedel=friedel)
    lines += wilson_lines(wilson(merge(good, good.orbits.key)))
    return lines + final_lines(len(corrected.misfit), int(np.sum(~corrected.misfit)))


def subset_limits(first: int, last: int, count: int) -> list[int]:
    """Last images of the growing subsets; all images are not among them."""
    n = int(np.clip(count // PER_SUBSET, 1, min(MOST_SUBSETS, last - first + 1)))
    return [first + round((last - first + 1) * number / n) for number in range(1, n)]


def _table(corrected: Corrected, shells: Shells, of: Flags, *, friedel: bool) -> list[str]:
    used = of & corrected.accepted
    if not np.any(used):
        return []
    data = corrected.data.subset(used)
    absent = of & corrected.absent & ~corrected.misfit
    unique = len(np.unique(data.orbits.merged_key(friedel=friedel)))
    counts = (int(np.sum(of)), int(np.sum(of & corrected.misfit)), int(np.sum(absent)), len(data.z), unique)
    return [
        *table_lines(table(data, shells, friedel=friedel), _absent(corrected, absent, data), friedel=friedel),
        *count_lines(*counts),
    ]


def _absent(corrected: Corrected, absent: Flags, data: Observed) -> tuple[int, float]:
    """How many reflections should be absent, and their part of the mean intensity."""
    mean = float(np.mean(data.intensity))
    if not np.any(absent) or mean <= 0:
        return 0, 0.0
    keys = corrected.data.orbits.key[absent]
    return len(np.unique(keys)), float(np.mean(corrected.data.intensity[absent])) / mean
