"""What lists show of a result, and what a recommendation is made of: the ledger keeps it."""

from __future__ import annotations

from typing import Any

from beampace.results.doubt import doubts_of
from beampace.results.schema import Result, StatisticsInfo

NUMBERS = ("d_min", "completeness", "multiplicity", "r_meas", "cc_half", "mean_i_over_sigma", "cc_anom")
"""Statistics of all data that are shown."""


def summary_of(result: Result) -> dict[str, Any]:
    """What lists show of a result; nothing of crystal and data where nothing was merged."""
    verdict = result.verdict
    found: dict[str, Any] = {"next_step": verdict.next_step, "files": dict(result.files)}
    further = {
        "warnings": list(verdict.warnings),
        "asked": asked_for(result),
        "doubts": doubts_of(result),
    }
    found |= {name: value for name, value in further.items() if value}
    if result.crystal is not None:
        found |= {
            "space_group": result.crystal.space_group,
            "candidates": list(result.crystal.space_group_candidates),
            "sure": result.crystal.space_group_sure,
            "cell": list(result.crystal.unit_cell),
        }
    return found if result.statistics is None else found | _numbers(result.statistics)


def _numbers(statistics: StatisticsInfo) -> dict[str, Any]:
    found = {name: getattr(statistics.overall, name) for name in NUMBERS}
    return {**found, "friedel_apart": True} if statistics.friedel_apart else found


def asked_for(result: Result) -> list[str]:
    """What was not left to the engine."""
    asked = result.parameters.asked
    return [name for name in ("space_group", "d_min") if getattr(asked, name) is not None]
