"""Two daemons and one beamtime: one of them works."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from beampace.service.claim import BEAT_S, CLAIM_FILE, LOOK_S, SETTLE_S, STALE_S, Claim, Claimant
from beampace.service.claims import Claims
from tests.support.desk import BEAMTIME, bench

NOW = [1000.0]


@pytest.fixture
def processed(tmp_path: Path) -> Path:
    NOW[0] = 1000.0
    return tmp_path / "processed"


def claim(processed: Path, token: str, ledger: str = "") -> Claim:
    """A daemon's claim; each has a ledger of its own unless it is said."""
    mine = Claimant(token, ledger or f"of {token}", f"host-{token}", 17, f"/var/{token}")
    return Claim(processed, mine, lambda: NOW[0], lambda: datetime.fromtimestamp(NOW[0], UTC))


def go(seconds: float) -> None:
    NOW[0] += seconds


def test_the_first_has_it_and_the_second_says_who_does(processed: Path) -> None:
    a, b = claim(processed, "a"), claim(processed, "b")
    assert a.look()
    assert not b.look()
    assert b.trouble is not None
    assert "host-a" in b.trouble.words and "/var/a" in b.trouble.words
    assert str(processed / CLAIM_FILE) in b.trouble.next_step


def test_a_living_daemon_keeps_it_for_ever(processed: Path) -> None:
    a, b = claim(processed, "a"), claim(processed, "b")
    for _ in range(200):
        assert a.look()
        assert not b.look()
        go(LOOK_S)


def test_a_dead_one_is_followed_after_its_last_sign_of_life(processed: Path) -> None:
    a, b = claim(processed, "a"), claim(processed, "b")
    assert a.look()
    assert not b.look()
    go(STALE_S - 1)
    assert not b.look()
    go(1)
    assert not b.look()  # taken over; somebody else may have done so at the same moment
    go(SETTLE_S)
    assert b.look() and b.trouble is None
    go(BEAT_S)
    assert not a.look()  # it was only asleep
    assert a.trouble is not None and "host-b" in a.trouble.words


def test_of_two_that_take_over_at_once_one_has_it(processed: Path) -> None:
    a, b, c = (claim(processed, token) for token in "abc")
    a.look(), b.look(), c.look()
    go(STALE_S)
    b.look(), c.look()
    go(SETTLE_S)
    assert sorted([b.look(), c.look()]) == [False, True]
    for _ in range(100):
        go(LOOK_S)
        assert sorted([b.look(), c.look()]) == [False, True]


def test_the_same_ledger_goes_on_at_once(processed: Path) -> None:
    assert claim(processed, "a", "the ledger").look()
    assert claim(processed, "b", "the ledger").look()


def test_what_was_released_is_free_and_nobody_elses_is_released(processed: Path) -> None:
    a, b = claim(processed, "a"), claim(processed, "b")
    a.look(), b.look()
    b.release()
    assert (processed / CLAIM_FILE).exists()
    a.release()
    assert not (processed / CLAIM_FILE).exists()
    go(LOOK_S)
    assert b.look()


def test_a_link_is_not_followed_and_garbage_is_taken_over_in_time(processed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("precious")
    processed.mkdir()
    (processed / CLAIM_FILE).symlink_to(other)
    a = claim(processed, "a")
    assert not a.look()
    go(STALE_S)
    a.look()
    go(SETTLE_S)
    assert a.look()
    assert other.read_text() == "precious"
    assert not (processed / CLAIM_FILE).is_symlink()


def test_a_place_that_cannot_be_written_is_told_and_changes_nothing(processed: Path) -> None:
    processed.write_text("no directory")
    a = claim(processed, "a")
    assert not a.look()
    assert a.trouble is not None and CLAIM_FILE in a.trouble.where


def test_a_desk_claims_its_beamtime_until_it_is_closed(tmp_path: Path) -> None:
    with bench(tmp_path) as daemon:
        claims = Claims(daemon.desk)
        assert claims.refused() == frozenset()
        file = daemon.root / "processed" / CLAIM_FILE
        said = json.loads(file.read_text())
        assert said["ledger"] == daemon.ledger.identity()
        daemon.ledger.close_beamtime(BEAMTIME, "stopped")
        assert claims.refused() == frozenset()
        assert not file.exists()


def test_another_daemons_beamtime_is_refused_with_a_trouble(tmp_path: Path) -> None:
    with bench(tmp_path) as daemon:
        NOW[0] = 1000.0
        assert claim(daemon.root / "processed", "other").look()
        claims = Claims(daemon.desk)
        assert claims.refused() == {BEAMTIME}
        assert "host-other" in claims.troubles[0].words


def test_a_stop_keeps_the_beamtime_while_work_runs(tmp_path: Path) -> None:
    with bench(tmp_path) as daemon:
        daemon.see()
        claims = Claims(daemon.desk)
        claims.refused()
        daemon.start()
        claims.release()
        assert (daemon.root / "processed" / CLAIM_FILE).exists()
