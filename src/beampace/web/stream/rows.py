"""Live rows for all who follow them: files of looks and maps under way are read once, and told once.

Reading is done in a thread of its own that does not keep the program from ending: result directories may lie
on a file system that hangs, and then nothing waits for it but the rows themselves.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from beampace.core.errors import InfrastructureError
from beampace.core.scope import Scope
from beampace.results.below import read_below
from beampace.web.live_source import LiveSource, LiveWork
from beampace.web.stream.live import LiveDelta, Table, Whose, delta, delta_text, parse_table

LIST_S = 0.2
"""Seconds between two questions for what runs."""

LOOK_S = 0.04
"""Seconds between two looks at the files."""

SHARE = 0.2
"""Of the thread's time, what the reading of one file may take: long files are read less often."""

MOST_BYTES = 64 * 1024 * 1024
MOST_KEPT = 64
"""Deltas kept; a reader who is further behind gets all rows again."""

log = logging.getLogger("beampace.web")

Mark = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Told:
    """A delta that was told.

    Attributes:
        number: grows.
        work: whose it is.
        text: what is sent.
    """

    number: int
    work: LiveWork
    text: bytes


@dataclass(slots=True)
class Followed:
    """A file that is being followed."""

    work: LiveWork
    mark: Mark | None = None
    table: Table | None = None
    not_before: float = 0.0
    snapshot: bytes | None = None


class LiveRows:
    """Follows the files of running looks and maps while anybody wants their rows.

    Args:
        source: what runs.
        news: called in the reader's thread when something was told; has to be safe between threads.
    """

    def __init__(self, source: LiveSource, news: Callable[[], None]) -> None:
        self._source = source
        self._news = news
        self._followed: dict[str, Followed] = {}
        self._told: deque[Told] = deque(maxlen=MOST_KEPT)
        self._number = 0
        self._lock = threading.Lock()
        self._readers = 0
        self._thread: threading.Thread | None = None

    @contextmanager
    def following(self) -> Iterator[None]:
        """Somebody reads for as long as the context lasts."""
        with self._lock:
            self._readers += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live rows", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1

    def after(self, number: int | None, scope: Scope) -> tuple[int, bytes]:
        """What a scope has to see of the deltas after one, and the number to go on from; None: all rows."""
        with self._lock:
            behind = number is None or (bool(self._told) and number < self._told[0].number - 1)
            if behind:
                return self._number, b"".join(self._snapshots(scope))
            found = [one for one in self._told if one.number > (number or 0)]
            texts = [one.text for one in found if scope.covers(one.work.beamtime, one.work.group)]
            return self._number, b"".join(texts)

    def _snapshots(self, scope: Scope) -> Iterator[bytes]:
        for one in self._followed.values():
            if one.table is None or not scope.covers(one.work.beamtime, one.work.group):
                continue
            if one.snapshot is None:
                found = delta(_whose(one.work), None, one.table)
                one.snapshot = b"" if found is None else delta_text(found)
            yield one.snapshot

    def _run(self) -> None:
        listed = float("-inf")
        while self._is_wanted():
            if time.monotonic() - listed >= LIST_S:
                listed = time.monotonic()
                self._list()
            for one in tuple(self._followed.values()):
                self._look(one)
            time.sleep(LOOK_S)

    def _is_wanted(self) -> bool:
        with self._lock:
            if self._readers == 0:
                self._thread = None
                self._followed.clear()
                return False
            return True

    def _list(self) -> None:
        """Begin to follow what has begun, and tell the end of what has ended."""
        try:
            running = {work.job: work for work in self._source.running()}
        except InfrastructureError as error:
            log.warning("what runs cannot be asked now: %s", error)
            return
        for job, work in running.items():
            if job not in self._followed or self._followed[job].work != work:
                with self._lock:
                    self._followed[job] = Followed(work)
        for one in [one for job, one in self._followed.items() if job not in running]:
            self._look(one, last=True)
            self._end(one)

    def _look(self, one: Followed, *, last: bool = False) -> None:
        """Tell what is new in a file."""
        now = time.monotonic()
        mark = _mark(one.work) if last or now >= one.not_before else None
        if mark is None or mark == one.mark:
            return
        content = content_of(one.work)
        table = None if content is None else parse_table(content, one.work.work)
        found = None if table is None else delta(_whose(one.work), one.table, table)
        one.not_before = time.monotonic() + (time.monotonic() - now) * (1 / SHARE - 1)
        one.mark = mark
        if table is not None and found is not None:
            self._tell(one, table, found)

    def _tell(self, one: Followed, table: Table, found: LiveDelta) -> None:
        text = delta_text(found)
        with self._lock:
            one.table, one.snapshot = table, None
            self._number += 1
            self._told.append(Told(self._number, one.work, text))
        self._news()

    def _end(self, one: Followed) -> None:
        work = one.work
        text = delta_text(ended(work, one.table))
        with self._lock:
            self._followed.pop(work.job, None)
            self._number += 1
            self._told.append(Told(self._number, work, text))
        self._news()


def ended(work: LiveWork, table: Table | None) -> LiveDelta:
    """The last delta of a work: its state is what its file said last, or `ended`."""
    state = table.state if table and table.state in ("complete", "cancelled", "stopped") else "ended"
    kind = "map" if work.work.value == "map" else "look"
    return LiveDelta(dataset=work.dataset, work=kind, job=work.job, state=state)  # type: ignore[arg-type]


def all_rows(work: LiveWork) -> LiveDelta | None:
    """Everything a file holds now, or None when there is nothing yet."""
    content = content_of(work)
    table = None if content is None else parse_table(content, work.work)
    return None if table is None else delta(_whose(work), None, table)


def content_of(work: LiveWork) -> bytes | None:
    """What is in the file of a work; no link below its root is followed."""
    root = work.root or work.file.parent
    content = read_below(root, work.file.relative_to(root).as_posix(), MOST_BYTES)
    return None if content is None or len(content) > MOST_BYTES else content


def woken(loop: asyncio.AbstractEventLoop, tell: Callable[[], None]) -> Callable[[], None]:
    """`tell`, to be called in another thread."""

    def call() -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody reads any more
            loop.call_soon_threadsafe(tell)

    return call


def _whose(work: LiveWork) -> Whose:
    return Whose(work.dataset, work.work, work.job)


def _mark(work: LiveWork) -> Mark | None:
    try:
        found = work.file.lstat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
