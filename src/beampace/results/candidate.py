"""The results of a dataset as the recommendation sees them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from beampace.core.taxonomy import Failure
from beampace.core.verdict import Success
from beampace.results.agreement import Said

WORKS = ("merge", "process", "strategy", "map")
"""Works whose results are used, the most wanted first; a look is for the eye."""

GRADES = (Success.MERGED.value, Success.LITTLE_DATA.value)
"""Verdicts from the best; other successes come after them."""

AS_MANY = 0.95
"""A result from at least this share of another's frames counts as made from as many."""


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
        friedel_apart: whether r_meas takes Friedel mates for different reflections.
        said: what it says of the crystal and the data, None where it says nothing.
        doubts: what it was asked and what speaks against it, as clauses; see `results.doubt`.
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
    friedel_apart: bool = False
    said: Said | None = None
    doubts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_usable(self) -> bool:
        """Whether it may be used at all."""
        return self.work in WORKS and self.code not in Failure.__members__.values()

    @property
    def finds_symmetry(self) -> bool:
        """Whether it says something of the symmetry that it was not told."""
        return self.said is not None and bool(self.said.space_groups)

    @property
    def grade(self) -> int:
        """Greater for a better verdict."""
        return -GRADES.index(self.code) if self.code in GRADES else -len(GRADES)

    @property
    def doubt(self) -> str:
        """The gravest that speaks against it, as a clause; "" where nothing does that is known."""
        return next(filter(None, self.doubts.values()), "")

    def frames_of(self, most: int) -> int:
        """Frames used: `most`, where it is nearly as many."""
        return most if self.n_frames >= AS_MANY * most else self.n_frames


def compared(candidates: Iterable[Candidate], generation: int) -> tuple[Candidate, ...]:
    """Of each engine the result that speaks for it, by its name.

    It is one of the dataset as it was in `generation` that says something of the crystal; one that was told
    the space group speaks only where the engine has no other. More frames come first, then the better
    verdict; of those that are alike in both, the newest.
    """
    speaking = [
        one
        for one in candidates
        if one.is_usable and one.work == "process" and one.generation == generation and one.said is not None
    ]
    speaking.sort(key=lambda one: one.engine)
    return tuple(_speaker(list(its)) for _, its in groupby(speaking, key=lambda one: one.engine))


def _speaker(results: Sequence[Candidate]) -> Candidate:
    finding = [one for one in results if one.finds_symmetry] or results
    most = max(one.n_frames for one in finding)
    return max(finding, key=lambda one: (one.frames_of(most), one.grade, one.created))
