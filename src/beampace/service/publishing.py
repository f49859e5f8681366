"""Results out: recommendation, lists, index pages, hooks. What is done twice looks as if done once."""

from __future__ import annotations

from dataclasses import dataclass, field

from beampace.core.sighting import Trouble
from beampace.service.desk import Desk
from beampace.service.hooks import Hooks, hook_document
from beampace.service.metrics import Metrics
from beampace.service.result_pages import ResultPages

MOST_SAID = 200
"""Characters of a hook's last words that staff are told; the log has all."""

MOST_A_TURN = 20
"""Results taken up in one turn, so that a full table does not hold up the loop."""


@dataclass(slots=True)
class Publisher:
    """Publishes results the ledger says are not published yet."""

    desk: Desk
    hooks: Hooks
    pages: ResultPages
    metrics: Metrics
    _handed: set[int] = field(default_factory=set)
    _troubles: dict[int, Trouble] = field(default_factory=dict)

    def publish(self) -> tuple[Trouble, ...]:
        """Take up new results and write down what has been told; returns what staff should know."""
        waiting = self.desk.ledger.unpublished()
        fresh = [row for row in waiting if row.id not in self._handed][:MOST_A_TURN]
        for row in fresh:
            if self.pages.add(row):
                self._handed.add(row.id)
                self.hooks.submit(row.id, hook_document(row, self.desk.ledger.dataset(row.dataset)))
        for told in self.hooks.ended():
            self._published(told.result, told.failures)
        return (*self.pages.refresh(), *self._troubles.values())

    def _published(self, result: int, failures: tuple[str, ...]) -> None:
        self.desk.ledger.published(result)
        self._handed.discard(result)
        if failures:
            self.metrics.hook_failed()
            words = f"A hook failed for result {result}: {failures[0][:MOST_SAID]}"
            self._troubles = {result: Trouble("hooks", words, "See [results.hooks] of the configuration.")}
            self.desk.log.warning("hook.failed", result=result, why=failures[0])
