"""Lists of results that work from the file system alone."""

from __future__ import annotations

from dataclasses import dataclass

from beampace.core.sighting import Trouble
from beampace.service.desk import Desk
from beampace.store import ResultRow


@dataclass(slots=True)
class ResultPages:
    """Keeps recommendation, `datasets.txt` and index pages up to date."""

    desk: Desk

    def add(self, row: ResultRow) -> bool:
        """Take in a result; False when it has to be tried again."""
        return bool(row)

    def refresh(self) -> tuple[Trouble, ...]:
        """Rewrite pages."""
        return ()
