"""Announcements: what the daemon made of them, without holding up its loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from beampace.service import control as module
from beampace.service.control import DaemonControl
from beampace.service.growth import Growth
from beampace.service.intake import Intake
from beampace.service.lookout import Lookout
from beampace.watch import Watch, WatchSettings
from beampace.web import AnnounceAnswer, AnnounceRequest
from tests.support.desk import BEAMTIME, Bench, bench
from tests.support.serving import until
from tests.support.watch_data import Answers

PATIENCE_S = 30.0


@contextmanager
def announcing(directory: Path) -> Iterator[tuple[Bench, DaemonControl, Lookout]]:
    """The control of a daemon whose turns the test takes."""
    with bench(directory) as made:
        watch = Watch(made.root / "raw", WatchSettings(), Answers())
        growth = Growth(made.desk, lambda *_: Future())
        lookout = Lookout(BEAMTIME, watch, Intake(made.desk, lambda seen: seen.group or "a"), growth)
        reconciler = SimpleNamespace(lookout=lookout, open=None)
        daemon = SimpleNamespace(desk=made.desk, reconciler=reconciler, lock=threading.Lock())
        try:
            yield made, DaemonControl(daemon), lookout  # type: ignore[arg-type]
        finally:
            lookout.close()


@contextmanager
def turning(lookout: Lookout) -> Iterator[None]:
    """The loop, in a thread of its own."""
    stop = threading.Event()

    def turn() -> None:
        while not stop.wait(0.02):
            lookout.look()

    with ThreadPoolExecutor(1) as pool:
        loop = pool.submit(turn)
        try:
            yield
        finally:
            stop.set()
        loop.result(PATIENCE_S)


def master(made: Bench, name: str = "scan") -> Path:
    path = made.root / "raw" / "s" / f"{name}_master.h5"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_an_announcement_says_what_became_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANNOUNCED_WAIT_S", PATIENCE_S)
    with announcing(tmp_path) as (made, control, lookout), turning(lookout):
        path = str(master(made))
        first = control.announce(AnnounceRequest(path=path))
        again = control.announce(AnnounceRequest(path=path))
        other = control.announce(AnnounceRequest(path=path, group="b"))
        number = made.ledger.datasets(beamtime=BEAMTIME)[0].id
    assert [one.news for one in (first, again, other)] == ["new", "same", "changed"]
    assert {one.dataset for one in (first, again, other)} == {number}


def test_a_run_directory_is_answered_with_its_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANNOUNCED_WAIT_S", PATIENCE_S)
    with announcing(tmp_path) as (made, control, lookout), turning(lookout):
        said = control.announce(AnnounceRequest(path=str(master(made).parent)))
    assert (said.news, said.dataset is None) == ("new", False)


def test_what_is_not_there_is_waited_for_while_the_loop_goes_on(tmp_path: Path) -> None:
    with announcing(tmp_path) as (made, control, _), control.daemon.lock, ThreadPoolExecutor(1) as pool:
        request = AnnounceRequest(path=str(made.root / "raw/s/later_master.h5"))
        assert pool.submit(control.announce, request).result(PATIENCE_S) == AnnounceAnswer(news="not_yet")


def test_what_is_known_and_not_read_again_in_time_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANNOUNCED_WAIT_S", 0.01)
    with announcing(tmp_path) as (made, control, lookout):
        path = master(made)
        until(lambda: lookout.look() == () and made.ledger.datasets(beamtime=BEAMTIME))
        said = control.announce(AnnounceRequest(path=str(path)))
    assert (said.news, said.dataset is None) == ("same", False)
