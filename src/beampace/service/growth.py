"""Datasets whose work ended without some of their frames: did more turn up since?"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from beampace.core.errors import BeampaceError
from beampace.core.taxonomy import Failure
from beampace.service.desk import Desk
from beampace.store import DatasetRow, NewResult, ResultRow
from beampace.watch import Answer, Counted

Counting = Callable[[Path, Path], "Future[Answer]"]
"""Master and root of the raw data -> frames that can be read now, counted by a process of its own."""


MAX_GENERATIONS = 5
"""Times a dataset may be worked on again by itself, so that one that flickers does not go on for ever."""

_UNREADABLE = frozenset({Failure.NOT_A_DATASET, Failure.FILE_TRUNCATED, Failure.FRAMES_MISSING})


@dataclass(slots=True)
class Growth:
    """Asks, outside the loop, how many frames can be read of datasets that lacked some.

    Attributes:
        counting: counts the readable frames behind a master.
    """

    desk: Desk
    counting: Counting
    _asked: dict[int, Future[Answer]] = field(default_factory=dict)
    _again: set[int] = field(default_factory=set)

    def suspect(self, dataset_id: int) -> None:
        """Look at a dataset whose files changed after it had seemed to end."""
        if dataset_id in self._asked:
            self._again.add(dataset_id)
            return
        dataset = self.desk.ledger.dataset(dataset_id)
        if self._frames_used(dataset) is not None and self._in_time(dataset):
            raw = Path(self.desk.ledger.beamtime(dataset.beamtime).root) / "raw"
            self._asked[dataset_id] = self.counting(Path(dataset.path), raw)

    def ended(self, result: ResultRow) -> None:
        """Look at a dataset whose work just ended without some frames: they may have come meanwhile."""
        if lacks_frames(result.result):
            self.suspect(result.dataset)

    def grown(self) -> list[int]:
        """Datasets of which more frames can be read now than their latest results were made from."""
        done = [dataset for dataset, future in self._asked.items() if future.done()]
        grown = [dataset for dataset in done if self._more(dataset, self._asked.pop(dataset))]
        for dataset in self._again.intersection(done):
            self._again.discard(dataset)
            self.suspect(dataset)
        return grown

    def _more(self, dataset_id: int, future: Future[Answer]) -> bool:
        try:
            said = future.result()
        except BeampaceError as error:
            self.desk.log.warning("dataset.not_counted", dataset=dataset_id, why=str(error))
            return False
        used = self._frames_used(self.desk.ledger.dataset(dataset_id))
        return used is not None and isinstance(said, Counted) and said.readable > used

    def _in_time(self, dataset: DatasetRow) -> bool:
        late = timedelta(seconds=self.desk.settings.watch.late_s)
        return dataset.ended is None or self.desk.ledger.now() - dataset.ended <= late

    def _frames_used(self, dataset: DatasetRow) -> int | None:
        """The least any result of the dataset's generation was made from, or None when none lacks frames."""
        lacking = [
            row.result.usable
            for row in self.desk.ledger.results(dataset=dataset.id)
            if row.generation == dataset.generation and lacks_frames(row.result)
        ]
        return min(lacking, default=None) if dataset.generation < MAX_GENERATIONS else None


def lacks_frames(result: NewResult) -> bool:
    """Whether a result was made without some of the frames, as far as that was for want of them."""
    return result.code in _UNREADABLE or 0 < result.usable < result.announced
