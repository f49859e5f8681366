"""Masters that wait to be read."""

from __future__ import annotations

from beampace.core.taxonomy import Failure
from beampace.watch.settings import WatchSettings
from beampace.watch.unread import UnreadMasters

S = WatchSettings()


def fail(waiting: UnreadMasters, path: str, now: float, code: Failure = Failure.FILE_TRUNCATED) -> None:
    waiting.asked(path)
    waiting.failed(path, code, "words", "step", now)


def test_the_latest_goes_first_and_second_tries_last() -> None:
    waiting = UnreadMasters(S)
    for path in ("/a", "/b", "/c"):
        waiting.add(path, 0.0)
    assert waiting.next(0.0) == "/c"
    fail(waiting, "/c", 0.0)
    assert waiting.next(10.0) == "/b"


def test_half_written_is_waited_for_with_growing_pauses_then_told() -> None:
    waiting, now, tries = UnreadMasters(S), 0.0, []
    waiting.add("/a", now)
    while now < 300:
        if waiting.next(now):
            tries.append(now)
            fail(waiting, "/a", now)
        told = list(waiting.troubles())
        assert bool(told) == (bool(tries) and tries[-1] >= S.not_yet_s), now
        assert waiting.is_open("/a") == (not told)
        now += 0.1
    assert tries[1] - tries[0] < 0.5
    assert tries[-1] - tries[-2] > 60
    assert 8 < len(tries) < 15


def test_what_breaks_the_reader_is_told_at_once_and_given_up_until_it_changes() -> None:
    waiting, now, tries = UnreadMasters(S), 0.0, 0
    waiting.add("/a", now)
    while now < 3000:
        if waiting.next(now):
            tries += 1
            fail(waiting, "/a", now, Failure.TIMED_OUT)
            assert [t.where for t in waiting.troubles()] == ["/a"]
        now += 1
    assert tries == S.max_crashes
    waiting.nudge("/a", now)
    assert waiting.next(now + 100) is None
    waiting.add("/a", now)
    assert waiting.next(now) == "/a"
    assert not list(waiting.troubles())


def test_data_files_that_appear_are_worth_a_try() -> None:
    waiting = UnreadMasters(S)
    waiting.add("/a", 0.0)
    for now in range(0, 2000, 10):
        if waiting.next(now):
            waiting.asked("/a")
            waiting.without_identity("/a", now)
    assert waiting.next(2001) is None
    waiting.nudge("/a", 2001)
    assert waiting.next(2001 + S.again_s) == "/a"


def test_a_change_while_it_is_read_asks_for_another_reading() -> None:
    waiting = UnreadMasters(S)
    waiting.add("/a", 0.0)
    waiting.asked("/a")
    assert waiting.next(1.0) is None
    waiting.add("/a", 1.0)
    assert waiting.next(1.0) is None, "the reading that is under way ends first"
    assert not waiting.read("/a")
    assert waiting.next(1.0) == "/a"
    waiting.asked("/a")
    assert waiting.read("/a")
    assert len(waiting) == 0


def test_a_failure_before_a_change_says_nothing_of_the_changed_one() -> None:
    waiting = UnreadMasters(S)
    waiting.add("/a", 0.0)
    waiting.asked("/a")
    waiting.add("/a", 1.0)
    waiting.failed("/a", Failure.TIMED_OUT, "", "", 1.0)
    assert waiting.next(1.0) == "/a"
    assert not list(waiting.troubles())
    waiting.remove("/a")
    waiting.failed("/a", Failure.TIMED_OUT, "", "", 1.0)
    assert waiting.next(1.0) is None
