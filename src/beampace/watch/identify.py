"""Masters are read by helper processes, so that no file can hang or crash the daemon."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

from beampace.core.dataset import DatasetKind
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.watch.aside import Aside
from beampace.watch.helper import Helper
from beampace.watch.messages import Answer, Count, Counted, Look, Refused

LOOK_S = 10.0
"""Seconds in which a master must have been read."""

COUNT_S = 120.0
"""Seconds in which the frames of a dataset must have been counted."""


class Identifier:
    """Reads masters and counts frames; shared by all watches. Each of the two has a process of its own."""

    def __init__(self, look_s: float = LOOK_S, count_s: float = COUNT_S) -> None:
        self._looker, self._counter = Helper(look_s), Helper(count_s)
        self._looks, self._counts = Aside("watch: masters"), Aside("watch: frames")
        self._looks.do(self._looker.warm)  # should it fail, the first question says so

    def look(self, master: Path, raw: Path, kind: DatasetKind | None = None) -> Future[Answer]:
        """Read a master.

        Args:
            master: proven to lie inside `raw`.
            raw: root of the raw data; links that lead to it are followed.
            kind: announced kind, or None.

        Returns:
            `Identified` or `Refused`; an InfrastructureError when the reader crashed or was too slow.
        """
        question = Look(master=master, raw=raw, kind=kind)
        return self._looks.do(lambda: self._looker.ask(question))

    def counting(self, master: Path, raw: Path) -> Future[Answer]:
        """Count the frames that can be read now: `Counted` or `Refused`, else an InfrastructureError."""
        question = Count(master=master, raw=raw)
        return self._counts.do(lambda: self._counter.ask(question))

    def readable(self, master: Path, raw: Path) -> int:
        """Frames that can be read now; waits, for long datasets some seconds (`counting` does not).

        Raises:
            InputError: the master cannot be read.
            InfrastructureError: the reader crashed or was too slow.
        """
        said = self.counting(master, raw).result()
        if isinstance(said, Refused):
            raise failure(said.code, said.words, said.next_step)
        if not isinstance(said, Counted):
            raise failure(Failure.ENGINE_FAILED, f"The reader answered {type(said).__name__} for {master}.")
        return said.readable

    @property
    def pid(self) -> int | None:
        """Process id of the reader of masters, or None while none runs."""
        return self._looker.pid

    def close(self) -> None:
        """End the processes; what they are asked ends with an InfrastructureError."""
        for helper, aside in ((self._looker, self._looks), (self._counter, self._counts)):
            helper.close()
            aside.do(helper.tidy)
            aside.close()
