"""Reads a stream of events in a thread."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx


class Reader:
    """One reader of `/api/events`.

    Attributes:
        events: id, name and data of each event of the ledger.
        live: data of each delta of live rows.
        comments: lines that are comments.
        ended: set when the stream has ended.
    """

    def __init__(self, asked: httpx.Client, path: str = "/api/events", **headers: str) -> None:
        self.events: list[tuple[int, str, dict[str, Any]]] = []
        self.live: list[dict[str, Any]] = []
        self.comments: list[str] = []
        self.status = 0
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(asked, path, headers), daemon=True)
        self._thread.start()

    def _read(self, asked: httpx.Client, path: str, headers: dict[str, str]) -> None:
        try:
            with asked.stream("GET", path, headers=headers) as answer:
                self.status = answer.status_code
                assert answer.headers["content-type"].startswith("text/event-stream")
                found: dict[str, str] = {}
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    if line.startswith(":"):
                        self.comments.append(line)
                    elif line:
                        found[name] = value
                    else:
                        self._take(found)
                        found = {}
        except httpx.HTTPError:
            pass
        finally:
            self.ended.set()

    def _take(self, found: dict[str, str]) -> None:
        if "id" in found:
            self.events.append((int(found["id"]), found["event"], json.loads(found["data"])))
        elif found.get("event") == "live":
            self.live.append(json.loads(found["data"]))

    @property
    def ids(self) -> list[int]:
        """Ids of all events, in the order in which they came."""
        return [event[0] for event in self.events]

    @property
    def frames(self) -> dict[int, list[int]]:
        """Dataset -> frames of its live rows, in the order in which they came."""
        found: dict[int, list[int]] = {}
        for one in self.live:
            found.setdefault(one["dataset"], []).extend(one.get("columns", {}).get("frame", []))
        return found
