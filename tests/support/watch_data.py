"""A clock that is set, and somebody who reads masters that exist only in memory."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from beampace.core.dataset import DatasetKind
from beampace.watch import Answer, Identified, Watch, WatchTick


@dataclass
class Clock:
    """Moments that pass when told."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Answers:
    """Reads masters: path -> what is answered."""

    of: dict[str, Answer | Exception] = field(default_factory=dict)
    asked: list[tuple[str, DatasetKind | None]] = field(default_factory=list)

    def look(self, master: Path, raw: Path, kind: DatasetKind | None = None) -> Future[Answer]:
        self.asked.append((str(master), kind))
        future: Future[Answer] = Future()
        answer = self.of.get(str(master), identified(str(master)))
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future


def identified(identity: str, n_files: int = 2, prefix: str = "", n_announced: int = 20) -> Identified:
    """An answer about an ordinary rotation."""
    return Identified(
        identity=identity,
        kind=DatasetKind.ROTATION,
        kind_reason="as asked",
        n_announced=n_announced,
        frame_time_s=0.01,
        n_files=n_files,
        data_prefix=prefix,
    )


def run(watch: Watch, clock: Clock, seconds: float, step: float = 0.2) -> WatchTick:
    """All ticks of so many seconds as one; troubles of the last."""
    sightings, files, tick = [], [], WatchTick()
    for _ in range(max(1, round(seconds / step))):
        tick = watch.tick()
        sightings += tick.sightings
        files += tick.files
        clock.sleep(step)
    return WatchTick(tuple(sightings), tuple(files), tick.troubles, tick.vanished, tick.seconds)
