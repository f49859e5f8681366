"""A group gets nothing of another group: every route, every way to name a thing, is asked for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from beampace.web.app import create_app
from tests.support.catalogue import ALPHA, BEAMTIME, BETA, Catalogued, catalogued
from tests.support.pages import Site, routes_of, served

OTHER = "22020002"
SECRETS = ("lyso_001", "thau_002", "loop_003", "shots_004", "rerun_008", "max-p3a012", "growing_010")
"""Words that only things of the other group have."""


@dataclass
class Two:
    """A site with the things of two groups, and a session of the second."""

    site: Site
    made: Catalogued
    beta: httpx.Client


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Iterator[Two]:
    with served(tmp_path_factory.mktemp("site")) as site:
        made = catalogued(site.ledger, site.root)
        catalogued(site.ledger, site.root.with_name("other"), OTHER)
        with site.login(BETA, BEAMTIME) as beta:
            beta.headers["Accept"] = "text/html, application/json"
            yield Two(site, made, beta)


def others_things(two: Two) -> dict[str, list[str]]:
    """Route with a place for a thing -> addresses with things of the other group in it."""
    datasets = [two.made.datasets[name] for name in ("lyso_001", "loop_003", "shots_004", "growing_010")]
    results = [two.made.results[name] for name in ("lyso_001 process dials", "loop_003 map")]
    shared = two.site.ledger.results(beamtime=OTHER)
    results += [next(row.id for row in shared if row.group == BETA)]  # the same group of another beamtime
    datasets += [next(row.dataset for row in shared if row.group == BETA)]
    found: dict[str, list[str]] = {}
    for _, route in routes_of(create_app(two.site.parts)):
        if "{" in route:
            numbers = results if "/results/" in route else datasets
            found[route] = [filled(route, number) for number in numbers]
    return found


def filled(route: str, number: int) -> str:
    """An address: the first place of a route takes the number, the others something that would be there."""
    values = iter([str(number), "1", "0", "0", "0"])
    parts = []
    for part in route.split("/"):
        is_place = part.startswith("{")
        name = "result.json" if part.startswith("{name") else None
        parts.append((name or next(values)) if is_place else part)
    return "/".join(parts)


def test_every_route_with_a_place_says_404(two):
    methods = dict.fromkeys(route for route in routes_of(create_app(two.site.parts)) if "{" in route[1])
    asked = others_things(two)
    assert {route for _, route in methods} == set(asked)
    assert len(methods) >= 15
    for method, route in methods:
        for address in asked[route]:
            answer = two.beta.request(method, address)
            assert answer.status_code == 404, (method, address, answer.status_code)
            assert not hidden(answer.text), (method, address)


def test_the_same_routes_answer_the_group_itself(two):
    """Or the test above would also pass where nothing is there at all."""
    own_dataset, own_result = two.made.datasets["50%_102"], two.made.results["50%_102 process dials"]
    for address in (f"/datasets/{own_dataset}", f"/api/datasets/{own_dataset}", f"/api/results/{own_result}"):
        assert two.beta.get(address).status_code == 200, address


def test_what_is_named_in_a_body_or_a_query_is_not_there_either(two):
    lyso, own = two.made.results["lyso_001 process dials"], two.made.results["50%_102 process dials"]
    dataset = two.made.datasets["lyso_001"]
    path = two.site.ledger.dataset(dataset).path
    waiting = two.site.ledger.jobs(dataset=two.made.datasets["waiting_006"])[0].key
    for address in (
        f"/api/compare?a={own}&b={lyso}",
        f"/api/compare?a={lyso}&b={own}",
        f"/compare?a={own}&b={lyso}",
        f"/api/datasets/{two.made.datasets['50%_102']}/frames/1/predictions?result={lyso}",
        f"/api/datasets?beamtime={OTHER}",
        f"/api/now?beamtime={OTHER}",
        f"/api/beamtime?beamtime={OTHER}",
        f"/datasets?beamtime={OTHER}",
        f"/beamtime?beamtime={OTHER}",
    ):
        assert two.beta.get(address).status_code == 404, address
    for wish in ({"dataset": dataset}, {"dataset": path}):
        assert two.beta.post("/api/reprocess", json=wish).status_code == 404
        assert two.beta.post("/api/cancel", json=wish).status_code == 404
    assert two.beta.post("/api/cancel", json={"job": waiting}).status_code == 404


def test_lists_and_counts_are_the_groups_own(two):
    """Every route without a place, and searches for names of the other group."""
    plain = sorted({route for method, route in routes_of(create_app(two.site.parts)) if method == "GET"})
    queries = [f"/api/datasets?search={word}" for word in SECRETS]
    queries += [f"/datasets?search={word}" for word in SECRETS] + [f"/api/datasets?group={ALPHA}"]
    asked = 0
    for address in [route for route in plain if "{" not in route] + queries:
        if address in ("/api/events", "/api/openapi.json"):
            continue  # the first has tests of its own, the second says nothing of data
        answer = two.beta.get(address)
        assert answer.status_code < 500, address
        found = [word for word in hidden(answer.text) if word not in address]  # what was asked is repeated
        assert not found, (address, found)
        if "search=" in address:
            assert '"total":0' in answer.text or 'data-total="0"' in answer.text, address
        asked += answer.status_code == 200
    assert asked >= 10
    assert two.beta.get("/metrics").status_code == 404  # it counts everybody's work
    assert two.beta.get("/api/datasets").json()["total"] == 3
    assert two.beta.get("/api/datasets").json()["groups"] == [BETA]


def test_events_are_the_groups_own(two):
    seen = []
    all_of_them = two.site.ledger.events(limit=100_000, beamtime=BEAMTIME)
    last = max(event.id for event in all_of_them if event.group == BETA)
    with two.beta.stream("GET", "/api/events?after=0") as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                event = json.loads(line.removeprefix("data: "))
                seen.append(event)
                if event["id"] >= last or event["beamtime"] == OTHER:
                    break
    assert {event["beamtime"] for event in seen} == {BEAMTIME}
    assert {event["group"] for event in seen} == {BETA, ""}
    assert all(event["topic"].startswith("beamtime.") for event in seen if not event["group"])


def hidden(text: str) -> list[str]:
    """Words of the other group that stand in a text."""
    return [word for word in SECRETS if word in text]
