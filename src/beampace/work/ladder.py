"""The ladder of second tries: what to do differently after a try gave nothing; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from beampace.core.engine import Tweak
from beampace.core.taxonomy import Failure

MAX_TRIES = 7

LONG_SWEEP_DEG = 5.0
"""From here on a wrong sign of the spindle shows, and is the likeliest fault of a header."""

WHAT: Mapping[Tweak, str] = MappingProxyType(
    {
        Tweak.SMALL_SWEEP: "no least number of spots for the profile model",
        Tweak.OTHER_INDEXING: "the other indexing method",
        Tweak.KNOWN_CELL: "indexing with the given unit cell",
        Tweak.FLIPPED_AXIS: "the spindle turning the other way",
        Tweak.BEAM_SEARCH: "a search for the beam centre",
        Tweak.SUMMATION_ONLY: "summed intensities without profile fitting",
        Tweak.WEAK_LATTICE: "the best lattice, although it explains few spots",
    }
)

_FURTHEST = (Failure.NOT_INDEXED, Failure.NOT_INTEGRATED)


@dataclass(frozen=True, slots=True)
class Rung:
    """One try: departures from the defaults, and why it is made."""

    tweaks: frozenset[Tweak]
    reason: str

    @property
    def what(self) -> str:
        """What is done differently, in words."""
        return "; ".join(WHAT[tweak] for tweak in sorted(self.tweaks)) or "default settings"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that gave nothing, and how it ended."""

    tweaks: frozenset[Tweak]
    code: Failure
    detail: str


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What decides which tries make sense: rotation in degrees, and whether a cell was given."""

    degrees: float
    has_cell: bool = False


def next_try(history: Sequence[Attempt], known: Knowledge) -> Rung | None:
    """The next try after those of `history`, or None when nothing is left that could help."""
    if not history:
        return Rung(frozenset(), "the first try")
    if len(history) >= MAX_TRIES:
        return None
    done, last = {attempt.tweaks for attempt in history}, history[-1]
    for rung in _rungs(last, known):
        if rung.tweaks not in done:
            return rung
    return None


def best_of(history: Sequence[Attempt]) -> Attempt:
    """The attempt whose ending tells most: the one that came furthest, the first among equals.

    Raises:
        ValueError: nothing was tried.
    """
    if not history:
        raise ValueError("nothing was tried")
    return max(history, key=lambda attempt: _FURTHEST.index(attempt.code) if attempt.code in _FURTHEST else 9)


def _rungs(last: Attempt, known: Knowledge) -> Iterator[Rung]:
    if last.code is Failure.NOT_INTEGRATED:
        yield from _after_indexing(last)
    elif last.code is Failure.NOT_INDEXED:
        yield from _for_a_lattice(last, known)


def _after_indexing(last: Attempt) -> Iterator[Rung]:
    for tweak in (Tweak.SMALL_SWEEP, Tweak.SUMMATION_ONLY):
        yield Rung(last.tweaks | {tweak}, _because(last))


def _for_a_lattice(last: Attempt, known: Knowledge) -> Iterator[Rung]:
    """Single departures in the order of what is likely and quick; they exclude one another."""
    if known.has_cell:
        yield Rung(frozenset({Tweak.KNOWN_CELL}), _because(last))
    if known.degrees >= LONG_SWEEP_DEG:
        yield Rung(frozenset({Tweak.FLIPPED_AXIS}), _because(last))
        yield Rung(frozenset({Tweak.BEAM_SEARCH}), _because(last))
    yield Rung(frozenset({Tweak.OTHER_INDEXING}), _because(last))
    if known.degrees < LONG_SWEEP_DEG:
        yield Rung(frozenset({Tweak.BEAM_SEARCH}), _because(last))
    else:
        yield Rung(frozenset({Tweak.WEAK_LATTICE}), _because(last))


def _because(last: Attempt) -> str:
    return f"{last.code.value}: {last.detail}"
