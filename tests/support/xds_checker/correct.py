"""CORRECT of the checker: INTEGRATE.HKL becomes XDS_ASCII.HKL, CORRECT.LP and GXPARM.XDS.

This is the CHECKER of beampace's tests, not XDS. Weaker than XDS: nothing is refined but the cell's shape,
the only empirical correction is a scale of ranges of frames, and misfits are judged by a simple limit.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.support.xds_checker.correct_ascii import write_ascii
from tests.support.xds_checker.correct_choice import Choice, TestData, space_group
from tests.support.xds_checker.correct_errors import (
    ErrorModel,
    Scales,
    error_model,
    frame_scales,
    misfits,
    no_scales,
)
from tests.support.xds_checker.correct_geometry import (
    Geometry,
    polarisation_factors,
    read_geometry,
    write_geometry,
)
from tests.support.xds_checker.correct_input import CheckerStop, Keywords, Settings, settings_of
from tests.support.xds_checker.correct_lattice import Integers
from tests.support.xds_checker.correct_lp_refined import refinement_lines
from tests.support.xds_checker.correct_lp_tables import error_model_lines, error_shell_lines, scale_lines
from tests.support.xds_checker.correct_lp_text import (
    input_lines,
    selected_lines,
    symmetry_lines,
    tally_lines,
)
from tests.support.xds_checker.correct_merging import Observed
from tests.support.xds_checker.correct_orbits import Flags, Vector, inverse_squares, orbits_of
from tests.support.xds_checker.correct_records import observations
from tests.support.xds_checker.correct_refinement import STRONG, refine
from tests.support.xds_checker.correct_report import Corrected, report_lines
from tests.support.xds_checker.correct_symmetry import choose
from tests.support.xds_checker.correct_wilson import error_shells
from tests.support.xds_checker.hkl_tables import IntegrateTable, Item, Table, read_integrate
from tests.support.xds_checker.log import Log, StepError

INDICES = [Item.H, Item.K, Item.L]
DEFAULT_GAP = 5.0


def correct(inp: Keywords, directory: Path, log: Log | None = None) -> None:
    """Run the step; what it cannot go on with stands in the log behind `!!! ERROR !!!`.

    Args:
        inp: keyword of XDS.INP -> its occurrences -> the words of each.
        directory: with INTEGRATE.HKL and XPARM.XDS; the output goes there, too.
        log: an open log of the step, which the caller closes and adds errors and times to.

    Raises:
        StepError: the step cannot go on, and the log is the caller's.
    """
    if log is not None:
        try:
            _correct(inp, directory, log)
        except CheckerStop as stop:
            raise StepError(str(stop)) from None
        return
    own = Log("CORRECT", directory)
    try:
        _correct(inp, directory, own)
        own.times()
    except CheckerStop as stop:
        own.say(f" !!! ERROR !!! {stop}")
    finally:
        own.close()


def _correct(inp: Keywords, directory: Path, log: Log) -> None:
    settings = settings_of(inp)
    table = read_integrate(directory / "INTEGRATE.HKL")
    geometry = _integrated_with(read_geometry(directory / "XPARM.XDS"), table)
    log.say(*input_lines(table, settings, geometry))
    rows = _accepted(table, settings, geometry, log)
    choice, rows, hkl = _reindexed(rows, settings, geometry, log)
    refined = refine(rows, geometry, choice, (table.numbers("REFLECTING_RANGE_E.S.D.") or (0.0,))[0])
    geometry = replace(geometry, axes=choice.axes, group=choice.group.number)
    log.say(*refinement_lines(refined, geometry))
    corrected = _corrected(rows, hkl, choice, settings, log)
    log.say(*report_lines(corrected, settings, choice))
    _save(directory, table, settings, geometry, corrected)
    if refined.accepted:
        write_geometry(geometry, directory / "GXPARM.XDS")


def _integrated_with(geometry: Geometry, table: IntegrateTable) -> Geometry:
    """The lattice of the header of INTEGRATE.HKL; XPARM.XDS has it to more digits if it is the same."""
    axes = [table.numbers(f"UNIT_CELL_{name}-AXIS") for name in "ABC"]
    group = table.numbers("SPACE_GROUP_NUMBER")
    if any(len(axis) != 3 for axis in axes) or not group:
        return geometry
    same = np.allclose(axes, geometry.axes, atol=2e-3, rtol=0)
    return replace(geometry, axes=geometry.axes if same else np.array(axes), group=int(group[0]))


def _accepted(table: IntegrateTable, settings: Settings, geometry: Geometry, log: Log) -> Table:
    """Observations within all limits, corrected for the polarisation of the beam."""
    stated = table.numbers("MAXIMUM_IMAGE_GAP_FOR_ADDING_PARTIALS")
    gap = settings.image_gap if settings.image_gap is not None else (stated or (DEFAULT_GAP,))[0]
    model = table.numbers("VARIANCE_MODEL")
    rows, tally = observations(table.rows, settings, gap, geometry.axes, model)
    log.say(*tally_lines(tally, settings.data_range))
    x, y = rows[:, Item.XCAL], rows[:, Item.YCAL]
    factors = polarisation_factors(geometry, x, y, settings.polarisation, settings.polarisation_normal)
    rows[:, [Item.IOBS, Item.SIGMA, Item.RLP]] *= factors[:, None]
    return rows


def _reindexed(
    rows: Table, settings: Settings, geometry: Geometry, log: Log
) -> tuple[Choice, Table, Integers]:
    """The space group, and the observations that have indices in it."""
    data = _test_data(rows, settings, geometry)
    centring = space_group(geometry.group).centring_type()
    choice = choose(geometry.axes, centring, geometry.group, data, settings.symmetry)
    log.say(*symmetry_lines(choice, settings, len(data.hkl)), *selected_lines(choice))
    exact = rows[:, INDICES] @ choice.reindex.T + choice.shift
    hkl = np.rint(exact).astype(int)
    fits = np.all(np.abs(exact - hkl) < 1e-3, axis=1) & np.any(hkl != 0, axis=1)
    if not np.any(fits):
        raise CheckerStop("USELESS DATA ON INPUT REFLECTION FILE")
    return choice, rows[fits], hkl[fits]


def _test_data(rows: Table, settings: Settings, geometry: Geometry) -> TestData:
    hkl = rows[:, INDICES].astype(int)
    d = inverse_squares(hkl, geometry.axes) ** -0.5
    low, high = settings.symmetry.test_range
    strong = (rows[:, Item.IOBS] >= STRONG * rows[:, Item.SIGMA]) & (d <= low) & (d >= high)
    return TestData(hkl[strong], rows[strong, Item.IOBS])


def _corrected(rows: Table, hkl: Integers, choice: Choice, settings: Settings, log: Log) -> Corrected:
    """Scale, find the error model and the misfits, and sort by unique indices."""
    orbits = orbits_of(hkl, choice.rotations)
    absent = np.asarray(choice.group.operations().systematic_absences(hkl.astype(np.int32)))
    order = np.lexsort((rows[:, Item.ZCAL], ~orbits.plus, orbits.key))
    rows, hkl, absent = rows[order], hkl[order], absent[order]
    orbits = orbits_of(hkl, choice.rotations)
    scales = _scales(orbits.key, rows, absent, settings)
    factor = scales.at(rows[:, Item.ZCAL])
    intensity, counting = rows[:, Item.IOBS] / factor, (rows[:, Item.SIGMA] / factor) ** 2
    keys = orbits.merged_key(friedel=settings.friedel)
    model, bad = _errors(keys, intensity, counting, absent, settings.misfit_factor)
    sigma = np.sqrt(model.variance(counting, intensity))
    squares = inverse_squares(hkl, choice.axes)
    data = Observed(hkl, orbits, intensity, sigma, rows[:, Item.ZCAL], squares)
    log.say(*scale_lines(scales), *error_model_lines(model), *error_shell_lines(error_shells(data, bad)))
    if np.all(bad | absent):
        raise CheckerStop("USELESS DATA ON INPUT REFLECTION FILE")
    return Corrected(data, rows, bad, absent, model)


def _scales(keys: Integers, rows: Table, absent: Flags, settings: Settings) -> Scales:
    z, present = rows[:, Item.ZCAL], ~absent
    if not settings.scaled or not np.any(present):
        return no_scales(z)
    return frame_scales(keys[present], z[present], rows[present, Item.IOBS], rows[present, Item.SIGMA] ** 2)


def _errors(
    keys: Integers, intensity: Vector, counting: Vector, absent: Flags, factor: float
) -> tuple[ErrorModel, Flags]:
    """The error model without the misfits, and the misfits by that model."""
    bad = absent.copy()
    model = ErrorModel(4.0, 1.0e-4)
    for _ in range(2):
        model = error_model(keys[~bad], intensity[~bad], counting[~bad])
        bad = absent.copy()
        bad[~absent] = misfits(keys[~absent], intensity[~absent], counting[~absent], model, factor)
    return model, bad & ~absent


def _save(
    directory: Path, table: IntegrateTable, settings: Settings, geometry: Geometry, corrected: Corrected
) -> None:
    data = corrected.data
    limit = float(np.max(data.inverse_square)) ** -0.5
    effective = replace(settings, resolution=(settings.resolution[0], max(settings.resolution[1], limit)))
    sigma = np.where(corrected.misfit, -data.sigma, data.sigma)
    write_ascii(
        directory / "XDS_ASCII.HKL", table, effective, geometry, corrected.model,
        data.hkl, data.intensity, sigma, corrected.rows,
    )  # fmt: skip
