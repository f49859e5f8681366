"""What lists show of a crystal and its data, from the summary of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from beampace.results.anomalous import anomalous_words
from beampace.web.records.lines import CrystalLine


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


def _space_group(summary: Mapping[str, Any]) -> str:
    """The symbol when it is sure, else all that is left."""
    symbol = str(summary.get("space_group", ""))
    left = tuple(map(str, summary.get("candidates") or ())) or (symbol,)
    return symbol if summary.get("sure") else " or ".join(left)
