"""Requests of every kind against the OpenAPI document: whatever comes, the server does not fail."""

from __future__ import annotations

import warnings
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from beampace.web.access.limits import Buckets
from beampace.web.app import create_app
from tests.support.catalogue import catalogued
from tests.support.pages import ACT, Site, served

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies, at import
    import schemathesis

STREAM = "/api/events"
"""It ends only with the server; tests of its own ask it."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(tmp_path_factory.mktemp("site")) as site:
        catalogued(site.ledger, site.root)
        site.parts.door.limits.requests = Buckets(1e6, 1e6)
        site.parts.door.limits.actions = Buckets(1e6, 1e6)
        yield site


def document(site: Site):
    """The document as programs get it."""
    with site.client(ACT) as asked:
        answer = asked.get("/api/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def test_the_document_knows_every_route_of_the_api(site):
    said = document(site)["paths"]
    served_by = {path for path in create_app(site.parts).openapi()["paths"] if path.startswith("/api/")}
    assert served_by <= set(said)
    assert len(served_by) >= 20
    for path, methods in said.items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert {"401", "404", "422", "429"} <= set(operation["responses"]), (method, path)


def test_no_request_makes_the_server_fail(site):
    schema = schemathesis.openapi.from_dict(document(site))
    codes: Counter[int] = Counter()
    reached: set[str] = set()
    with site.client(ACT) as asked:
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path != STREAM:
                fuzz(operation, asked, codes, reached)
    assert len(reached) >= 10, f"only {sorted(reached)} were answered with success: {codes}"


def fuzz(operation, asked, codes, reached, examples=25):
    """Make requests for an operation; none may end in a 500."""

    @given(case=operation.as_strategy())
    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def each(case):
        sent = case.as_transport_kwargs(base_url=str(asked.base_url).rstrip("/"))
        sent["headers"] = {
            name: value for name, value in sent["headers"].items() if name.lower() != "authorization"
        }
        answer = asked.request(**{name: value for name, value in sent.items() if name in TAKEN})
        codes[answer.status_code] += 1
        if answer.status_code < 300:
            reached.add(operation.path)
        assert answer.status_code != 500, (operation.path, sent, answer.text)
        assert answer.status_code in (200, 303, *DOCUMENTED), (operation.path, answer.status_code)

    each()


TAKEN = ("method", "url", "params", "headers", "json", "data", "content")
DOCUMENTED = (304, 400, 401, 403, 404, 405, 408, 409, 413, 416, 422, 425, 429, 503)
