"""Which result of a dataset to use, and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from beampace.core.taxonomy import Failure
from beampace.core.verdict import Success
from beampace.results.below import write_below
from beampace.results.schema import Model

RECOMMENDED_SCHEMA: Literal["recommended-1"] = "recommended-1"
RECOMMENDED = "recommended.json"

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
        d_min: angstrom; completeness, cc_half: 0 to 1; None where nothing was merged.
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


@dataclass(frozen=True, slots=True)
class Choice:
    """The result to use, and why, as a sentence."""

    result: Candidate
    reason: str


class Recommended(Model):
    """`recommended.json`: the one file beside the results that is replaced."""

    schema_version: Literal["recommended-1"] = RECOMMENDED_SCHEMA
    """Name and version of this schema."""
    result: str
    """Name of the directory of the result to use; it lies beside this file."""
    reason: str
    """Why this one."""
    since: datetime
    """Since when it has been recommended (UTC)."""


@dataclass(frozen=True, slots=True)
class _Criterion:
    """What is better (the greater value), and how it is said of the better one against the next."""

    value: Callable[[Candidate], float]
    words: Callable[[Candidate, Candidate], str]


def recommend(candidates: Iterable[Candidate], engines: Sequence[str] = ()) -> Choice | None:
    """Choose among the results of one dataset; None while there is none to be used.

    In this order: what was merged or made for use before other works; the dataset as it is now before what
    it was before it grew; more frames; merged data before little data before what nobody judged; the engine
    preferred; resolution, completeness, agreement of half data sets; the newest.

    Args:
        candidates: results of one dataset, failures among them.
        engines: from the most preferred.
    """
    left = [one for one in candidates if one.work in WORKS and one.code not in Failure.__members__.values()]
    if not left:
        return None
    criteria = _criteria(left, engines)
    left.sort(key=lambda one: tuple(criterion.value(one) for criterion in criteria), reverse=True)
    best, *others = left
    if not others:
        return Choice(best, "It is the only result.")
    decides = next((c for c in criteria if c.value(best) != c.value(others[0])), criteria[-1])
    return Choice(best, f"Preferred to {others[0].name}: {decides.words(best, others[0])}.")


def write_recommended(root: Path, place: str, choice: Choice, since: datetime) -> bool:
    """Write `recommended.json` atomically; whether it was written, and not there already.

    Args:
        root: of the results (`processed`).
        place: directory of the dataset's results, relative to it.
        choice: the result to use.
        since: since when; the same as before for the same choice.

    Raises:
        InfrastructureError: it cannot be written (not_writable, disk_full).
    """
    record = Recommended(result=choice.result.name, reason=choice.reason, since=since)
    return write_below(root, f"{place}/{RECOMMENDED}", record.model_dump_json(indent=2) + "\n")


def recommended_schema_text() -> str:
    """The text of the published JSON schema (draft 2020-12), made from the model."""
    made = Recommended.model_json_schema(mode="serialization", by_alias=True)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"beampace/{RECOMMENDED_SCHEMA}",
    }
    return json.dumps({**head, **made}, indent=2, ensure_ascii=False) + "\n"


def published_recommended_schema() -> Mapping[str, Any]:
    """The schema as it was published with this version of the package."""
    path = resources.files("beampace.results") / "schemas" / f"{RECOMMENDED_SCHEMA}.schema.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _criteria(candidates: Sequence[Candidate], engines: Sequence[str]) -> tuple[_Criterion, ...]:
    most: dict[int, int] = {}
    for one in candidates:
        most[one.generation] = max(most.get(one.generation, 0), one.n_frames)

    def frames(one: Candidate) -> float:
        """As many as the most, where it is nearly as many."""
        greatest = most[one.generation]
        return greatest if one.n_frames >= AS_MANY * greatest else one.n_frames

    return (
        _Criterion(lambda one: -WORKS.index(one.work), lambda a, b: f"{a.work} before {b.work}"),
        _Criterion(lambda one: one.generation, lambda a, b: "made after the dataset grew"),  # noqa: ARG005
        _Criterion(frames, lambda a, b: f"made from {a.n_frames} frames, not {b.n_frames}"),
        _Criterion(lambda one: -_grade(one), lambda a, b: f"{_plain(a.code)}, not {_plain(b.code)}"),
        _Criterion(lambda one: -_rank(one, engines), lambda a, b: f"{a.engine} is preferred to {b.engine}"),
        _Criterion(_resolution, lambda a, b: f"data to {_angstrom(a.d_min)}, not {_angstrom(b.d_min)}"),
        _Criterion(
            _completeness, lambda a, b: f"{_completeness(a):.1%} complete, not {_completeness(b):.1%}"
        ),
        _Criterion(lambda one: one.cc_half or 0.0, lambda a, b: "half data sets agree better"),  # noqa: ARG005
        _Criterion(lambda one: one.created.timestamp(), lambda a, b: "it is newer"),  # noqa: ARG005
    )


def _grade(one: Candidate) -> int:
    return GRADES.index(one.code) if one.code in GRADES else len(GRADES)


def _rank(one: Candidate, engines: Sequence[str]) -> int:
    return list(engines).index(one.engine) if one.engine in engines else len(engines)


def _resolution(one: Candidate) -> float:
    """Greater where data reach further; a hundredth of an angstrom decides nothing."""
    return -round(one.d_min / 0.02) if one.d_min else float("-inf")


def _completeness(one: Candidate) -> float:
    return round(one.completeness or 0.0, 3)


def _plain(code: str) -> str:
    return code.replace("_", " ")


def _angstrom(d_min: float | None) -> str:
    return f"{d_min:.2f} Å" if d_min else "an unknown limit"
