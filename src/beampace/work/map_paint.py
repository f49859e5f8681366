"""The picture of a map while it fills: painted by a thread of its own, at most about once a second."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from beampace.core.errors import BeampaceError
from beampace.results import write_bytes
from beampace.results.map_plot import map_png
from beampace.results.map_schema import Map

EVERY_S = 1.0

log = logging.getLogger("beampace.work")


class Painter:
    """Paints the newest map; older ones that were not painted yet are dropped.

    Args:
        path: of the picture.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._newest: Map | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="paint", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until what was handed in last is painted."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def paint(self, record: Map, *, last: bool = False) -> None:
        """Have a map painted soon; the last one without delay."""
        with self._changed:
            self._newest, self._closed = record, self._closed or last
            self._changed.notify()

    def _run(self) -> None:
        while (record := self._take()) is not None:
            self._draw(record)
            with self._changed:
                self._changed.wait_for(lambda: self._closed, EVERY_S)

    def _take(self) -> Map | None:
        """The newest map, or None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._closed)
            record, self._newest = self._newest, None
            return record

    def _draw(self, record: Map) -> None:
        """Paint. A boundary: a picture that cannot be made must not cost the map."""
        began = time.monotonic()
        try:
            write_bytes(self._path, map_png(record))
        except (BeampaceError, OSError) as error:
            log.info("the picture cannot be written: %s", error)
        except Exception:
            log.exception("the picture cannot be made")
        log.info("painted in %.2f s", time.monotonic() - began)
