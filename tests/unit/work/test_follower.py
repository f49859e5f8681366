"""The thread that follows a dataset looks at most five times a second, and stops at once."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from beampace.work import follower
from beampace.work.follower import LEAST_S, Follower

POLL_S = 0.2


@pytest.mark.parametrize(("look_s", "period"), [(0.0, POLL_S), (0.1, POLL_S), (0.3, 0.3 + LEAST_S)])
def test_the_time_of_a_look_counts_as_waiting(monkeypatch, look_s, period):
    began: list[float] = []

    def looking(master, settings, *, sleep):
        for _ in range(5):
            began.append(time.monotonic())
            time.sleep(look_s)
            sleep(POLL_S)
            yield len(began)

    monkeypatch.setattr(follower, "follow", looking)
    with Follower(Path("x_master.h5"), None) as following:
        while len(began) < 5:
            following.latest(1.0)
    steps = [later - earlier for earlier, later in itertools.pairwise(began)]
    assert min(steps) > period - 0.02 and sorted(steps)[1] < period + 0.15


def test_leaving_does_not_wait_for_the_next_look(monkeypatch):
    def looking(master, settings, *, sleep):
        while True:
            sleep(30.0)
            yield None

    monkeypatch.setattr(follower, "follow", looking)
    began = time.monotonic()
    with Follower(Path("x_master.h5"), None):
        time.sleep(0.1)
    assert time.monotonic() - began < 5
