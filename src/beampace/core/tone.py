"""The tone of a verdict: how a code is shown, beside its words; never by colour alone."""

from __future__ import annotations

from typing import Literal

from beampace.core.taxonomy import TAXONOMY, Exit, Failure
from beampace.core.verdict import Success

Tone = Literal["good", "fair", "poor", "plain"]
"""`good`: it may be used; `fair`: with care; `poor`: the data gave no answer; `plain`: nothing is said."""

TONES: tuple[Tone, ...] = ("good", "fair", "poor", "plain")

FAIR = frozenset({Success.LITTLE_DATA.value, Success.FINISHED.value})
"""Codes of results to be used with care; every other code that is no failure is good."""

POOR = frozenset(
    code.value
    for code, entry in TAXONOMY.items()
    if entry.exit in (Exit.SCIENCE, Exit.BAD_INPUT) and code is not Failure.BAD_REQUEST
)
"""Codes that say something of the data, and nothing good."""

PLAIN = frozenset(code.value for code in TAXONOMY) - POOR
"""Codes that say nothing of the data: the infrastructure, a request, a person."""


def tone_of(code: str) -> Tone:
    """The tone of a code; "" is what nothing is known of."""
    if not code or code in PLAIN:
        return "plain"
    if code in POOR:
        return "poor"
    return "fair" if code in FAIR else "good"
