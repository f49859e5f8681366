"""IDXREF: a lattice for the spots in SPOT.XDS, wherever they come from."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import gemmi
import numpy as np
import numpy.typing as npt

from tests.support.xds_checker import failures
from tests.support.xds_checker import idxref_text as text
from tests.support.xds_checker.area import resolved, trusted
from tests.support.xds_checker.colspot import write_spots
from tests.support.xds_checker.geometry import Floats, unit
from tests.support.xds_checker.indexing import (
    FAR,
    Solution,
    aimed,
    displaced,
    misindexed,
    nearest_origin,
    refine,
    start,
)
from tests.support.xds_checker.lattices import fits
from tests.support.xds_checker.log import Log, StepError
from tests.support.xds_checker.run import Run
from tests.support.xds_checker.setting import reduced, to_given
from tests.support.xds_checker.xparm import Xparm, write_xparm

_FEWEST = 25


def idxref(run: Run, log: Log) -> None:
    """The step: SPOT.XDS and XDS.INP are all it reads."""
    group = run.inp.integer("SPACE_GROUP_NUMBER", 0)
    log.say(*text.input_values(run.inp, run.geometry, group))
    spots = read_spots(run)
    used = _selected(run, spots)
    log.say(f" AUTOINDEXING IS BASED ON{len(used):7d} OUT OF{len(spots):8d} SPOTS")
    log.say(" WITHIN THE ALLOWED RESOLUTION RANGES OF THE FOLLOWING DATA IMAGES:")
    log.say(*(f" SPOT_RANGE={low:8d}{high:8d}" for low, high in run.inp.spot_ranges), "")
    if len(used) < _FEWEST or run.truth.cell is None:
        raise StepError("INSUFFICIENT NUMBER OF ACCEPTED SPOTS.")
    found = _solved(run, used, group)
    _report(run, log, found, used, spots, group)


def read_spots(run: Run) -> Floats:
    """x, y, z, intensity of SPOT.XDS, which may have 4, 5, 7 or 8 columns.

    Raises:
        StepError: it cannot be read.
    """
    try:
        lines = (run.directory / "SPOT.XDS").read_text().splitlines()
        rows = [[float(word) for word in line.split()] for line in lines if line.strip()]
    except (OSError, ValueError):
        raise StepError("CANNOT READ SPOT.XDS") from None
    if not rows or any(len(row) != len(rows[0]) for row in rows) or len(rows[0]) not in (4, 5, 7, 8):
        raise StepError("CANNOT READ SPOT.XDS")
    return np.array(rows)[:, :4]


def _selected(run: Run, spots: Floats) -> Floats:
    """Spots in the spot ranges, the resolution ranges and the trusted region."""
    x, y, z = spots[:, :3].T
    inside = np.zeros(len(spots), bool)
    for low, high in run.inp.spot_ranges:
        inside |= (z > low - 1) & (z <= high)
    length = np.linalg.norm(run.geometry.rays(x, y) - run.geometry.s0, axis=1)
    keep = inside & resolved(run.inp, length) & trusted(run.inp, run.geometry, None, x, y)
    return spots[keep]


@dataclass(frozen=True, eq=False)
class _Found:
    """What indexing found.

    Attributes:
        solution: with the origin that was taken for the right one.
        true: with the true origin, as well as the given geometry allows.
        zero: the origin, counted from the true one, that is called 0 0 0.
        z: about which images.
    """

    solution: Solution
    true: Solution
    zero: Floats
    z: float


def _solved(run: Run, spots: Floats, group: int) -> _Found:
    """The best of the true lattices, in the setting that is asked for.

    Raises:
        StepError: the given cell is none of this lattice.
    """
    setting, parts = _setting(run, group), run.refinable("IDXREF", "BEAM AXIS ORIENTATION CELL")
    truth = run.truth.turned_to(run.geometry.frame)
    z, strongest = float(np.median(spots[:, 2])), spots[np.argsort(-spots[:, 3], kind="stable")][:3000]
    begins = (start(run.geometry, truth, lattice, z) for lattice in range(len(truth.reciprocal)))
    found = []
    for begin in begins:
        begin = replace(begin, reciprocal=begin.reciprocal @ np.linalg.inv(setting))
        true = refine(aimed(begin, truth.geometry.beam_pixel), strongest, parts, group)
        zero = nearest_origin(true, run.geometry.s0, z)
        origin = zero + np.array(run.inp.vector("INDEX_ORIGIN") or (0.0, 0.0, 0.0))
        solution = true
        if origin.any():
            solution = misindexed(true, strongest, origin, parts, group)
        found.append(_Found(solution, true, zero, z))
    return max(found, key=lambda one: int(_accepted(run, one.solution, spots).sum()))


def _moved_to(solution: Solution, origin: Floats, z: float) -> Solution:
    """The beam for which every spot has its indices moved by an origin."""
    g = solution.geometry
    beam = unit(displaced(solution, origin, z)) / g.wavelength
    return replace(solution, geometry=replace(g, s0=beam))


def _setting(run: Run, group: int) -> Floats:
    """S with hkl = S hkl_true: reduced without a group, as given with one."""
    cell, centring = run.truth.cell, run.truth.group[0]
    if not group:
        return reduced(cell, centring)[0]
    given = gemmi.find_spacegroup_by_number(group)
    errors = (run.inp.number("MAX_CELL_AXIS_ERROR", 0.03), run.inp.number("MAX_CELL_ANGLE_ERROR", 2.0))
    setting = to_given((cell, centring), (run.inp.vector("UNIT_CELL_CONSTANTS"), given.hm[0]), *errors)
    if setting is None:
        raise StepError("CANNOT INTERPRETE LATTICE BY THE GIVEN UNIT CELL")
    return setting


def _accepted(run: Run, solution: Solution, spots: Floats) -> npt.NDArray[np.bool_]:
    """Spots that are of the lattice and near where they ought to be."""
    fraction = solution.indices(spots)
    near = np.abs(fraction - np.rint(fraction)).max(axis=1) < FAR
    off = np.abs(solution.departures(spots))
    pixels = run.inp.number("MAXIMUM_ERROR_OF_SPOT_POSITION", 3.0)
    degrees = run.inp.number("MAXIMUM_ERROR_OF_SPINDLE_POSITION", 2.0)
    return near & (off[:, :2].max(axis=1) <= pixels) & (off[:, 2] <= degrees)


def _report(run: Run, log: Log, found: _Found, used: Floats, spots: Floats, group: int) -> None:
    """IDXREF.LP from the subtrees on, XPARM.XDS, SPOT.XDS with indices; then the verdict."""
    solution = found.solution
    good = _accepted(run, solution, used)
    count = int(good.sum())
    _report_origin(run, log, found, used, count)
    sd = _deviations(solution, used[good])
    xparm = Xparm(solution.geometry, group or 1, np.linalg.inv(solution.reciprocal))
    refined = " ".join(run.refinable("IDXREF", "BEAM AXIS ORIENTATION CELL"))
    log.say(*text.indexed(xparm.group, (count, len(used), 0), sd))
    log.say(" ***** DIFFRACTION PARAMETERS USED AT START OF INTEGRATION *****", "")
    log.say(f" REFINED VALUES OF DIFFRACTION PARAMETERS DERIVED FROM{count:10d} INDEXED SPOTS")
    log.say(*text.parameters(xparm, refined, sd))
    if failures.due("IDXREF", "not_unique"):
        log.say(failures.NOT_UNIQUE, "")
    log.say(*text.lattice_table(fits(_reduced_axes(xparm))), *text.oscillation(max(xparm.cell[:3])))
    write_xparm(run.directory / "XPARM.XDS", xparm)
    all_good = _accepted(run, solution, spots)
    write_spots(run, spots, np.where(all_good[:, None], np.rint(solution.indices(spots)), 0).astype(int))
    log.times()
    _judge(run, log, count / len(used), sd)


def _report_origin(run: Run, log: Log, found: _Found, used: Floats, count: int) -> None:
    rest = max(0, len(used) - count)
    few = [rest // 20 + 1, *([2] * min(3, rest // 40)), *([1] * min(9, rest))]
    log.say(*text.subtrees([max(count, 1), *few]))
    origin = [int(value) for value in run.inp.vector("INDEX_ORIGIN")] or [0, 0, 0]
    log.say(*text.origins(run.geometry, _origins(run, found, used), origin))


def _origins(run: Run, found: _Found, used: Floats) -> list[tuple[float, ...]]:
    """Rows of the table of origins, the likeliest first."""
    given, rows = unit(run.geometry.s0), []
    for origin in itertools.product((-2, -1, 0, 1, 2), repeat=3):
        moved = _moved_to(found.true, found.zero + np.array(origin, float), found.z)
        beam = moved.geometry.s0
        delta = float(np.degrees(np.arccos(np.clip(unit(beam) @ given, -1, 1))))
        fraction = moved.indices(used[:500])
        off = np.abs(fraction - np.rint(fraction)).mean(axis=0)
        quality = 1.0 + 10 * float(off.sum()) + 5 * delta
        rows.append((*origin, quality, delta, *moved.geometry.beam_pixel, *beam, *off))
    return sorted(rows, key=lambda row: row[3])[:53]


def _deviations(solution: Solution, good: Floats) -> tuple[float, float]:
    """Standard deviations: of a spot's position in pixels, of the spindle in degrees."""
    if not len(good):
        return 99.99, 99.99
    off = solution.departures(good)
    return float(np.sqrt((off[:, :2] ** 2).sum(axis=1).mean())), float(np.sqrt((off[:, 2] ** 2).mean()))


def _reduced_axes(xparm: Xparm) -> Floats:
    """Rows of the reduced basis."""
    centring = gemmi.find_spacegroup_by_number(xparm.group).hm[0]
    change, _ = reduced(xparm.cell, centring)
    return np.linalg.inv(xparm.reciprocal @ np.linalg.inv(change))


def _judge(run: Run, log: Log, share: float, sd: tuple[float, float]) -> None:
    """The last word: XPARM.XDS is there, but may be worth nothing.

    Raises:
        StepError: too few spots were indexed, or they lie too far from where they ought to be.
    """
    least = run.inp.number("MINIMUM_FRACTION_OF_INDEXED_SPOTS", 0.5)
    words = ""
    if share < least or failures.due("IDXREF", "few_indexed"):
        words = failures.FEW_INDEXED.format(percent=100 * least)
    elif _inaccurate(run, sd) or failures.due("IDXREF", "inaccurate"):
        words = failures.INACCURATE
    if words:
        log.fail(words)
        log.say(*text.STOPPED)
        raise SystemExit(0)


def _inaccurate(run: Run, sd: tuple[float, float]) -> bool:
    spot = run.inp.number("MAXIMUM_ERROR_OF_SPOT_POSITION", 3.0)
    spindle = run.inp.number("MAXIMUM_ERROR_OF_SPINDLE_POSITION", 2.0)
    return sd[0] > spot or sd[1] > spindle
