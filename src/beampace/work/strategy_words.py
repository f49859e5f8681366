"""What a strategy says in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from beampace.work.strategy_shots import SAME

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "best": "Best data",
        "fastest": "Fastest complete set",
        "anomalous": "Anomalous signal",
        "P1-safe": "Complete whatever the symmetry",
    }
)
"""Kind of a plan -> its title."""

NO_TRANSMISSION = (
    "The transmission of the test shots is not known and taken as 100 %: "
    "multiply that of the plans by the true one."
)


def transmission_words(taken: float | None, written: float | None) -> tuple[str, ...]:
    """What is to be said of the transmission of test shots: nobody knows it, or two are named.

    Args:
        taken: what the strategy goes by; None if not known.
        written: what the master says; None if it does not.
    """
    if taken is None:
        return (NO_TRANSMISSION,)
    if written is None or math.isclose(taken, written, rel_tol=SAME):
        return ()
    words = (
        f"The transmission of the test shots is taken as {100 * taken:.4g} %, as was asked; "
        f"their master says {100 * written:.4g} %."
    )
    return (words,)


def sentence(words: str) -> str:
    """A clause as a sentence."""
    text = words.strip().rstrip(".")
    return f"{text[0].upper()}{text[1:]}." if text else ""
