"""The HTTP interface over real connections."""

import re
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure
from beampace.service.metrics import Metrics
from beampace.store import EventRow
from beampace.web import ControlTwin, DiskInfo, LagInfo, Role, Tokens
from beampace.web.access.limits import Buckets
from beampace.web.app import create_app
from beampace.web.http import serve_http
from beampace.web.page_settings import PageSettings
from tests.support.pages import parts_of, routes_of
from tests.support.serving import running

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
    settings = PageSettings(**options)
    parts = parts_of(events, control, metrics=metrics.exposition, settings=settings)
    parts.door.limits.requests = Buckets(1e6, 1e6)
    app = create_app(parts)
    with running(lambda: serve_http(app)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def client(url, token=READ):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=url, headers=headers, timeout=20) as made:
        yield made


def test_no_route_answers_without_a_token():
    app = create_app(parts_of(Events()))
    paths = {re.sub(r"{[^}]*}", "1", path) for _, path in routes_of(app)}
    known = {"/api/announce", "/api/status", "/api/events", "/healthz", "/metrics", "/api/openapi.json"}
    assert known <= paths
    control = ControlTwin()
    with served(control) as url:
        for token in ("", "x" * 32, READ + "x", READ[:-1]):
            with client(url, token) as asked:
                for path in (
                    *sorted(paths - {"/login", "/in"}),
                    "/",
                    "/nowhere",
                    "/docs",
                    "/static/../healthz",
                ):
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


def test_a_port_that_is_taken_is_said_plainly():
    with served() as url:
        port = httpx.URL(url).port
        app = create_app(parts_of(Events()))
        with pytest.raises(InputError, match=f"port {port}"), running(lambda: serve_http(app, port=port)):
            pass


def test_nobody_may_do_anything_without_any_token_in_the_file():
    app = create_app(parts_of(Events(), tokens=Tokens()))
    with running(lambda: serve_http(app)) as port, client(f"http://127.0.0.1:{port}", "") as asked:
        assert asked.get("/healthz").status_code == 401
        assert asked.get("/healthz", headers={"Authorization": "Bearer"}).status_code == 401
