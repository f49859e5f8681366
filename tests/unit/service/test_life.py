"""Beamtimes come and go: the same path becomes another's directory, stops end work, reopening revives it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from beampace.beamtime import BeamtimeWatch, ChangeKind, FixedBeamtime, Observation, OpenBeamtime, root_id
from beampace.beamtime.lifecycle import Change
from beampace.cluster import InMemoryCluster
from beampace.core.errors import failure
from beampace.core.job import JobState
from beampace.core.taxonomy import Failure
from beampace.plan import Capacity
from beampace.service.daemon import Daemon as Serving
from beampace.service.groups import Groups
from beampace.service.hooks import HookPlan, Hooks
from beampace.service.metrics import Metrics
from beampace.service.publishing import Publisher
from beampace.service.reconcile import Reconciler, Turn
from beampace.service.result_pages import ResultPages
from beampace.service.space import SpaceWatch
from beampace.service.status import RAW_GONE, status_of
from beampace.store import JobRow
from beampace.watch import Answer, Watch, WatchTick
from beampace.work.order import Order
from tests.support.desk import BEAMTIME, Bench, bench
from tests.support.ledgers import sighting


@dataclass(slots=True)
class PlainWatch:
    """Tells of every master below `raw` at every look."""

    raw: Path
    looks: int = 0

    def tick(self) -> WatchTick:
        self.looks += 1
        masters = sorted(self.raw.rglob("*_master.h5"))
        seen = tuple(sighting(one.read_text(), path=str(one), place="s", n_announced=10) for one in masters)
        return WatchTick(seen, vanished=not self.raw.is_dir())

    def close(self) -> None:
        pass


@dataclass(slots=True)
class Daemon:
    """The whole loop over one real `current`, with a cluster in memory."""

    bench: Bench
    current: Path
    hooks: Hooks
    loop: Reconciler = field(init=False)
    counted: list[Path] = field(default_factory=list)

    def begin(self, roots: FixedBeamtime | None = None) -> None:
        """Begin, or begin anew."""
        desk, metrics = self.bench.desk, Metrics()
        self.loop = Reconciler(
            desk=desk,
            beamtimes=BeamtimeWatch(roots or [self.current], desk.clock, None, 10.0),
            watch_of=self._watch,
            groups=Groups.of(desk.settings.groups),
            counting=self._counting,
            publisher=Publisher(desk, self.hooks, ResultPages(desk), metrics),
            space=SpaceWatch(desk),
            capacity=Capacity(8, 64000, 2, 8000),
            metrics=metrics,
        )

    def _watch(self, beamtime: OpenBeamtime) -> Watch:
        return PlainWatch(beamtime.raw)  # type: ignore[return-value]

    def _counting(self, master: Path, raw: Path) -> Future[Answer]:
        del raw
        self.counted.append(master)
        return Future()

    def make(self, identity: str, *masters: str) -> None:
        """A new directory at the one path, with a metadata file and masters."""
        (self.current / "raw/s").mkdir(parents=True)
        (self.current / "processed").mkdir()
        self.describe(identity)
        for name in masters:
            (self.current / "raw/s" / f"{name}_master.h5").write_text(f"{identity}-{name}")

    def describe(self, identity: str) -> None:
        for old in self.current.glob("beamtime-metadata-*.json"):
            old.unlink()
        text = json.dumps({"beamtimeId": identity, "corePath": f"{self.current.parent}/core/{identity}"})
        (self.current / f"beamtime-metadata-{identity}.json").write_text(text)

    def move_away(self, name: str) -> None:
        self.current.rename(self.current.parent / name)

    def turn(self, seconds: float = 0.2) -> Turn:
        self.bench.go(seconds)
        return self.loop.turn()

    def keeps_up(self) -> str:
        """What status says of it."""
        with closing(self.bench.ledger.lease("a test")) as lease:
            serving = Serving(self.bench.desk, self.loop, self.loop.metrics, lease)
            return status_of(serving, "").keeps_up

    def jobs(self, beamtime: str) -> list[JobRow]:
        return [job for job in reversed(self.bench.ledger.jobs()) if job.beamtime == beamtime]

    def orders(self) -> list[Order]:
        return [Order.read(Path(spec.argv[-1])) for spec in self.bench.cluster.submitted.values()]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    hooks = Hooks(HookPlan())
    try:
        with bench(tmp_path) as made:
            made.ledger.close_beamtime(BEAMTIME, "not part of these tests")
            yield Daemon(made, tmp_path / "current", hooks)
    finally:
        hooks.close()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


def opened(made: Bench, kind: ChangeKind = ChangeKind.OPENED) -> None:
    beamtime = OpenBeamtime.at(BEAMTIME, made.root, root_id(made.root))
    made.life.apply(Observation(beamtime, (Change(kind, beamtime, ""),)))


def test_work_of_the_old_beamtime_ends_when_its_path_becomes_anothers(daemon: Daemon) -> None:
    daemon.make("1", "a", "b")
    daemon.begin()
    assert daemon.turn().started == 2
    assert {order.root_id for order in daemon.orders()} == {root_id(daemon.current)}
    running, lost = daemon.jobs("1")
    daemon.bench.gone(lost.key)
    daemon.turn()
    daemon.turn(4)  # lost: the next attempt would be due in two seconds
    daemon.move_away("old")
    daemon.make("2", "a")
    daemon.turn(3)
    assert daemon.bench.cluster.cancelled == [f"memory:{running.key}-1"]
    assert daemon.bench.ledger.job(lost.key).code == Failure.BEAMTIME_CLOSED
    for _ in range(4):
        daemon.turn(4)
    assert [job.code for job in daemon.jobs("1")] == [Failure.BEAMTIME_CLOSED] * 2
    assert daemon.bench.ledger.beamtime("1").closed is not None
    assert [(job.state, job.attempts) for job in daemon.jobs("2")] == [(JobState.ACTIVE, 1)]
    assert [order.root_id for order in daemon.orders()][2:] == [root_id(daemon.current)]
    assert len(daemon.bench.ledger.datasets(beamtime="1")) == 2


def test_a_cluster_that_can_give_nothing_back_after_the_stop_is_no_fault(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: InMemoryCluster) -> None:
        raise failure(Failure.NODE_LOST, "The account is gone with the beamtime.")

    monkeypatch.setattr(InMemoryCluster, "release", away)
    daemon.make("1", "a")
    daemon.begin()
    daemon.turn()
    daemon.describe("2")
    assert not [one for one in daemon.turn().troubles if one.where == "daemon"]
    assert daemon.bench.ledger.beamtime("2").closed is None


def test_a_directory_that_another_beamtime_is_given_is_no_longer_the_old_ones(daemon: Daemon) -> None:
    daemon.make("1", "a")
    daemon.begin()
    daemon.turn()
    (job,) = daemon.jobs("1")
    daemon.describe("2")  # the same directory
    daemon.turn()
    assert daemon.bench.cluster.cancelled == [f"memory:{job.key}-1"]
    assert daemon.bench.ledger.beamtime("2").root_id == root_id(daemon.current)


def test_before_the_next_beamtime_is_known_nothing_of_the_old_one_is_seen_or_started_in_its_place(
    daemon: Daemon,
) -> None:
    daemon.make("1", "a")
    daemon.begin()
    daemon.turn()
    daemon.move_away("old")
    (daemon.current / "raw/s").mkdir(parents=True)
    (daemon.current / "raw/s/new_master.h5").write_text("of the next")
    daemon.bench.ledger.retry_at(daemon.jobs("1")[0].key, daemon.bench.ledger.now())
    daemon.bench.gone(daemon.jobs("1")[0].key)
    for _ in range(3):
        turn = daemon.turn(2.5)
        assert turn.started == 0
    assert len(daemon.bench.ledger.datasets(beamtime="1")) == 1
    assert any("raw/ is not there" in trouble.words for trouble in turn.troubles)


def test_an_attempt_no_cluster_has_is_not_given_to_one_for_a_beamtime_that_has_gone(daemon: Daemon) -> None:
    daemon.make("1", "a")
    daemon.begin()
    daemon.bench.cluster.refuse = Failure.NODE_LOST  # unclear: it stays claimed
    daemon.turn()
    (job,) = daemon.jobs("1")
    daemon.bench.cluster.refuse = None
    daemon.move_away("old")
    daemon.make("2")
    daemon.turn(3)
    daemon.turn(3)
    assert daemon.bench.cluster.submitted == {}
    assert daemon.bench.ledger.job(job.key).code == Failure.BEAMTIME_CLOSED


def test_frames_of_a_beamtime_that_has_gone_are_not_counted_in_the_next(daemon: Daemon) -> None:
    daemon.make("1", "a")
    daemon.begin()
    daemon.turn()
    (job,) = daemon.jobs("1")
    daemon.bench.root = daemon.current
    daemon.move_away("old")
    daemon.make("2")
    daemon.bench.leave_result(job.key, usable=5)
    daemon.bench.gone(job.key)
    daemon.turn()
    assert daemon.bench.ledger.results(beamtime="1")
    assert daemon.counted == []


def test_the_ledger_knows_where_the_data_are_kept(daemon: Daemon) -> None:
    daemon.make("1")
    daemon.begin()
    daemon.turn()
    assert daemon.bench.ledger.beamtime("1").core_path == str(daemon.current.parent / "core/1")


def test_raw_data_that_are_not_there_are_told_and_hold_work_back(daemon: Daemon) -> None:
    daemon.make("1", "a")
    daemon.begin()
    (daemon.current / "raw").rename(daemon.current / "away")
    assert daemon.turn().troubles == ()
    daemon.turn(1)
    (trouble,) = daemon.turn(2).troubles
    assert "raw/ is not there" in trouble.words
    assert trouble.where == str(daemon.current / "raw")
    assert "mount" in trouble.next_step
    assert daemon.loop.blind
    assert daemon.keeps_up() == RAW_GONE
    (daemon.current / "away").rename(daemon.current / "raw")
    turn = daemon.turn(1)
    assert (turn.troubles, turn.started, daemon.loop.blind) == ((), 1, False)
    assert daemon.keeps_up() != RAW_GONE


def test_work_ended_by_a_stop_goes_on_as_itself_when_the_beamtime_is_opened_again(plain: Bench) -> None:
    opened(plain)
    done, waiting = plain.see("E/1"), plain.see("E/2")
    plain.files(done, 2, changed_s=2.0)
    look = plain.jobs(done)["look"]
    assert plain.start() >= 1
    plain.leave_result(look.key)
    plain.gone(look.key)
    plain.follow()
    finished = plain.ledger.job(look.key)
    plain.life.stop(BEAMTIME)
    plain.go(301)
    for _ in range(3):
        plain.life.drain(plain.ledger.active())
        plain.go(5)
        plain.follow(plain.life.closing)
    plain.life.drain(plain.ledger.active())
    assert plain.ledger.beamtime(BEAMTIME).closed is not None
    stopped = {job.key: job for job in plain.ledger.jobs() if job.code == Failure.BEAMTIME_CLOSED}
    assert stopped[plain.jobs(waiting)["look"].key]
    assert plain.ledger.dataset(waiting).state == "growing"
    opened(plain)
    again = {job.key: job for job in plain.ledger.jobs_not_ended()}
    assert set(again) == set(stopped)
    assert all(job.work_class is stopped[key].work_class for key, job in again.items())
    assert plain.ledger.job(look.key) == finished
    assert {plain.ledger.dataset(one).generation for one in (done, waiting)} == {0}
    assert {event.payload["job"] for event in plain.ledger.events(topic="job.revived")} == set(stopped)
    assert plain.start() >= 1
    opened(plain)
    assert len(plain.ledger.events(topic="job.revived")) == len(stopped)


def test_work_that_a_stop_interrupted_is_no_answer_and_done_again(plain: Bench) -> None:
    opened(plain)
    key = plain.jobs(plain.see())["look"].key
    plain.start()
    plain.leave_result(key, Failure.BEAMTIME_CLOSED)
    plain.gone(key)
    plain.follow(frozenset({BEAMTIME}))
    assert plain.ledger.job(key).code == Failure.BEAMTIME_CLOSED
    assert plain.ledger.results() == ()
    opened(plain)
    assert plain.start() == 1


def test_work_that_was_told_to_stop_before_its_beamtime_was_opened_again_is_done_again(plain: Bench) -> None:
    opened(plain)
    key = plain.jobs(plain.see())["look"].key
    plain.start()
    plain.leave_result(key, Failure.BEAMTIME_CLOSED)
    plain.gone(key)
    plain.follow()
    assert plain.ledger.job(key).state is JobState.ACTIVE
    plain.go(20)
    assert plain.start() == 1


def test_work_of_older_frames_is_not_revived(plain: Bench) -> None:
    dataset = plain.see()
    plain.files(dataset, 1, changed_s=16.0)
    for job in plain.jobs(dataset).values():
        plain.ledger.end_job(job.key, Failure.BEAMTIME_CLOSED, "")
    plain.intake.grew(dataset)
    opened(plain)
    assert {job.generation for job in plain.ledger.jobs_not_ended()} == {1}


def test_every_attempt_of_an_ending_beamtime_is_asked_to_stop_until_it_does(
    plain: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [plain.jobs(plain.see(f"E/{number}"))["look"].key for number in range(3)]
    assert plain.start() == 3
    asked: list[str] = []
    refusing = {f"memory:{keys[0]}-1"}

    def cancel(native_id: str, directory: Path) -> None:
        asked.append(native_id)
        if native_id in refusing:
            raise failure(Failure.NODE_LOST, f"No answer about {directory.name}.")

    monkeypatch.setattr(type(plain.cluster), "cancel", lambda _, native, directory: cancel(native, directory))
    plain.life.stop(BEAMTIME)
    plain.go(301)
    plain.life.drain(plain.ledger.active())
    assert sorted(asked) == sorted(f"memory:{key}-1" for key in keys)
    plain.go(2)
    plain.life.drain(plain.ledger.active())
    assert len(asked) == 3, "it is not asked all the time"
    plain.go(4)
    plain.life.drain(plain.ledger.active())
    assert len(asked) == 6


def test_a_listing_is_of_the_dataset_of_its_beamtime(plain: Bench) -> None:
    old = plain.see()
    path = plain.ledger.dataset(old).path
    plain.ledger.open_beamtime("11010001", str(plain.root))
    new = plain.ledger.observe("11010001", sighting("E/1", path=path), "a").dataset.id
    opened(plain)
    assert plain.files(old, 2, changed_s=2.0) == old
    assert [plain.ledger.dataset(one).state for one in (old, new)] == ["complete", "growing"]
