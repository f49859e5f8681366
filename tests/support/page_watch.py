"""When things were written on disk, and when a browser showed them: two clocks of one machine, compared."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EVERY_S = 0.004
LIST_EVERY_S = 0.2

RECORDER = """
window.shown = {frames: [], results: {}};
new MutationObserver((changes) => {
  const now = Date.now() / 1000;
  for (const change of changes) {
    if (change.type === "attributes") {
      const element = change.target, of = element.closest("[data-dataset]");
      const last = Number(element.dataset.lastFrame);
      window.shown.frames.push([now, of ? Number(of.dataset.dataset) : 0, last]);
    } else {
      for (const element of document.querySelectorAll("[data-result]")) {
        window.shown.results[element.dataset.result] ??= now;
      }
    }
  }
}).observe(document, {
  subtree: true, childList: true, attributes: true, attributeFilter: ["data-last-frame"],
});
"""
"""Runs in the page before its own scripts: notes when rows of frames and results are there."""


@dataclass
class LookLog:
    """Notes when each `look.json` below a directory was written, and the last frame in it.

    Attributes:
        processed: the directory.
        written: result directory -> (seconds since the epoch, last frame), in order.
    """

    processed: Path
    written: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _marks: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def __enter__(self) -> LookLog:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        files: list[Path] = []
        listed = float("-inf")
        while not self._stop.wait(EVERY_S):
            if time.monotonic() - listed > LIST_EVERY_S:
                files, listed = list(self.processed.glob("**/look_*/look.json")), time.monotonic()
            for file in files:
                self._look(file)

    def _look(self, file: Path) -> None:
        try:
            status = file.stat()
            mark = (status.st_ino, status.st_mtime_ns)
            if self._marks.get(file) == mark:
                return
            frames = json.loads(file.read_bytes())["columns"]["frame"]
        except (OSError, ValueError, KeyError):
            return
        self._marks[file] = mark
        if frames:
            self.written.setdefault(str(file.parent), []).append((status.st_mtime_ns / 1e9, frames[-1]))


def shown_after(written: Iterable[tuple[float, int]], shown: Iterable[tuple[float, int]]) -> list[float]:
    """Seconds from each writing to the moment at which the page had its last frame.

    Raises:
        AssertionError: a frame that was written was never shown.
    """
    shown = sorted(shown)
    found = []
    for at, last in written:
        moment = next((when for when, frame in shown if frame >= last), None)
        assert moment is not None, f"frame {last} was written and never shown"
        found.append(max(0.0, moment - at))
    return found


def result_moments(processed: Path) -> dict[str, float]:
    """Result directory -> when its `result.json` was written."""
    return {str(file.parent): file.stat().st_mtime for file in processed.glob("**/result.json")}


def slowness() -> float:
    """How much slower than a quiet machine this one is at the moment, at least 1: a fixed piece of Python.

    Limits in seconds stretch with it; what is measured stays what it is.
    """
    began = time.perf_counter()
    total: Any = 0
    for number in range(3_000_000):
        total += number & 7
    return max(1.0, (time.perf_counter() - began) / QUIET_S)


QUIET_S = 0.2
"""Seconds that piece takes on the quiet machine."""
