"""One line of `beampace check --site`: a question, what was found, and what follows from it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from beampace.beamtime.files import shown
from beampace.core.taxonomy import Exit

SCHEMA = "check-site/1"


class State(StrEnum):
    """How a question stands."""

    FOUND = "found"
    UNKNOWN = "not known"
    """It was asked, and there was no answer."""
    PROBLEM = "problem"
    OPEN = "not asked"
    """It cannot be asked of a machine; the safe assumption holds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line.

    Attributes:
        question: what was asked.
        state: how it stands.
        found: what was found, or why nothing was.
        evidence: the command or the file that was asked.
        consequence: what beampace does because of it.
        keys: of the configuration that override it.
        next_step: what to do about a problem, or whom to ask; "" when there is nothing to do.
    """

    question: str
    state: State
    found: str
    evidence: str
    consequence: str
    keys: tuple[str, ...] = ()
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, with what is assumed as long as nobody has answered it.

    Attributes:
        text: the question.
        safe: what beampace does without an answer.
        ask: who knows.
        keys: of the configuration that override the answer.
    """

    text: str
    safe: str
    ask: str = "Ask the staff of the cluster (at DESY it-asap3@desy.de)."
    keys: tuple[str, ...] = ()

    def found(self, found: str, evidence: str, consequence: str) -> Row:
        """It was answered."""
        return Row(self.text, State.FOUND, found, evidence, consequence, self.keys)

    def problem(self, found: str, evidence: str, next_step: str, consequence: str = "") -> Row:
        """It was answered, and something has to be done."""
        return Row(self.text, State.PROBLEM, found, evidence, consequence or self.safe, self.keys, next_step)

    def unknown(self, why: str, evidence: str) -> Row:
        """It was asked, and there was no answer."""
        return Row(self.text, State.UNKNOWN, why, evidence, self.safe, self.keys, self.ask)

    def open(self, why: str, evidence: str = "") -> Row:
        """Nobody was asked."""
        return Row(self.text, State.OPEN, why, evidence, self.safe, self.keys, self.ask)


def plain(row: Row) -> Row:
    """A row in which everything can be shown; what a cluster or a file said may hold anything."""
    words = (row.question, row.found, row.evidence, row.consequence, row.next_step)
    question, found, evidence, consequence, next_step = map(shown, words)
    return Row(question, row.state, found, evidence, consequence, row.keys, next_step)


def as_json(beamtime: str, rows: Iterable[Row]) -> str:
    """The rows as one JSON document."""
    content = {"schema": SCHEMA, "beamtime": beamtime, "rows": [asdict(plain(row)) for row in rows]}
    return json.dumps(content, indent=2)


def summary(rows: Sequence[Row]) -> str:
    """How many of each, in one line."""
    counts = Counter(row.state for row in rows)
    answered, problems = counts[State.FOUND], counts[State.PROBLEM]
    known = f"{answered} answered, {problems} problem{'s' * (problems != 1)}"
    open_ = f"{counts[State.UNKNOWN]} without an answer, {counts[State.OPEN]} that only people can answer"
    return f"{len(rows)} questions: {known}, {open_}."


def exit_code(rows: Iterable[Row]) -> Exit:
    """3 when there is a problem, or something that was asked gave no answer."""
    bad = {State.PROBLEM, State.UNKNOWN}
    return Exit.INFRASTRUCTURE if any(row.state in bad for row in rows) else Exit.RESULT
