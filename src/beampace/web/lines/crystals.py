"""What lists show of a crystal and its data, from the summary of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from beampace.web.records.lines import CrystalLine

STRONG = 0.3
"""Correlation from which anomalous differences are usable for phasing: the 30 % of Schneider & Sheldrick
(2002), Acta Cryst. D58, 1772, to which data are cut for the search of a substructure."""

WEAK = 0.1
"""Correlation below which nothing is seen over all data: a choice of ours, three times what chance gives
with a thousand pairs. A signal at low resolution only may still hide in it: see the shells."""


def crystal_line(summary: Mapping[str, Any]) -> CrystalLine:
    """The line; empty where nothing was merged."""
    return CrystalLine(
        space_group=_space_group(summary),
        sure=bool(summary.get("sure")),
        cell=tuple(summary.get("cell") or ()),
        d_min=summary.get("d_min"),
        completeness=summary.get("completeness"),
        multiplicity=summary.get("multiplicity"),
        r_meas=summary.get("r_meas"),
        cc_half=summary.get("cc_half"),
        i_over_sigma=summary.get("mean_i_over_sigma"),
        cc_anom=summary.get("cc_anom"),
        anomalous=anomalous_words(summary.get("cc_anom")),
    )


def anomalous_words(cc_anom: float | None) -> str:
    """The anomalous signal of all data: `strong` from 0.3, `weak` from 0.1, else `none seen`; "" unknown."""
    if cc_anom is None:
        return ""
    if cc_anom >= STRONG:
        return "strong"
    return "weak" if cc_anom >= WEAK else "none seen"


def _space_group(summary: Mapping[str, Any]) -> str:
    """The symbol when it is sure, else all that is left."""
    symbol = str(summary.get("space_group", ""))
    left = tuple(map(str, summary.get("candidates") or ())) or (symbol,)
    return symbol if summary.get("sure") else " or ".join(left)
