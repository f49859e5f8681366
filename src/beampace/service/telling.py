"""Telling hooks of published results: at least once, a few at a time, with a pause when nobody takes them."""

from __future__ import annotations

from dataclasses import dataclass, field

from beampace.core.sighting import Trouble
from beampace.service.desk import Desk
from beampace.service.hooks import Hooks, Told, hook_document
from beampace.service.metrics import Metrics
from beampace.service.roots import is_anothers

MOST_SAID = 200
"""Characters of a hook's last words that staff are told; the log has all."""

AT_A_TIME = 4
"""Results that are handed to the hooks at a time; the others wait in the ledger."""

DEAD_AFTER = 5
"""Results in a row of which no hook could be told, after which the hooks are let be for a while."""

PAUSE_S = 300.0
"""Seconds for which dead hooks are let be; then they are tried with one result."""


@dataclass(slots=True)
class Telling:
    """Hands results to the hooks and writes down what came of it."""

    desk: Desk
    hooks: Hooks
    metrics: Metrics
    _handed: set[int] = field(default_factory=set)
    _failed: int = 0
    _not_before: float = float("-inf")
    _trouble: Trouble | None = None

    def tell(self) -> tuple[Trouble, ...]:
        """Write down what has been told and hand on what waits; returns what staff should know."""
        for told in self.hooks.ended():
            self._ended(told)
        if self.desk.clock() >= self._not_before:
            self._hand_on(1 if self._failed >= DEAD_AFTER else AT_A_TIME)
        return () if self._trouble is None else (self._trouble,)

    def _hand_on(self, most: int) -> None:
        if len(self._handed) >= most:
            return
        for row in self.desk.ledger.untold(most + len(self._handed)):
            if is_anothers(self.desk.ledger.beamtime(row.beamtime)):
                self.desk.ledger.told(row.id)  # its directory means something else by now
            elif row.id not in self._handed and len(self._handed) < most:
                self._handed.add(row.id)
                self.hooks.submit(row.id, hook_document(row, self.desk.ledger.dataset(row.dataset)))

    def _ended(self, told: Told) -> None:
        self.desk.ledger.told(told.result)
        self._handed.discard(told.result)
        if told.failures:
            self._fault(told.result, told.failures[0])
        else:
            self._failed, self._trouble = 0, None

    def _fault(self, result: int, why: str) -> None:
        self._failed += 1
        self.metrics.hook_failed()
        self.desk.log.warning("hook.failed", result=result, why=why)
        words = f"A hook failed for result {result}: {why[:MOST_SAID]}"
        if self._failed >= DEAD_AFTER:
            self._not_before = self.desk.clock() + PAUSE_S
            words += f" It is let be for {PAUSE_S / 60:.0f} min at a time until it takes one; results wait."
        self._trouble = Trouble("hooks", words, "See [results.hooks] of the configuration.")
