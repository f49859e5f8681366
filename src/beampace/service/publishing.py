"""Results out: recommendation, lists, index pages, hooks. What is done twice looks as if done once."""

from __future__ import annotations

from dataclasses import dataclass, field

from beampace.core.sighting import Trouble
from beampace.service.desk import Desk
from beampace.service.each import for_each
from beampace.service.hooks import Hooks
from beampace.service.metrics import Metrics
from beampace.service.result_files import is_answer
from beampace.service.result_pages import ResultPages
from beampace.service.telling import Telling
from beampace.store import ResultRow

MOST_A_TURN = 20
"""Results taken up in one turn, so that a full table does not hold up the loop."""


@dataclass(slots=True)
class Publisher:
    """Publishes what the ledger says is not published yet: pages first, then hooks, each by itself."""

    desk: Desk
    hooks: Hooks
    pages: ResultPages
    metrics: Metrics
    telling: Telling = field(init=False)
    _after: int = 0

    def __post_init__(self) -> None:
        self.telling = Telling(self.desk, self.hooks, self.metrics)

    def publish(self) -> tuple[Trouble, ...]:
        """Take up new results and tell of those that are published; returns what staff should know."""
        _, troubles = for_each(self._next(), self._publish, lambda row: f"result {row.id}")
        return (*troubles, *self.pages.refresh(), *self.telling.tell())

    def _publish(self, row: ResultRow) -> None:
        """Bring a result to its pages. Endings that say nothing of the data are told to nobody."""
        if self.pages.add(row):
            told = not (self.hooks.wanted and is_answer(row.result.code))
            self.desk.ledger.published(row.id, told=told)

    def _next(self) -> tuple[ResultRow, ...]:
        """Some that wait, in turn: those whose place refuses keep back no others."""
        rows = self.desk.ledger.unpublished(self._after, MOST_A_TURN)
        self._after = rows[-1].id if len(rows) == MOST_A_TURN else 0
        return rows
