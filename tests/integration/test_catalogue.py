"""The catalogue in both databases: orders, filters, search, pages, scopes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beampace.core.dataset import DatasetKind
from beampace.core.scope import EVERYTHING, Scope
from beampace.core.tone import TONES, tone_of
from beampace.core.work import WorkName
from beampace.store import CatalogueQuery, Ledger, Sort, open_ledger
from tests.support.catalogue import ALPHA, BEAMTIME, BETA, Catalogued, catalogued
from tests.support.ledgers import BOTH, new_result, planned, sighting
from tests.support.postgres import PostgresServer, postgres  # noqa: F401 - a fixture

KEYS = {
    Sort.NUMBER: lambda row: row.dataset.id,
    Sort.SAMPLE: lambda row: row.dataset.sample.lower() or None,
    Sort.NAME: lambda row: row.dataset.name.lower(),
    Sort.KIND: lambda row: row.dataset.kind.value,
    Sort.GROUP: lambda row: row.dataset.group.lower(),
    Sort.FRAMES: lambda row: row.dataset.n_announced,
    Sort.SEEN: lambda row: row.dataset.seen,
    Sort.VERDICT: lambda row: _rank(row),
    Sort.SPACE_GROUP: lambda row: _summary(row, "space_group"),
    Sort.D_MIN: lambda row: _summary(row, "d_min"),
    Sort.COMPLETENESS: lambda row: _summary(row, "completeness"),
    Sort.MULTIPLICITY: lambda row: _summary(row, "multiplicity"),
    Sort.R_MEAS: lambda row: _summary(row, "r_meas"),
    Sort.CC_HALF: lambda row: _summary(row, "cc_half"),
    Sort.I_OVER_SIGMA: lambda row: _summary(row, "mean_i_over_sigma"),
    Sort.CC_ANOM: lambda row: _summary(row, "cc_anom"),
}


def _summary(row: Any, name: str) -> Any:
    return row.shown.result.summary.get(name) if row.shown else None


def _rank(row: Any) -> Any:
    return (TONES.index(tone_of(row.shown.result.code)), row.shown.result.code) if row.shown else None


@pytest.fixture(scope="module", params=BOTH)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("catalogue")
    where: Any = directory / "ledger.sqlite"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        where = server.empty()
    ledger = open_ledger(where)
    yield catalogued(ledger, directory / "beamtime")
    ledger.close()


def names(made: Catalogued, scope: Scope = EVERYTHING, **asked: Any) -> list[str]:
    return [row.dataset.name for row in made.ledger.catalogue(scope, CatalogueQuery(**asked)).rows]


@pytest.mark.parametrize("descending", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("sort", list(Sort), ids=str)
def test_rows_follow_their_values_and_what_has_none_comes_last(
    made: Catalogued, sort: Sort, descending: bool
):
    rows = made.ledger.catalogue(EVERYTHING, CatalogueQuery(sort=sort, descending=descending)).rows
    assert len(rows) == 13
    values = [KEYS[sort](row) for row in rows]
    known = [value for value in values if value is not None]
    assert values == known + [None] * (len(values) - len(known))
    assert known == sorted(known, reverse=descending)
    alike = [
        (one.dataset.id, two.dataset.id)
        for one, two, a, b in zip(rows, rows[1:], values, values[1:], strict=False)
        if a == b
    ]
    assert all(one > two for one, two in alike)


@pytest.mark.parametrize("sort", list(Sort), ids=str)
def test_pages_have_every_row_once_in_the_order_of_the_whole(made: Catalogued, sort: Sort):
    query = CatalogueQuery(sort=sort, limit=100)
    whole = [row.dataset.id for row in made.ledger.catalogue(EVERYTHING, query).rows]
    paged = []
    for offset in range(0, 15, 5):
        page = made.ledger.catalogue(EVERYTHING, replace(query, limit=5, offset=offset))
        assert page.total == 13
        paged += [row.dataset.id for row in page.rows]
    assert paged == whole
    assert [row.dataset.id for row in made.ledger.catalogued(EVERYTHING, query)] == whole


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"kind": DatasetKind.GRID}, ["empty_103", "loop_003"]),
        ({"kind": DatasetKind.STILLS}, []),
        ({"group": BETA}, ["empty_103", "50%_102", "insulin_101"]),
        ({"group": "bet"}, []),
        ({"state": "growing"}, ["growing_010"]),
        ({"verdict": "merged"}, ["50%_102", "rerun_008", "thau_002", "lyso_001"]),
        ({"verdict": "good", "kind": DatasetKind.ROTATION}, ["50%_102", "rerun_008", "thau_002", "lyso_001"]),
        ({"verdict": "fair"}, ["insulin_101"]),
        ({"verdict": "poor"}, ["empty_103", "failed_005"]),
        ({"verdict": "plain"}, ["growing_010", "unplanned_009", "lost_007", "waiting_006"]),
        ({"verdict": "not_indexed"}, ["failed_005"]),
        ({"space_group": "P 43 21 2"}, ["rerun_008", "thau_002", "lyso_001"]),
        ({"space_group": "p43212"}, ["rerun_008", "thau_002", "lyso_001"]),
        ({"space_group": "I213"}, ["50%_102", "insulin_101"]),
        ({"search": "LYSO"}, ["lyso_001"]),
        ({"search": "beta merged"}, ["50%_102", "insulin_101"]),
        ({"search": "i 21 3"}, ["50%_102", "insulin_101"]),
        ({"search": "_103"}, ["empty_103"]),
        ({"search": "50%_"}, ["50%_102"]),
        ({"search": "5%"}, []),
        ({"search": "l_so"}, []),
        ({"search": "\\"}, []),
        ({"search": "' OR 1=1 --"}, []),
        ({"search": "   "}, ["empty_103", "50%_102", "insulin_101"]),
        ({"search": "no lattice explains"}, ["failed_005"]),
        ({"search": "lyso\0"}, []),
    ],
)  # fmt: skip
def test_filters_and_search(made: Catalogued, asked: dict[str, Any], found: list[str]):
    got = names(made, **asked)
    assert (got[:3] if asked.get("search") == "   " else got) == found


def test_counts_are_by_kind_and_by_the_other_filters(made: Catalogued):
    page = made.ledger.catalogue(EVERYTHING, CatalogueQuery(kind=DatasetKind.GRID, group=BETA))
    assert (page.total, dict(page.kinds)) == (1, {"grid": 1, "rotation": 2})
    page = made.ledger.catalogue(EVERYTHING, CatalogueQuery(limit=1))
    assert (page.total, dict(page.kinds)) == (13, {"grid": 2, "rotation": 10, "screening": 1})


def test_the_recommended_result_is_shown_else_the_newest_that_is_no_look(made: Catalogued):
    shown = {
        row.dataset.name: row.shown and f"{row.shown.work.value} {row.shown.engine}".strip()
        for row in made.ledger.catalogue(EVERYTHING).rows
    }
    assert shown["lyso_001"] == "process dials"  # xds came later, dials is recommended
    assert shown["failed_005"] == "process dials"
    assert shown["rerun_008"] == "process dials"
    assert shown["growing_010"] is None
    row = made.ledger.entry_in(EVERYTHING, made.datasets["rerun_008"])
    assert row.shown.id == max(one.id for one in row.results)


def test_a_look_that_ends_after_the_processing_hides_nothing(made: Catalogued, tmp_path: Path):
    with_ledger = open_ledger(tmp_path / "l.sqlite")
    with_ledger.open_beamtime("1", "/r")
    dataset = with_ledger.observe("1", sighting(), "a").dataset.id
    with_ledger.plan(dataset, [planned("aa"), planned("bb", work=WorkName.LOOK, engine="")])
    with_ledger.finish(new_result("aa", code="merged"))
    with_ledger.finish(new_result("bb", code="diffraction"))
    assert with_ledger.entry_in(EVERYTHING, dataset).shown.result.code == "merged"
    with_ledger.close()


def test_a_scope_has_its_own_and_nothing_else(made: Catalogued):
    mine = Scope(BEAMTIME, ALPHA)
    page = made.ledger.catalogue(mine, CatalogueQuery(search="insulin"))
    assert (page.rows, page.total, dict(page.kinds)) == ((), 0, {})
    page = made.ledger.catalogue(mine, CatalogueQuery(group=BETA))
    assert (page.rows, page.total, dict(page.kinds)) == ((), 0, {})
    assert made.ledger.catalogue(mine).total == 10
    assert made.ledger.groups_in(mine) == (ALPHA,)
    assert made.ledger.groups_in(EVERYTHING) == (ALPHA, BETA)
    assert dict(made.ledger.counts_in(mine).datasets) == {"complete": 9, "growing": 1}
    assert dict(made.ledger.counts_in(Scope("other")).datasets) == {}


def test_what_is_outside_of_a_scope_is_not_there(made: Catalogued):
    ledger = made.ledger
    dataset, result = made.datasets["insulin_101"], made.results["insulin_101 process dials"]
    job, path = ledger.result(result).job, ledger.dataset(dataset).path
    for scope, there in ((Scope(BEAMTIME, BETA), True), (EVERYTHING, True), (Scope(BEAMTIME, ALPHA), False),
                         (Scope("other", BETA), False), (Scope(None, ALPHA), False)):  # fmt: skip
        assert (ledger.dataset_in(scope, dataset) is not None) is there
        assert (ledger.dataset_at_in(scope, path) is not None) is there
        assert (ledger.entry_in(scope, dataset) is not None) is there
        assert (ledger.result_in(scope, result) is not None) is there
        assert (ledger.job_in(scope, job) is not None) is there
        assert len(ledger.results_in(scope, dataset)) == there
        assert len(ledger.jobs_in(scope, dataset)) == there
        assert len(ledger.attempts_in(scope, dataset)) == there
        assert any(lag.job == job for lag in ledger.lags_in(scope)) is there
    assert ledger.dataset_in(EVERYTHING, 10**6) is None


OWNERS = [("b1", "x"), ("b1", "y"), ("b2", "x"), ("b2", "y%")]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Datasets of four owners in a pattern; each has a result of a verdict of its own."""
    ledger = open_ledger(tmp_path_factory.mktemp("mixed") / "ledger.sqlite")
    for beamtime in ("b1", "b2"):
        ledger.open_beamtime(beamtime, f"/{beamtime}")
    for number in range(24):
        beamtime, group = OWNERS[(number * 5 // 3) % 4]
        seen = sighting(f"E/{number}", name=f"n{number % 3}_{group}", sample=f"s{number % 2}", place=beamtime)
        dataset = ledger.observe(beamtime, seen, group).dataset.id
        if number % 4:
            ledger.plan(dataset, [planned(f"{number:016x}")])
            ledger.finish(
                new_result(f"{number:016x}", code=["merged", "not_indexed", "little_data"][number % 3])
            )
    yield ledger
    ledger.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    scope=st.builds(
        Scope, st.sampled_from([None, "b1", "b2", "b3"]), st.sampled_from([None, "x", "y", "y%", ""])
    ),
    search=st.sampled_from(["", "x", "y%", "%", "_", "b1", "b2 x", "n0", "merged", "P43212"])
    | st.text(max_size=5),
    group=st.sampled_from(["", "x", "y%"]),
    verdict=st.sampled_from(["", *TONES, "merged"]),
    sort=st.sampled_from(Sort),
    descending=st.booleans(),
    offset=st.integers(0, 10),
)
def test_no_question_gets_out_of_its_scope(mixed: Ledger, scope: Scope, **asked: Any):
    page = mixed.catalogue(scope, CatalogueQuery(**asked))
    everything = mixed.catalogue(EVERYTHING, CatalogueQuery(**{**asked, "offset": 0}, limit=100)).rows
    visible = [row.dataset.id for row in everything if scope.covers(row.dataset.beamtime, row.dataset.group)]
    assert [row.dataset.id for row in page.rows] == visible[asked["offset"] :]
    assert page.total == sum(page.kinds.values()) == len(visible)
