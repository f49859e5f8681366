import json
import os
import signal

import pytest

from beampace.core.errors import Cancelled
from beampace.core.ports import RecordedProgress
from beampace.work.cancel import Switch, stopped_by_signals
from beampace.work.progress import FanOut, FileProgress


def read(directory):
    return json.loads((directory / "progress.json").read_text())


def test_pace_and_time_left(tmp_path):
    now = [100.0]
    progress = FileProgress(tmp_path, clock=lambda: now[0])
    progress.stage("find spots", 360)
    now[0] += 10
    progress.advance(120)
    said = read(tmp_path)
    assert (said["stage"], said["done"], said["total"]) == ("find spots", 120, 360)
    assert said["frames_per_s"] == 12.0
    assert said["time_left_s"] == 20.0


def test_it_beats_while_nothing_moves_but_not_more_than_twice_a_second(tmp_path):
    now = [0.0]
    progress = FileProgress(tmp_path, clock=lambda: now[0])
    progress.stage("index")
    first = (tmp_path / "progress.json").stat().st_ino
    progress.check()
    assert (tmp_path / "progress.json").stat().st_ino == first
    now[0] += 1
    progress.check()
    assert (tmp_path / "progress.json").stat().st_ino != first
    assert read(tmp_path)["heartbeat"].endswith("+00:00")


def test_a_place_that_cannot_be_written_does_not_stop_the_work(tmp_path):
    progress = FileProgress(tmp_path / "absent")
    progress.stage("index")
    progress.check()
    assert "absent" in progress.trouble


def test_all_listeners_hear_and_one_can_stop():
    heard, switch = RecordedProgress(), Switch()
    both = FanOut((heard, switch))
    both.stage("scale", 3)
    both.advance(2)
    both.note("well")
    both.check()
    assert (heard.stages, heard.done, heard.notes) == ([("scale", 3)], 2, ["well"])
    switch.switch_off("enough")
    with pytest.raises(Cancelled, match="enough"):
        both.check()


def test_signals_switch_off_and_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    switch = Switch()
    with stopped_by_signals(switch):
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Cancelled, match="SIGTERM"):
            switch.check()
    assert signal.getsignal(signal.SIGTERM) is before
