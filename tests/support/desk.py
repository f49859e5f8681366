"""A daemon's desk without processes: a real ledger, a cluster in memory, clocks that are set by hand."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from beampace.cluster import InMemoryCluster
from beampace.core.job import ClusterState, ExitRecord
from beampace.core.sighting import FilesSeen
from beampace.core.verdict import Verdict
from beampace.plan import DEFAULT_RULES, Capacity, Rule
from beampace.results import Result, build_result, write_result
from beampace.results.schema import DatasetInfo, Frames
from beampace.service.desk import Desk
from beampace.service.following import Follower
from beampace.service.intake import Intake
from beampace.service.job_places import LocalPlaces
from beampace.service.life import Life
from beampace.service.logs import bound
from beampace.service.settings import Settings
from beampace.service.starting import Starter
from beampace.service.use import GroupUse
from beampace.store import JobRow, Ledger, ResultRow, open_ledger
from tests.support.ledgers import Clock, sighting

BEAMTIME = "11010000"


@dataclass(slots=True)
class Bench:
    """The steps of a daemon, to be taken one by one."""

    desk: Desk
    ledger: Ledger
    cluster: InMemoryCluster
    wall: Clock
    seconds: list[float]
    intake: Intake
    starter: Starter
    follower: Follower
    life: Life
    root: Path

    def see(self, identity: str = "E/1", **changes: Any) -> int:
        """A master is seen; the number of its dataset."""
        path = str(self.root / "raw" / "s" / f"{identity.replace('/', '_')}_master.h5")
        values = {"path": path, "n_announced": 10, "n_files": 2, **changes}
        return self.intake.sighted(BEAMTIME, sighting(identity, **values)).dataset.id

    def files(self, dataset: int, n_files: int, changed_s: float = 0.0) -> int | None:
        """A listing of a dataset."""
        path = self.ledger.dataset(dataset).path
        seen = FilesSeen(path, n_files, 100 * n_files, changed_s, f"{n_files} files")
        return self.intake.files(BEAMTIME, seen)

    def start(self, *, short: bool = False) -> int:
        """Start what may start."""
        return self.starter.start(self.ledger.active(), short=short)

    def follow(self, closing: frozenset[str] = frozenset()) -> list[ResultRow]:
        """Look at what runs."""
        return self.follower.follow(self.ledger.active(), closing)

    def go(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.seconds[0] += seconds
        self.wall.go(seconds)

    def jobs(self, dataset: int) -> dict[str, JobRow]:
        """Newest job of each work and engine."""
        rows = reversed(self.ledger.jobs(dataset=dataset))
        return {f"{row.work.value} {row.engine}".strip(): row for row in rows}

    def directory(self, key: str, number: int = 1) -> Path:
        """Directory of an attempt."""
        return self.desk.attempt_directory(self.ledger.job(key), number)

    def gone(self, key: str, number: int = 1) -> None:
        """The cluster says that an attempt has gone."""
        self.cluster.set_state(f"memory:{key}-{number}", ClusterState.GONE)

    def leave_exit(self, key: str, number: int = 1, **record: Any) -> None:
        """An attempt leaves its exit code."""
        text = json.dumps(asdict(ExitRecord(**record)))
        (self.directory(key, number) / "exit.json").write_text(text, encoding="utf-8")

    def leave_result(
        self, key: str, code: str = "diffraction", usable: int = 10, number: int = 1, job: str | None = None
    ) -> Path:
        """An attempt leaves a result."""
        place = self.root / "processed" / f"{key}-{number}"
        place.mkdir(parents=True)
        write_result(place, result(job or key, code, usable))
        (self.directory(key, number) / "result_directory").write_text(str(place), encoding="utf-8")
        return place


def result(job: str, code: str, usable: int) -> Result:
    """A result that knows its job."""
    frames = Frames(announced=10, usable=usable)
    dataset = DatasetInfo(id="E/1", name="x", path="/x", kind="rotation", frames=frames)
    plain = build_result("look", None, None, None, None, Verdict(code, "Words.", ""), parameters={"job": job})
    return plain.model_copy(update={"dataset": dataset})


@contextmanager
def bench(
    directory: Path,
    rules: tuple[Rule, ...] = DEFAULT_RULES,
    capacity: Capacity | None = None,
    engines: frozenset[str] = frozenset({"dials"}),
    **sections: Any,
) -> Iterator[Bench]:
    """A bench in a directory."""
    wall, seconds = Clock(), [1000.0]
    settings = Settings.model_validate({"state_dir": str(directory / "state"), **sections})
    settings.state_dir.mkdir(mode=0o700)
    root = directory / "beamtime"
    (root / "raw").mkdir(parents=True)
    ledger, cluster = open_ledger(settings.state_dir, clock=wall), InMemoryCluster()
    log = bound(logging.getLogger("beampace.test"))
    places = LocalPlaces(settings.state_dir)
    desk = Desk(settings, ledger, cluster, log, rules, places, engines, clock=lambda: seconds[0])
    use = GroupUse(desk.clock)
    try:
        ledger.open_beamtime(BEAMTIME, str(root))
        yield Bench(
            desk=desk,
            ledger=ledger,
            cluster=cluster,
            wall=wall,
            seconds=seconds,
            intake=Intake(desk, lambda seen: seen.group or "a"),
            starter=Starter(desk, capacity or Capacity(8, 64000, 2, 8000), use),
            follower=Follower(desk, use),
            life=Life(desk),
            root=root,
        )
    finally:
        ledger.close()
