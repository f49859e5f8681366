"""Access in the ledger, on SQLite and on PostgreSQL: passes, passwords, sessions, the audit."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from beampace.store import Deed, Ledger, NewSession, open_ledger
from beampace.store.access_tables import passes, sessions
from tests.support.ledgers import Clock, address
from tests.support.postgres import postgres

__all__ = ["address", "postgres"]

DAY_S = 86400.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(address: str, clock: Clock) -> Iterator[Ledger]:
    ledger = open_ledger(address, clock=clock)
    yield ledger
    ledger.close()


def session(secret: str, **changes: object) -> NewSession:
    values = {"kind": "group", "beamtime": "11001", "group": "a", "way": "password", "lasts_s": 3600.0}
    return NewSession(secret=secret, **(values | changes))  # type: ignore[arg-type]


def test_a_link_is_used_up_and_a_screen_is_not(ledger: Ledger) -> None:
    link = ledger.make_pass("l", "link", "group", DAY_S, "11001", "a", "for Ada")
    screen = ledger.make_pass("w", "wall", "wall", DAY_S)
    assert ledger.use_pass("l") == link
    assert ledger.use_pass("l") is None
    assert ledger.use_pass("nothing") is None
    for _ in range(3):
        used = ledger.use_pass("w")
        assert used is not None
        assert used.id == screen.id
    assert [row.used is not None for row in ledger.passes()] == [True, True]


def test_of_many_who_use_a_link_at_once_one_gets_it(address: str) -> None:
    ledgers = [open_ledger(address) for _ in range(4)]
    try:
        for round_ in range(5):
            ledgers[0].make_pass(f"t{round_}", "link", "staff", DAY_S)
            with ThreadPoolExecutor(4) as pool:
                got = list(pool.map(lambda one, token=f"t{round_}": one.use_pass(token), ledgers))  # type: ignore[misc]
            assert sum(row is not None for row in got) == 1
    finally:
        for one in ledgers:
            one.close()


def test_a_pass_ends_at_its_time_or_when_it_is_taken_back(ledger: Ledger, clock: Clock) -> None:
    ledger.make_pass("short", "wall", "wall", 10.0)
    long = ledger.make_pass("long", "wall", "wall", DAY_S)
    ledger.begin_session(session("s", by_pass=long.id, way="wall", kind="wall"))
    clock.go(10)
    assert ledger.use_pass("short") is None
    assert ledger.revoke_pass(long.id)
    assert not ledger.revoke_pass(long.id)
    assert not ledger.revoke_pass(2**40)
    assert ledger.use_pass("long") is None
    assert ledger.session("s") is None


def test_sessions_end_by_time_by_hand_and_by_a_new_password(ledger: Ledger, clock: Clock) -> None:
    rows = {name: ledger.begin_session(session(name)) for name in ("time", "hand", "old", "keep")}
    ledger.begin_session(session("other", group="b"))
    ledger.begin_session(session("link", way="link"))
    found = ledger.session("time")
    assert found == rows["time"]
    assert ledger.end_session(rows["hand"].id)
    assert not ledger.end_session(rows["hand"].id)
    ledger.set_password("11001", "a", "hash", keep=rows["keep"].id)
    living = {name for name in ("time", "hand", "old", "keep", "other", "link") if ledger.session(name)}
    assert living == {"keep", "other", "link"}
    assert [row.group for row in ledger.sessions()] == ["a", "b", "a"]
    clock.go(3600)
    assert ledger.sessions() == ()
    assert ledger.session("keep") is None


def test_where_somebody_was_last_seen(ledger: Ledger) -> None:
    row = ledger.begin_session(session("s", address="192.0.2.1"))
    ledger.move_session(row.id, "2001:db8::1")
    assert [one.address for one in ledger.sessions()] == ["2001:db8::1"]


def test_a_password_is_one_per_group_of_a_beamtime(ledger: Ledger) -> None:
    assert ledger.password_hash("11001", "a") is None
    whose = (("11001", "a", "1"), ("11001", "b", "2"), ("11002", "a", "3"), ("", "", "4"))
    for beamtime, group, hashed in whose:
        ledger.set_password(beamtime, group, hashed)
    ledger.set_password("11001", "a", "5")
    assert ledger.password_hash("11001", "a") == "5"
    assert ledger.password_hash("", "") == "4"
    shown = [(row.beamtime, row.group) for row in ledger.passwords()]
    assert shown == [("", ""), ("11001", "a"), ("11001", "b"), ("11002", "a")]


def test_what_is_long_over_is_forgotten(ledger: Ledger, clock: Clock) -> None:
    ledger.make_pass("old", "link", "staff", 60.0)
    ledger.begin_session(session("old", lasts_s=60.0))
    clock.go(31 * DAY_S)
    ledger.make_pass("new", "link", "staff", 60.0)
    with ledger._database.reading() as connection:
        counts = [select(func.count()).select_from(one) for one in (passes, sessions)]
        left = [connection.execute(count).scalar_one() for count in counts]
    assert left == [1, 0]


def test_the_audit_keeps_whatever_is_said(ledger: Ledger) -> None:
    for number in range(5):
        ledger.write_down(Deed("group", "11001", "a", "1", "::1", "downloaded", f"file {number}"))
    ledger.write_down(Deed("staff", "", "", "2", "", "cancelled", "job", "a\0b\udcff"))
    ledger.write_down(Deed("group", "11002", "b", "3", "", "downloaded", "x"))
    rows = ledger.deeds("11001", limit=3)
    assert [row.done.what for row in rows] == ["job", "file 4", "file 3"]
    assert rows[0].done.detail == "a\ufffdb\ufffd"
    assert len(ledger.deeds()) == 7
    assert ledger.deeds("11002", limit=1)[0].done.group == "b"
