"""The HTTP interface over real connections."""

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
from starlette.routing import Route

from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure
from beampace.service.metrics import Metrics
from beampace.store import EventRow
from beampace.web import ControlTwin, DiskInfo, LagInfo, Role, Tokens
from beampace.web.app import create_app
from beampace.web.http import serve_http
from tests.support.serving import running, until

READ, ANNOUNCE = "r" * 32, "a" * 32
TOKENS = Tokens.of([(READ, [Role.READ]), (ANNOUNCE, [Role.ANNOUNCE])])
NOW = datetime(2026, 11, 3, 2, 12, tzinfo=UTC)


@dataclass
class Events:
    """Events in memory."""

    rows: list = field(default_factory=list)

    def tell(self, topic, group="", **payload):
        self.rows.append(EventRow(len(self.rows) + 1, NOW, topic, "bt", group, payload))

    def events(self, after=0, limit=500):
        return [row for row in tuple(self.rows) if row.id > after][:limit]


@contextmanager
def served(control=None, events=None, metrics=None, **options):
    control, events = control or ControlTwin(), events or Events()
    metrics = metrics or Metrics()
    app = create_app(control, TOKENS, events, metrics.exposition, **options)
    with running(lambda: serve_http(app)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def client(url, token=READ):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=url, headers=headers, timeout=20) as made:
        yield made


def test_no_route_answers_without_a_token():
    app = create_app(ControlTwin(), TOKENS, Events(), lambda: b"")
    paths = {route.path for route in app.routes if isinstance(route, Route)}
    known = {"/api/announce", "/api/status", "/api/events", "/healthz", "/metrics", "/api/openapi.json"}
    assert known <= paths
    control = ControlTwin()
    with served(control) as url:
        for token in ("", "x" * 32, READ + "x", READ[:-1]):
            with client(url, token) as asked:
                for path in (*sorted(paths), "/", "/nowhere", "/docs", "/static/../healthz"):
                    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
                        answer = asked.request(method, path)
                        assert answer.status_code == 401, (method, path)
                        assert answer.headers["www-authenticate"] == "Bearer"
    assert control.asked == []


def test_a_token_counts_only_as_one_bearer():
    with served() as url, client(url, "") as asked:
        for headers in (
            [("Authorization", f"Basic {READ}")],
            [("Authorization", READ)],
            [("Authorization", f"Bearer {READ}"), ("Authorization", "Bearer y")],
            [("X-Token", READ)],
        ):
            assert asked.get("/healthz", headers=headers).status_code == 401
        assert asked.get(f"/healthz?token={READ}").status_code == 401
        assert asked.get("/healthz", headers={"Authorization": f"bearer {READ}"}).status_code == 200


def test_roles_are_kept_apart():
    dataset = {"path": "/gpfs/current/raw/a/b_master.h5", "kind": "rotation"}
    control = ControlTwin()
    with served(control) as url:
        with client(url, READ) as reader:
            refused = reader.post("/api/announce", json=dataset)
            assert (refused.status_code, refused.json()["code"]) == (403, "bad_request")
            assert "announce" in refused.json()["words"]
        assert control.asked == []
        with client(url, ANNOUNCE) as announcer:
            for path in ("/api/status", "/api/events", "/healthz", "/metrics", "/api/openapi.json"):
                assert announcer.get(path).status_code == 403
            answer = announcer.post("/api/announce", json=dataset).json()
            assert (answer["news"], answer["dataset"]) == ("new", 1)
            assert announcer.post("/api/announce", json=dataset).json()["news"] == "same"


def test_errors_are_in_the_words_of_the_taxonomy():
    def refuse(request):
        if request.do == "announce":
            raise InputError(Failure.NOT_A_DATASET, "/a/b is text.")

    with served(ControlTwin(before=refuse)) as url:
        with client(url, ANNOUNCE) as asked:
            answer = asked.post("/api/announce", json={"path": "/a/b"})
            assert answer.status_code == 400
            assert answer.json()["code"] == "not_a_dataset"
            assert answer.json()["next_step"] == "Give the path of a file that ends in _master.h5."
            for body in (b"", b"nonsense", b'{"path": "relative"}', b'{"path": "/a", "sudo": 1}', b"[]"):
                answer = asked.post("/api/announce", content=body)
                assert (answer.status_code, answer.json()["answer"]) == (422, "error")
        with client(url) as asked:
            assert asked.get("/nowhere").json()["answer"] == "error"
            assert asked.get("/api/status?beamtime=a/b").status_code == 422
            answer = asked.get("/api/status?beamtime=11001234")
            assert answer.json()["beamtime"] == "11001234"
            assert answer.headers["cache-control"] == "no-store"
            assert "sandbox" in answer.headers["content-security-policy"]


def test_a_body_is_bounded_whether_it_says_its_length_or_not():
    control = ControlTwin()
    long = b'{"path": "/a", "sample": "' + b"x" * 100_000 + b'"}'
    with served(control) as url, client(url, ANNOUNCE) as asked:
        assert asked.post("/api/announce", content=long).status_code == 413
        pieces = (long[at : at + 1000] for at in range(0, len(long), 1000))
        assert asked.post("/api/announce", content=pieces).status_code == 413
        assert asked.post("/api/announce", json={"path": "/a/b"}).status_code == 200
    assert len(control.asked) == 1


def test_nonsense_instead_of_http_hurts_nobody():
    with served() as url:
        port = httpx.URL(url).port
        for nonsense in (b"\x00\xff" * 50, b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"x" * 100_000):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
                try:
                    raw.sendall(nonsense + b"\r\n\r\n")
                    raw.recv(1000)
                except ConnectionError:
                    continue
        with client(url) as asked:
            assert asked.get("/healthz").status_code == 200


def test_health_is_not_well_when_the_loop_stands():
    with served(ControlTwin(healthy=False)) as url, client(url) as asked:
        assert asked.get("/healthz").status_code == 503

    def crash(_):
        raise RuntimeError("broken")

    with served(ControlTwin(before=crash)) as url, client(url) as asked:
        assert asked.get("/healthz").status_code == 503
        assert asked.get("/api/status").json()["code"] == "engine_failed"


def test_metrics_show_what_was_measured():
    clock = [100.0]
    metrics = Metrics(clock=lambda: clock[0])
    metrics.turned(0.012, 0.004)
    metrics.poll("cluster", ok=False)
    metrics.counts({"complete": 3}, {("urgent", "waiting"): 2})
    metrics.lags((LagInfo(of="urgent", what="x", n=3, median_s=0.2, p95_s=0.5, worst_s=0.9),))
    metrics.disk(DiskInfo(path="/p", free_bytes=7, total_bytes=9, only_results=True))
    metrics.beamtime(is_open=True, troubles=1)
    clock[0] = 130.0
    with served(metrics=metrics) as url, client(url) as asked:
        text = asked.get("/metrics").text
        for line in (
            "beampace_tick_seconds_count 1.0",
            'beampace_poll_failing_seconds{poll="cluster"} 30.0',
            'beampace_datasets{state="complete"} 3.0',
            'beampace_jobs{state="waiting",work_class="urgent"} 2.0',
            'beampace_lag_seconds{statistic="p95",what="x",work_class="urgent"} 0.5',
            "beampace_disk_free_bytes 7.0",
            "beampace_disk_only_results 1.0",
            "beampace_beamtime_open 1.0",
        ):
            assert line in text
        metrics.poll("cluster", ok=True)
        assert 'beampace_poll_failing_seconds{poll="cluster"} 0.0' in asked.get("/metrics").text


def test_the_description_names_every_route_and_field():
    with served() as url, client(url) as asked:
        document = asked.get("/api/openapi.json").json()
    assert document["info"]["title"] == "beampace"
    for path, methods in document["paths"].items():
        for what in methods.values():
            assert what["summary"], path
            assert what["security"] == [{"HTTPBearer": []}]
    fields = document["components"]["schemas"]["AnnounceRequest"]["properties"]
    assert all("description" in value for name, value in fields.items() if name != "do")


class Reader:
    """Reads a stream of events in a thread."""

    def __init__(self, asked, path="/api/events", **headers):
        self.events, self.comments, self.ended = [], [], threading.Event()
        self._thread = threading.Thread(target=self._read, args=(asked, path, headers), daemon=True)
        self._thread.start()

    def _read(self, asked, path, headers):
        try:
            with asked.stream("GET", path, headers=headers) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                found = {}
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    if line.startswith(":"):
                        self.comments.append(line)
                    elif line:
                        found[name] = value
                    elif "id" in found:
                        self.events.append((int(found["id"]), found["event"], json.loads(found["data"])))
                        found = {}
        except httpx.HTTPError:
            pass
        finally:
            self.ended.set()

    @property
    def ids(self):
        return [event[0] for event in self.events]


def test_events_come_as_they_happen_and_go_on_where_a_reader_left_off():
    events = Events()
    for number in range(1200):
        events.tell("job.planned", number=number)
    with served(events=events) as url, client(url) as asked:
        first = Reader(asked)
        until(lambda: len(first.ids) == 1200)
        events.tell("result", words="a line\nand another: {}")
        until(lambda: len(first.ids) == 1201)
        assert first.ids == list(range(1, 1202))
        assert first.events[-1][1] == "result"
        assert first.events[-1][2]["payload"] == {"words": "a line\nand another: {}"}
        with client(url) as again:
            resumed = Reader(again, **{"Last-Event-ID": "1199"})
            until(lambda: len(resumed.ids) == 2)
            assert resumed.ids == [1200, 1201]
        with client(url) as again:
            assert again.get("/api/events", headers={"Last-Event-ID": "x"}).status_code == 422
    assert first.ended.wait(20)  # the server's stop ends the stream


def test_a_group_sees_its_own_events_and_those_of_all():
    events = Events()
    for group in ("a", "b", "", "a"):
        events.tell("result", group)
    with served(events=events) as url, client(url) as asked:
        reader = Reader(asked, "/api/events?group=a&after=1")
        until(lambda: len(reader.ids) == 2)
        events.tell("result", "b")
        events.tell("result", "a")
        until(lambda: len(reader.ids) == 3)
        assert reader.ids == [3, 4, 6]


def test_a_quiet_stream_has_a_heartbeat():
    with served(heartbeat_s=0.2) as url, client(url) as asked:
        reader = Reader(asked)
        until(lambda: sum("still here" in comment for comment in reader.comments) >= 2)


def test_readers_of_events_are_bounded_and_their_places_come_free(monkeypatch):
    monkeypatch.setattr("beampace.web.app.MOST_STREAMS", 2)
    with served(heartbeat_s=0.1) as url, client(url) as asked:
        with asked.stream("GET", "/api/events"), asked.stream("GET", "/api/events"):
            refused = asked.get("/api/events")
            assert (refused.status_code, refused.json()["code"]) == (503, "rejected_by_queue")

        def free():
            with asked.stream("GET", "/api/events") as answer:
                return answer.status_code == 200

        until(free)


def test_a_port_that_is_taken_is_said_plainly():
    with served() as url:
        port = httpx.URL(url).port
        app = create_app(ControlTwin(), TOKENS, Events(), lambda: b"")
        with pytest.raises(InputError, match=f"port {port}"), running(lambda: serve_http(app, port=port)):
            pass


def test_nobody_may_do_anything_without_any_token_in_the_file():
    app = create_app(ControlTwin(), Tokens(), Events(), lambda: b"")
    with running(lambda: serve_http(app)) as port, client(f"http://127.0.0.1:{port}", "") as asked:
        assert asked.get("/healthz").status_code == 401
        assert asked.get("/healthz", headers={"Authorization": "Bearer"}).status_code == 401
