"""The results of a dataset as the recommendation sees them; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from beampace.core.taxonomy import Failure
from beampace.results.agreement import Said

WORKS = ("merge", "process", "strategy", "map")
"""Works whose results are used, the most wanted first; a look is for the eye."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A result of a dataset.

    Attributes:
        name: of its directory, such as `process_001`.
        work, engine, code: what was done, by what, and the verdict's code.
        generation: of the dataset when it was made: how often it had grown after it seemed finished.
        n_frames: frames used.
        created: when it was made.
        d_min: angstrom; completeness, cc_half, r_meas: fractions; None where nothing was merged.
        said: what it says of the crystal and the data, None where it says nothing.
        doubt: what speaks against it, as a clause; "" where nothing does.
    """

    name: str
    work: str
    engine: str
    code: str
    generation: int
    n_frames: int
    created: datetime
    d_min: float | None = None
    completeness: float | None = None
    cc_half: float | None = None
    r_meas: float | None = None
    said: Said | None = None
    doubt: str = ""

    @property
    def is_usable(self) -> bool:
        """Whether it may be used at all."""
        return self.work in WORKS and self.code not in Failure.__members__.values()

    @property
    def finds_symmetry(self) -> bool:
        """Whether it says something of the symmetry that it was not told."""
        return self.said is not None and bool(self.said.space_groups)


def compared(candidates: Iterable[Candidate], generation: int) -> tuple[Candidate, ...]:
    """Of each engine the result that speaks for it, by its name.

    It is the newest merged one of the dataset as it was in `generation`; one that was told the space group
    speaks only where the engine has no other.
    """
    speaks: dict[str, Candidate] = {}
    for one in sorted(candidates, key=lambda one: (one.finds_symmetry, one.created)):
        if one.is_usable and one.work == "process" and one.generation == generation and one.said is not None:
            speaks[one.engine] = one
    return tuple(one for _, one in sorted(speaks.items()))
