"""Attempt directories nobody needs any more: a few at a time, and only where attempts have theirs."""

from __future__ import annotations

import os
import re
import shutil
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from beampace.service.desk import Desk

AFTER_CLOSED = timedelta(days=1)
"""Time after the end of a beamtime for which the files of its attempts are kept."""

A_TURN = 10
"""Directories that are looked at in one turn."""

AGAIN_S = 3600.0
"""Seconds from one listing of all directories to the next."""

_NAME = re.compile(r"(?P<key>.{1,64})-\d{1,9}")


@dataclass(slots=True)
class Pruner:
    """Removes what attempts of jobs left that ended long ago."""

    desk: Desk
    _paths: deque[Path] = field(default_factory=deque)
    _list_at: float = float("-inf")

    def prune(self) -> int:
        """Look at a few directories; returns how many were removed."""
        if not self._paths and self.desk.clock() >= self._list_at:
            self._list_at = self.desk.clock() + AGAIN_S
            for room in self.desk.places.rooms():
                self._paths.extend(_directories(room))
        paths = [self._paths.popleft() for _ in range(min(A_TURN, len(self._paths)))]
        keys = {path: match["key"] for path in paths if (match := _NAME.fullmatch(path.name))}
        if not keys:
            return 0
        now, days = self.desk.ledger.now(), self.desk.settings.log.attempts_days
        over = self.desk.ledger.over(set(keys.values()), now - timedelta(days=days), now - AFTER_CLOSED)
        return sum(self._remove(path) for path, key in keys.items() if key in over)

    def _remove(self, directory: Path) -> bool:
        """Remove a directory; no symbolic link in it is followed, and one in its place is left."""
        try:
            shutil.rmtree(directory)
        except OSError as error:
            self.desk.log.warning("attempt.not_removed", directory=str(directory), why=str(error))
            return False
        self.desk.log.debug("attempt.removed", directory=str(directory))
        return True


def _directories(jobs: Path) -> list[Path]:
    try:
        with os.scandir(jobs) as entries:
            return sorted(jobs / entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:  # none was made yet
        return []
