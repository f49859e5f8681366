"""The scaled reflections of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from beampace.analysis.scaled import Scaled
from beampace.engines.dials import reflections as table
from beampace.engines.dials.reflections import ReflectionTable


def scaled_of(reflections: ReflectionTable) -> Scaled:
    """The reflections that took part in scaling."""
    good = reflections.flagged(table.SCALED) & ~reflections.flagged(table.BAD_FOR_SCALING)
    good &= reflections["inverse_scale_factor"] > 0
    factor = reflections["inverse_scale_factor"][good]
    return Scaled(
        reflections["miller_index"][good],
        _float(reflections["intensity.scale.value"][good] / factor),
        _float(np.sqrt(reflections["intensity.scale.variance"][good]) / factor),
        _float(reflections["d"][good]),
    )


def _float(values: NDArray[Any]) -> NDArray[np.float64]:
    return values.astype(np.float64)
