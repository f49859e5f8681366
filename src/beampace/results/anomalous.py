"""The anomalous signal of all data in words."""

from __future__ import annotations

STRONG = 0.3
"""Correlation from which anomalous differences are usable for phasing: the 30 % of Schneider & Sheldrick
(2002), Acta Cryst. D58, 1772, to which data are cut for the search of a substructure."""

WEAK = 0.1
"""Correlation below which nothing is seen over all data: a choice of ours, three times what chance gives
with a thousand pairs. A signal at low resolution only may still hide in it: see the shells."""


def anomalous_words(cc_anom: float | None) -> str:
    """The anomalous signal of all data: `strong` from 0.3, `weak` from 0.1, else `none seen`; "" unknown."""
    if cc_anom is None:
        return ""
    if cc_anom >= STRONG:
        return "strong"
    return "weak" if cc_anom >= WEAK else "none seen"
