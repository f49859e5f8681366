"""Numbers as XDS.INP has them: plain decimals that give the very same value when they are read."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np


def number(value: float) -> str:
    """The shortest decimal without exponent that reads back as `value`; minus zero is zero.

    Raises:
        ValueError: the value is not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"XDS takes finite numbers, not {value}")
    return np.format_float_positional(value + 0.0, trim="0")


def numbers(values: Iterable[float]) -> str:
    """Numbers with blanks between them."""
    return " ".join(number(value) for value in values)
