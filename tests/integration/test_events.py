"""Events of the ledger and live rows over real connections."""

import json
import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest

from beampace.store import open_ledger
from beampace.web.app import create_app
from beampace.web.http import serve_http
from beampace.web.live_source import LiveTwin
from beampace.web.page_settings import PageSettings
from beampace.web.stream import hub
from tests.support.event_reader import Reader
from tests.support.live_files import begin_look, look_content, write_whole
from tests.support.pages import READ, parts_of, served
from tests.support.serving import running, until


def tell(ledger, count, group="", topic="result", beamtime="11001"):
    return [ledger.append(topic, {"number": number}, beamtime, group) for number in range(count)]


@pytest.fixture
def site(tmp_path):
    with served(tmp_path) as made:
        yield made


def test_events_come_as_they_happen_and_go_on_where_a_reader_left_off(tmp_path):
    with served(tmp_path) as site, site.client() as asked:
        tell(site.ledger, 1200)
        first = Reader(asked)
        until(lambda: len(first.ids) == 1200)
        site.ledger.append("result", {"words": "a line\nand another: {}"})
        until(lambda: len(first.ids) == 1201)
        assert first.ids == list(range(1, 1202))
        assert first.events[-1][1] == "result"
        assert first.events[-1][2]["payload"] == {"words": "a line\nand another: {}"}
        with site.client() as again:
            resumed = Reader(again, **{"Last-Event-ID": "1199"})
            until(lambda: len(resumed.ids) == 2)
            assert resumed.ids == [1200, 1201]
        with site.client() as again:
            for wrong in ("x", "-1", "9" * 30):
                assert again.get("/api/events", headers={"Last-Event-ID": wrong}).status_code == 422
                assert again.get(f"/api/events?after={wrong}").status_code == 422
    assert first.ended.wait(20)  # the server's stop ends the stream


def test_the_answer_passes_proxies_unheld(site):
    with site.client() as asked, asked.stream("GET", "/api/events") as answer:
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["cache-control"] == "no-store"


def test_nobody_misses_or_doubles_an_event(site, monkeypatch):
    """50 readers who come at different times, some from the beginning, while 2,000 events are written."""
    monkeypatch.setattr("beampace.web.stream.events.MOST_PER_READER", 50)
    with ExitStack() as held:
        readers = []
        for number in range(2000):
            site.ledger.append("result", {"number": number}, "11001", "")
            if number % 20 == 0 and number < 1000:
                asked = held.enter_context(site.client())
                after = number if number % 40 else 0
                readers.append((after, Reader(asked, f"/api/events?after={after}")))
        assert len(readers) == 50
        for after, reader in readers:
            until(lambda reader=reader: reader.ids and reader.ids[-1] == 2000, 60)
            assert reader.ids == list(range(after + 1, 2001))


def test_readers_far_behind_are_served_from_the_ledger(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "MOST_KEPT", 50)
    with served(tmp_path) as site, ExitStack() as held:
        first = Reader(held.enter_context(site.client()))
        tell(site.ledger, 1300)
        until(lambda: len(first.ids) == 1300)
        behind = [
            Reader(held.enter_context(site.client()), f"/api/events?after={after}") for after in (0, 7, 1249)
        ]
        tell(site.ledger, 100)
        for after, reader in zip((0, 7, 1249), behind, strict=True):
            until(lambda reader=reader: reader.ids and reader.ids[-1] == 1400)
            assert reader.ids == list(range(after + 1, 1401))


def test_a_slow_reader_misses_nothing_and_holds_nobody_up(site):
    """It reads nothing until the connection is full: the others go on, and later it gets all of it."""
    big = {"words": "x" * 8000}
    address = site.url.removeprefix("http://").split(":")
    slow = socket.create_connection((address[0], int(address[1])))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    slow.sendall(
        f"GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {READ}\r\n\r\n".encode()
    )
    with site.client() as asked, slow:
        quick = Reader(asked)
        for _ in range(1000):
            site.ledger.append("result", big, "11001", "")
        until(lambda: len(quick.ids) == 1000, 60)
        got, found = b"", []
        slow.settimeout(20)
        while not found or found[-1] != 1000:
            got += slow.recv(1 << 20)
            lines = got.split(b"\n")
            got = lines.pop()
            found += [int(line[4:]) for line in lines if line.startswith(b"id: ")]
        assert found == list(range(1, 1001))


def test_a_reader_goes_on_after_the_server_was_started_again(tmp_path):
    """Another server over the same ledger, on the same port; between the two, events are written."""
    ledger = open_ledger(tmp_path)
    parts = parts_of(ledger)
    try:
        with running(lambda: serve_http(create_app(parts))) as port:
            site = _Place(f"http://127.0.0.1:{port}")
            with site.client() as asked:
                before = Reader(asked)
                tell(ledger, 30)
                until(lambda: len(before.ids) == 30)
        assert before.ended.wait(20)
        tell(ledger, 30)
        ledger.close()
        ledger = open_ledger(tmp_path)
        parts = parts_of(ledger)
        with running(lambda: serve_http(create_app(parts), port=port)), site.client() as asked:
            after = Reader(asked, **{"Last-Event-ID": str(before.ids[-1])})
            tell(ledger, 30)
            until(lambda: len(after.ids) == 60)
            assert before.ids + after.ids == list(range(1, 91))
    finally:
        parts.frames.close()
        ledger.close()


class _Place:
    def __init__(self, url):
        self.url = url

    @contextmanager
    def client(self):
        import httpx

        with httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {READ}"}, timeout=20) as made:
            yield made


def test_a_group_gets_what_is_its_own_and_what_is_everybodys(site):
    with site.client() as asked:
        for group in ("a", "b", "", "a"):
            site.ledger.append("result", {"dataset": 1}, "11001", group)
        site.ledger.append("beamtime.closed", {"reason": ""}, "11001", "")
        narrowed = Reader(asked, "/api/events?group=a&after=1")
        until(lambda: len(narrowed.ids) == 2)
        tell(site.ledger, 1, "b")
        tell(site.ledger, 1, "a")
        until(lambda: len(narrowed.ids) == 3)
        assert narrowed.ids == [4, 5, 7]


def test_a_group_never_gets_events_or_rows_of_another(site):
    mine, other = begin_look(site, 1, "a"), begin_look(site, 2, "b")
    nobodys, elsewhere = begin_look(site, 3, ""), begin_look(site, 4, "a", "11002")
    begun = site.ledger.last_event()
    with site.login("a", "11001") as asked, site.client() as all_of_it:
        group, everything = Reader(asked, "/api/events?live=1"), Reader(all_of_it, "/api/events?live=1")
        for work in (other, nobodys, elsewhere, mine):
            write_whole(work.file, look_content(range(1, 11), 100))
        until(
            lambda: (
                set(everything.frames) == {mine.dataset, other.dataset, nobodys.dataset, elsewhere.dataset}
            )
        )
        tell(site.ledger, 3, "b")
        tell(site.ledger, 3, "a", beamtime="11002")
        last = tell(site.ledger, 1, "a")[-1]
        until(lambda: last in group.ids)
        site.live.works.clear()
        until(lambda: group.live[-1]["state"] == "ended")
        assert set(group.frames) == {mine.dataset}
        assert {(data["beamtime"], data["group"]) for _, _, data in group.events} <= {
            ("11001", "a"),
            ("11001", ""),
        }
        assert {name for _, name, data in group.events if data["group"] == ""} == {"beamtime.opened"}
        assert set(range(1, begun + 1)) <= set(everything.ids)
        assert asked.get("/api/events?group=b").status_code == 404
        assert asked.get("/api/events?group=nobody").status_code == 404


def test_the_stream_ends_with_the_session(tmp_path):
    with served(tmp_path, settings=PageSettings(heartbeat_s=0.2)) as site:
        site.ledger.open_beamtime("11001", str(site.root))
        with site.login("a", "11001") as asked:
            reader = Reader(asked)
            until(lambda: reader.ids)
            (session,) = site.ledger.sessions()
            site.parts.door.sessions.end(session.id)
            assert reader.ended.wait(20)
            assert asked.get("/api/events").status_code == 401


def test_rows_come_once_and_all_of_them_to_whoever_joins(site):
    work = begin_look(site, 1)
    with site.client() as asked, site.client() as another:
        first = Reader(asked, "/api/events?live=1")
        for n in range(5, 101, 5):
            write_whole(work.file, look_content(range(1, n + 1), 100))
            until(lambda n=n: len(first.frames.get(work.dataset, [])) == n)
        late = Reader(another, "/api/events?live=1")
        until(lambda: late.live)
        assert late.frames[work.dataset] == list(range(1, 101))
        content = look_content(range(1, 101), 100)
        content["columns"]["verdict"][49] = "ice"
        write_whole(work.file, content)
        until(lambda: len(late.live) == 2)
        assert late.live[1]["columns"]["frame"] == [50]
        assert late.live[1]["columns"]["verdict"] == ["ice"]
        write_whole(work.file, {**content, "state": "complete"})
        until(lambda: late.live[-1]["state"] == "complete")
        assert "frame" not in late.live[-1]["columns"]
        site.live.works.clear()
        until(lambda: len(late.live) == 4)
        assert late.live[-1]["state"] == "complete"
        assert first.frames[work.dataset] == [*range(1, 101), 50]


def test_what_was_written_last_is_told_though_the_work_has_ended(site):
    work = begin_look(site, 1)
    with site.client() as asked:
        reader = Reader(asked, "/api/events?live=1")
        write_whole(work.file, look_content(range(1, 11), 20))
        until(lambda: reader.live)
        site.live.works.clear()
        write_whole(work.file, look_content(range(1, 21), 20, state="complete"))
        until(lambda: reader.live[-1]["state"] == "complete" and not reader.live[-1]["columns"])
        assert reader.frames[work.dataset] == list(range(1, 21))


def test_files_that_are_none_hurt_nobody(site, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(look_content(range(1, 6), 100)))
    linked, odd, good = begin_look(site, 1), begin_look(site, 2), begin_look(site, 3)
    linked.file.symlink_to(secret)
    with site.client() as asked:
        reader = Reader(asked, "/api/events?live=1")
        bad = look_content(range(1, 6), 100)
        for content in (
            "nonsense",
            [],
            {"columns": 5},
            {**bad, "state": {}},
            {**bad, "frames": [1]},
            {**bad, "columns": {**bad["columns"], "spots": [1]}},
            {**bad, "columns": {**bad["columns"], "frame": [[], 1, 2, 3, 4]}},
        ):
            write_whole(odd.file, content)
            time.sleep(0.1)
        odd.file.write_bytes(b"[" * 100_000)
        time.sleep(0.1)
        content = look_content(range(1, 6), 100)
        content["columns"]["intensity"] = [float("nan"), float("inf"), {"a": 1}, "x" * 1000, 5]
        write_whole(good.file, content)
        until(lambda: good.dataset in reader.frames)
        assert list(reader.frames) == [good.dataset]
        values = reader.live[0]["columns"]["intensity"]
        assert values == [None, None, None, "x" * 40, 5]


class Hanging(LiveTwin):
    """A source on a file system that hangs."""

    def running(self):
        self.asked.set()
        self.free.wait(20)
        return ()


def test_events_go_on_while_files_hang(tmp_path):
    source = Hanging()
    source_asked, free = threading.Event(), threading.Event()
    Hanging.asked, Hanging.free = source_asked, free
    ledger = open_ledger(tmp_path)
    parts = parts_of(ledger, live=source)
    try:
        with running(lambda: serve_http(create_app(parts))) as port:
            site = _Place(f"http://127.0.0.1:{port}")
            with site.client() as asked:
                reader = Reader(asked, "/api/events?live=1")
                assert source_asked.wait(20)
                tell(ledger, 5)
                until(lambda: len(reader.ids) == 5)
        free.set()
    finally:
        parts.frames.close()
        ledger.close()


def test_a_quiet_stream_has_a_heartbeat(tmp_path):
    settings = PageSettings(heartbeat_s=0.2)
    with served(tmp_path, settings=settings) as site, site.client() as asked:
        reader = Reader(asked)
        until(lambda: sum("still here" in comment for comment in reader.comments) >= 2)


def test_readers_are_bounded_and_their_places_come_free(tmp_path, monkeypatch):
    monkeypatch.setattr("beampace.web.stream.events.MOST_STREAMS", 3)
    monkeypatch.setattr("beampace.web.stream.events.MOST_PER_READER", 2)
    with served(tmp_path, settings=PageSettings(heartbeat_s=0.1)) as site:
        site.ledger.open_beamtime("11001", str(site.root))
        with site.client() as asked, site.login("a", "11001") as group:
            with asked.stream("GET", "/api/events"), asked.stream("GET", "/api/events"):
                refused = asked.get("/api/events")
                assert (refused.status_code, refused.json()["code"]) == (503, "rejected_by_queue")
                assert "yours" in refused.json()["words"]
                with group.stream("GET", "/api/events") as another:
                    assert another.status_code == 200
                    assert "3 readers" in group.get("/api/events").json()["words"]

            def free():
                with asked.stream("GET", "/api/events") as answer:
                    return answer.status_code == 200

            until(free)
