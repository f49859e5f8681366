"""Which result of a dataset to use, and why; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from beampace.results.agreement import Agreed, agreement
from beampace.results.candidate import WORKS, Candidate, compared
from beampace.results.contest import Contest


@dataclass(frozen=True, slots=True)
class Choice:
    """The result to use.

    Attributes:
        result: that one.
        reason: why, in a sentence or two; what engines disagree about is said, too.
        agreed: whether the engines agree.
        compared: the result that speaks for each engine.
    """

    result: Candidate
    reason: str
    agreed: Agreed = field(default_factory=Agreed)
    compared: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class _Criterion:
    """What is better (the greater value), and how it is said of the better one against the next."""

    value: Callable[[Candidate], float]
    words: Callable[[Candidate, Candidate], str]


def recommend(candidates: Iterable[Candidate], engines: Sequence[str] = ()) -> Choice | None:
    """Choose among the results of one dataset; None while there is none to be used.

    In this order, the first difference decides:

    1. What was merged or made for use before other works; the dataset as it is now before what it was
       before it grew; more frames; merged data before little data before what nobody judged.
    2. Results against which nothing speaks before those with a doubt that the others could have had, too:
       what is not known of a result speaks neither for it nor against the others.
    3. Where engines contradict each other about Laue group or lattice: what more engines find. A symmetry is
       not right because a preferred engine finds it.
    4. Where that is a draw: results whose observations agree nearly as well as those of the best (CC1/2
       within 0.03; R_meas within 1.5 times, where it is of the same kind and the data reach equally far). In
       too high a symmetry reflections are averaged that are not equivalent, and both get worse. Of those, on
       one lattice, the highest symmetry: the data bear it, and a lower one only calls equivalent reflections
       different.
    5. The engine preferred; resolution, completeness, agreement of half data sets; the newest.

    Args:
        candidates: results of one dataset, failures among them.
        engines: from the most preferred.
    """
    left = [one for one in candidates if one.is_usable]
    if not left:
        return None
    first = min(WORKS.index(one.work) for one in left)
    generation = max(one.generation for one in left if WORKS.index(one.work) == first)
    speaking = compared(left, generation)
    contest = Contest(speaking)
    criteria = _criteria(left, engines, contest)
    left.sort(key=lambda one: tuple(criterion.value(one) for criterion in criteria), reverse=True)
    agreed = agreement([one.said for one in speaking if one.said is not None])
    return Choice(left[0], _reason(left, criteria, contest, agreed), agreed, speaking)


def _reason(
    ranked: Sequence[Candidate], criteria: Sequence[_Criterion], contest: Contest, agreed: Agreed
) -> str:
    """Why the first of them, what speaks for and against it, and what the engines disagree about."""
    best, *others = ranked
    said = "It is the only result."
    if others:
        decides = next((c for c in criteria if c.value(best) != c.value(others[0])), criteria[-1])
        said = f"Preferred to {others[0].name}: {decides.words(best, others[0])}."
    doubt = f"Use it with care: {best.doubt}." if best.doubt else ""
    backers = contest.backers(best) if contest.is_there else ()
    backed = f"{' and '.join(backers)} found the same symmetry and lattice." if backers else ""
    differ = agreed.words if agreed.tone in ("fair", "poor") else ""
    return " ".join(filter(None, (said, backed, doubt, differ)))


def _criteria(
    candidates: Sequence[Candidate], engines: Sequence[str], contest: Contest
) -> tuple[_Criterion, ...]:
    first = _of_the_data(candidates)
    return (
        *first,
        _doubted(candidates, first),
        _Criterion(contest.supporters, _outvoted),
        _Criterion(lambda one: not contest.strain(one), lambda a, b: _agrees_better(contest.strain(b))),  # noqa: ARG005
        _Criterion(contest.symmetry, _higher),
        _Criterion(lambda one: -_rank(one, engines), lambda a, b: f"{a.engine} is preferred to {b.engine}"),
        _Criterion(_resolution, lambda a, b: f"data to {_angstrom(a.d_min)}, not {_angstrom(b.d_min)}"),
        _Criterion(
            _completeness, lambda a, b: f"{_completeness(a):.1%} complete, not {_completeness(b):.1%}"
        ),
        _Criterion(lambda one: one.cc_half or 0.0, lambda a, b: "half data sets agree better"),  # noqa: ARG005
        _Criterion(lambda one: one.created.timestamp(), lambda a, b: "it is newer"),  # noqa: ARG005
    )


def _of_the_data(candidates: Sequence[Candidate]) -> tuple[_Criterion, ...]:
    """What was worked on, how much of it, and whether it was merged."""
    most: dict[int, int] = {}
    for one in candidates:
        most[one.generation] = max(most.get(one.generation, 0), one.n_frames)
    return (
        _Criterion(lambda one: -WORKS.index(one.work), lambda a, b: f"{a.work} before {b.work}"),
        _Criterion(lambda one: one.generation, lambda a, b: "made after the dataset grew"),  # noqa: ARG005
        _Criterion(
            lambda one: one.frames_of(most[one.generation]),
            lambda a, b: f"made from {a.n_frames} frames, not {b.n_frames}",
        ),
        _Criterion(lambda one: one.grade, lambda a, b: f"{_plain(a.code)}, not {_plain(b.code)}"),
    )


def _doubted(candidates: Sequence[Candidate], before: Sequence[_Criterion]) -> _Criterion:
    """Whether something speaks against it, where another result could be asked the same and stands.

    Only results that are alike in what comes before are asked; nothing is held against one whose rival has no
    answer.
    """

    def place(one: Candidate) -> tuple[float, ...]:
        return tuple(criterion.value(one) for criterion in before)

    answered: defaultdict[tuple[float, ...], set[str]] = defaultdict(set)
    for one in candidates:
        answered[place(one)].update(() if one.doubt else one.doubts)

    def against(one: Candidate) -> str:
        clauses = (clause for question, clause in one.doubts.items() if question in answered[place(one)])
        return next(filter(None, clauses), "")

    return _Criterion(lambda one: not against(one), lambda a, b: f"in {b.name} {against(b)}")  # noqa: ARG005


def _outvoted(a: Candidate, b: Candidate) -> str:  # noqa: ARG001 - the form of all of them
    return f"more engines find its symmetry and lattice than those of {b.name}"


def _agrees_better(strain: str) -> str:
    return f"observations agree better in its symmetry ({strain})"


def _higher(a: Candidate, b: Candidate) -> str:
    if not a.finds_symmetry:
        return "its space group was given"
    return f"observations agree as well in its symmetry, which is higher than that of {b.name}"


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
