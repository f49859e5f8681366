"""What dials.symmetry decided."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LaueDecision:
    """Likelihood (0 to 1) of the chosen Laue group, and pairs of reflections it rests on."""

    likelihood: float
    pairs: int


def read_decision(path: Path) -> LaueDecision:
    """What `dials.symmetry output.json` says of its best group.

    Raises:
        OSError, ValueError, KeyError: the file is not what 3.12 writes.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    best = max(content["subgroup_scores"], key=lambda score: score["likelihood"])
    pairs = sum(int(score["n_ref"]) for score in content["sym_op_scores"])
    return LaueDecision(float(best["likelihood"]), pairs)
