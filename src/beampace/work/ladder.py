"""The ladder of second tries: what to do differently after a try gave nothing; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from beampace.core.engine import Tweak
from beampace.core.taxonomy import TAXONOMY, Failure

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
        Tweak.KNOWN_DISTANCE: "the detector distance that gives the known cell",
        Tweak.LONGER_PART: "the longer part of the frames alone",
    }
)

_TELLING = {Failure.ENGINE_FAILED: -1, Failure.NOT_INDEXED: 0, Failure.NOT_INTEGRATED: 1}


@dataclass(frozen=True, slots=True)
class Rung:
    """One try: departures from the defaults, why it is made, and the frames when not all are used."""

    tweaks: frozenset[Tweak]
    reason: str
    images: tuple[int, int] | None = None

    @property
    def what(self) -> str:
        """What is done differently, in words."""
        return "; ".join(WHAT[tweak] for tweak in sorted(self.tweaks)) or "default settings"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that gave nothing, how it ended, and the part of the frames that may give something.

    Attributes:
        images: frames it was restricted to, or None; `part`: frames to try alone next, or None.
        like: of a program that crashed: the ending whose second tries may get past it.
    """

    tweaks: frozenset[Tweak]
    code: Failure
    detail: str
    images: tuple[int, int] | None = None
    part: tuple[int, int] | None = None
    next_step: str = ""
    like: Failure | None = None

    @property
    def kind(self) -> Failure:
        """The ending that decides what is tried next."""
        return self.like or self.code


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What decides which tries make sense.

    Attributes:
        degrees: rotation; `has_cell`: whether a cell was given.
        tweaks: departures the engine knows.
    """

    degrees: float
    has_cell: bool = False
    tweaks: frozenset[Tweak] = frozenset(Tweak)


def next_try(history: Sequence[Attempt], known: Knowledge) -> Rung | None:
    """The next try after those of `history`, or None when nothing is left that could help."""
    if not history:
        return Rung(frozenset(), "the first try")
    if len(history) >= MAX_TRIES:
        return None
    done, last = {attempt.tweaks for attempt in history}, history[-1]
    for rung in _rungs(last, known):
        if rung.tweaks not in done and rung.tweaks <= known.tweaks:
            return rung
    return None


def best_of(history: Sequence[Attempt]) -> Attempt:
    """The attempt whose ending tells most: the one that came furthest, the first among equals.

    A crash says nothing about the data, so anything that was said goes before it.

    Raises:
        ValueError: nothing was tried.
    """
    if not history:
        raise ValueError("nothing was tried")
    return max(history, key=lambda attempt: _TELLING.get(attempt.code, 9))


def part_used(history: Sequence[Attempt], rung: Rung) -> tuple[str, ...]:
    """A warning when the try that succeeded used the frames on one side of a slip only."""
    moved = [attempt for attempt in history if attempt.part is not None]
    if rung.images is None or not moved:
        return ()
    first, last = rung.images
    code = Failure.CRYSTAL_MOVED
    return (
        f"{code.value}: {TAXONOMY[code].words} {moved[-1].detail} Only frames {first} to {last} were used. "
        f"{moved[-1].next_step}",
    )


def _rungs(last: Attempt, known: Knowledge) -> Iterator[Rung]:
    if last.code is Failure.CRYSTAL_MOVED and last.part is not None:
        yield Rung(last.tweaks | {Tweak.LONGER_PART}, because(last), last.part)
    for rung in _for_all_frames(last, known):
        # A part of the frames stays what is worked on.
        kept = last.tweaks & {Tweak.LONGER_PART}
        yield Rung(rung.tweaks | kept, rung.reason, last.images)


def _for_all_frames(last: Attempt, known: Knowledge) -> Iterator[Rung]:
    if last.kind is Failure.NOT_INTEGRATED:
        yield from _after_indexing(last)
    elif last.kind is Failure.BEAM_CENTRE_OFF:
        yield from _for_a_geometry(last, known)
    elif last.kind is Failure.NOT_INDEXED:
        yield from _for_a_lattice(last, known)


def _after_indexing(last: Attempt) -> Iterator[Rung]:
    for tweak in (Tweak.SMALL_SWEEP, Tweak.SUMMATION_ONLY):
        yield Rung(last.tweaks | {tweak}, because(last))


def _for_a_geometry(last: Attempt, known: Knowledge) -> Iterator[Rung]:
    if known.has_cell:
        yield Rung(last.tweaks | {Tweak.KNOWN_DISTANCE}, because(last))
    if known.degrees >= LONG_SWEEP_DEG:
        yield Rung(frozenset({Tweak.BEAM_SEARCH}), because(last))


def _for_a_lattice(last: Attempt, known: Knowledge) -> Iterator[Rung]:
    """Single departures in the order of what is likely and quick; they exclude one another."""
    if known.has_cell:
        yield Rung(frozenset({Tweak.KNOWN_CELL}), because(last))
    if known.degrees >= LONG_SWEEP_DEG:
        yield Rung(frozenset({Tweak.BEAM_SEARCH}), because(last))
        yield Rung(frozenset({Tweak.FLIPPED_AXIS}), because(last))
    yield Rung(frozenset({Tweak.OTHER_INDEXING}), because(last))
    if known.degrees < LONG_SWEEP_DEG:
        yield Rung(frozenset({Tweak.BEAM_SEARCH}), because(last))
    else:
        yield Rung(frozenset({Tweak.WEAK_LATTICE}), because(last))


def because(last: Attempt) -> str:
    """How an attempt ended, as one clause: the words of the taxonomy and the particulars."""
    words = TAXONOMY[last.code].words.rstrip(".")
    detail = " ".join(last.detail.split()).rstrip(".: ")
    return f"{words[0].lower()}{words[1:]} ({detail})" if detail else f"{words[0].lower()}{words[1:]}"
