"""`CORRECT.LP`: statistics of the data set XDS saved."""

from __future__ import annotations

from typing import Any

import gemmi

from beampace.engines.recipe.outputs.found import Found, Shell, Statistics, Unreadable
from beampace.engines.recipe.outputs.symmetry import crystal_of
from beampace.engines.xds.correct_lp import CorrectLog, parse_correct
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.shells import ShellRow

METHOD = "As XDS prints them: Friedel mates taken together"
METHOD_APART = "As XDS prints them: Friedel mates counted apart, also for the completeness"
APART = "XDS counted Friedel mates apart: completeness and R_meas are those of the anomalous data."


def parse_correct_lp(text: str) -> Found:
    """What CORRECT says of the data it saved.

    Raises:
        Unreadable: it is no CORRECT.LP, or ends early.
    """
    try:
        log = parse_correct(text)
    except LpError as error:
        raise Unreadable(str(error)) from error
    return found_in(log)


def found_in(log: CorrectLog) -> Found:
    """What a log of CORRECT says.

    Raises:
        Unreadable: it ends early, or has no shells.
    """
    if not log.ended:
        raise Unreadable("it ends before the program did")
    cell = log.cell.parameters
    return Found(
        crystal=crystal_of((str(log.space_group),), cell, point_group_only=_rotations_only(log)),
        statistics=_statistics(log),
        details={"isa": log.error_model.isa} if log.error_model else {},
        remarks=() if log.friedel else (APART,),
    )


def _rotations_only(log: CorrectLog) -> bool:
    """Whether nobody looked at absences: XDS tries rotations only, and a group it is given may be theirs."""
    group = gemmi.find_spacegroup_by_number(log.space_group)
    return bool(log.symmetry) or group is None or group.is_symmorphic()


def _statistics(log: CorrectLog) -> Statistics:
    if not log.shells or not log.i_over_sigma:
        raise Unreadable("it lists no shells")
    edges = [log.i_over_sigma[0].d_max, *(row.d_min for row in log.shells)]
    shells = tuple(
        _shell(row, d_max, friedel=log.friedel) for row, d_max in zip(log.shells, edges, strict=False)
    )
    return Statistics(
        overall=_shell(log.total, edges[0], friedel=log.friedel),
        outer=shells[-1],
        shells=shells,
        method=METHOD if log.friedel else METHOD_APART,
        inner=shells[0] if len(shells) > 1 else None,
        friedel_apart=not log.friedel,
    )


def _shell(row: ShellRow, d_max: float, *, friedel: bool) -> Shell:
    """A row; reflections whose Friedel mates were counted apart are no unique reflections."""
    counted: dict[str, Any] = {}
    if friedel:
        counted = {"n_unique": row.unique, "n_possible": row.possible}
        counted["multiplicity"] = row.multiplicity or None
    return Shell(
        d_max=d_max,
        d_min=row.d_min,
        n_observations=row.observed,
        completeness=row.completeness,
        r_meas=row.r_meas,
        cc_half=row.cc_half,
        cc_half_significant=row.cc_half_significant if row.cc_half is not None else None,
        mean_i_over_sigma=row.i_over_sigma,
        cc_anom=row.cc_anom,
        **counted,
    )
