"""Values per frame, maps and strategies over HTTP: from files that others may have written."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.scope import Scope
from beampace.core.work import WorkName
from beampace.results.map_schema import Map
from beampace.web import left
from beampace.web.live_source import LiveWork
from beampace.web.maps import columns_page, map_page, strategy_page
from beampace.web.viewer import Viewer, ViewerKind
from tests.support.catalogue import ALPHA, BEAMTIME, BETA, look
from tests.support.map_data import (
    COLUMNS,
    CORRUPT,
    MISSING_ROW,
    ROWS,
    STEP,
    beamtime_of,
    map_again,
    mapped_grid,
    strategy,
    with_strategy,
)
from tests.support.pages import served


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(tmp_path_factory.mktemp("site")) as found:
        found.made = beamtime_of(found.ledger, found.root)
        found.grid = mapped_grid(found.made)
        with_strategy(found.made, "shots_001", strategy().to_json())
        found.made.see("none_001", BETA, n=10)
        yield found


@pytest.fixture
def client(site):
    with site.client() as made:
        yield made


def group(name: str) -> Viewer:
    return Viewer(ViewerKind.GROUP, BEAMTIME, name)


def number(site, name: str) -> int:
    return site.made.datasets[name]


def result_file(site, row, name: str) -> Path:
    below = site.parts.places.result(row)
    return below.path / name


def test_the_map_is_that_of_the_file(site, client):
    page = client.get(f"/api/datasets/{number(site, 'grid_001')}/map").raise_for_status().json()
    assert page["map"] == json.loads(result_file(site, site.grid, "map.json").read_text())
    assert page["verdict"]["code"] == "mapped" and page["result"] == site.grid.id
    assert page["datasets"] == [number(site, "grid_001")] and page["part"] == 0
    assert page["order"][0].startswith("Snake scan along rows from the upper left corner")
    part = Map.model_validate(page["map"]).maps[0]
    assert part.grid.step_um == STEP and len(part.crystals) == 2
    assert abs(part.crystals[0].centre[0] - 0.4 * COLUMNS) < 0.7
    assert part.scores[MISSING_ROW] == (None,) * COLUMNS
    reasons = dict(zip(part.columns["frame"], part.columns["verdict"], strict=True))
    assert all(reasons[frame] == "failed" for frame in CORRUPT)


def test_the_columns_are_those_of_the_map(site, client):
    page = client.get(f"/api/datasets/{number(site, 'grid_001')}/columns").raise_for_status().json()
    assert page["work"] == "map" and page["state"] == "complete"
    assert len(page["columns"]["frame"]) == COLUMNS * ROWS == page["frames"]["announced"]
    assert page["frames"]["failed"] == len(CORRUPT) + COLUMNS


def test_a_dataset_without_anything(site, client):
    id_ = number(site, "none_001")
    columns = client.get(f"/api/datasets/{id_}/columns").raise_for_status().json()
    assert columns["columns"] == {} and columns["words"] == "Nobody has looked at its frames yet."
    for what, words in (("map", "no map of this dataset"), ("strategy", "No strategy has been calculated")):
        answer = client.get(f"/api/datasets/{id_}/{what}")
        assert answer.status_code == 404 and words in answer.json()["detail"]
        page = client.get(f"/datasets/{id_}/{what}", headers={"Accept": "text/html"})
        assert page.status_code == 200 and words in page.text


@pytest.mark.parametrize("what", ["columns", "map", "strategy"])
def test_there_is_no_such_dataset(client, what):
    answer = client.get(f"/api/datasets/999/{what}")
    assert answer.status_code == 404 and answer.json()["detail"] == "There is no such dataset."


@pytest.mark.parametrize("asked", [columns_page, map_page, strategy_page])
def test_another_groups_things_are_not_there(site, asked):
    with pytest.raises(Exception, match="There is no such dataset") as caught:
        asked(site.parts, group(BETA), number(site, "grid_001"))
    assert caught.value.status_code == 404
    assert site.ledger.dataset_in(Scope(BEAMTIME, ALPHA), number(site, "grid_001")) is not None


def test_the_own_groups_things_are(site):
    assert map_page(site.parts, group(ALPHA), number(site, "grid_001")).result == site.grid.id
    assert columns_page(site.parts, group(ALPHA), number(site, "grid_001")).columns


def test_the_strategy_is_that_of_the_file(site, client):
    page = client.get(f"/api/datasets/{number(site, 'shots_001')}/strategy").raise_for_status().json()
    assert page["strategy"] == json.loads(strategy().to_json())
    assert "exposure time: 7.5 ms\n" in page["text"]


def _missing(file: Path) -> None:
    file.unlink()


def _garbage(file: Path) -> None:
    file.write_bytes(b'{"schema": "map-1", "maps": [[[')


def _another(file: Path) -> None:
    file.write_text('{"schema": "look-9"}')


def _long(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.truncate(left.MOST_BYTES + 1)


def _link(file: Path) -> None:
    real = file.with_name("real.json")
    shutil.move(file, real)
    file.symlink_to(real)


def _fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _linked_directory(file: Path) -> None:
    real = file.parent.with_name("elsewhere")
    shutil.move(file.parent, real)
    file.parent.symlink_to(real)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_missing, "is not there, or may not be read"),
        (_garbage, "not of the form this program knows"),
        (_another, "not of the form this program knows"),
        (_long, "longer than 32 MB"),
        (_link, "is not there, or may not be read"),
        (_fifo, "is not there, or may not be read"),
        (_linked_directory, "is not there, or may not be read"),
    ],
)
def test_a_file_that_is_none(tmp_path, spoil, words):
    with served(tmp_path) as site, site.client() as client:
        site.made = beamtime_of(site.ledger, site.root)
        row = with_strategy(site.made, "shots_001", strategy().to_json())
        address = f"/api/datasets/{row.dataset}/strategy"
        assert client.get(address).status_code == 200
        spoil(result_file(site, row, "strategy.json"))
        answer = client.get(address)
        assert answer.status_code == 404 and words in answer.json()["detail"]
        assert "strategy.json of strategy_001" in answer.json()["detail"]
        page = client.get(f"/datasets/{row.dataset}/strategy", headers={"Accept": "text/html"})
        assert page.status_code == 200 and words in page.text and "test shots" in page.text


def test_the_last_result_holds_even_without_a_strategy(tmp_path):
    with served(tmp_path) as site, site.client() as client:
        made = beamtime_of(site.ledger, site.root)
        row = with_strategy(made, "shots_001", strategy().to_json())
        with_strategy(made, "shots_001", None)
        answer = client.get(f"/api/datasets/{row.dataset}/strategy")
        assert answer.status_code == 404 and "strategy.json of strategy_002" in answer.json()["detail"]
        page = client.get(f"/datasets/{row.dataset}/strategy", headers={"Accept": "text/html"})
        assert "Start at 35 degrees, collect 90 degrees." in page.text  # its verdict


def test_an_older_map_is_shown_until_the_new_one_has_begun(site, client):
    """And what runs goes before what is done, from its own file."""
    id_ = number(site, "grid_001")
    place = site.root / "processed" / ALPHA / "grid_001" / "beampace" / "map_running"
    work = LiveWork(id_, BEAMTIME, ALPHA, WorkName.MAP, "f" * 16, place / "map.json")
    site.live.works.append(work)
    try:
        assert client.get(f"/api/datasets/{id_}/map").json()["result"] == site.grid.id
        place.mkdir()
        record = json.loads(result_file(site, site.grid, "map.json").read_text())
        record["state"] = "running"
        part = record["maps"][0]
        part["columns"] = {name: values[:10] for name, values in part["columns"].items()}
        part["frames"] |= {"analysed": 9, "failed": 1, "waiting": 86}
        work.file.write_text(json.dumps(record))
        page = client.get(f"/api/datasets/{id_}/map").json()
        assert page["result"] is None and page["job"] == "f" * 16
        assert page["verdict"]["words"] == "Being mapped: 10 of 96 frames."
        columns = client.get(f"/api/datasets/{id_}/columns").json()
        assert columns["state"] == "running" and len(columns["columns"]["frame"]) == 10
    finally:
        site.live.works.clear()
        shutil.rmtree(place, ignore_errors=True)


def test_a_running_file_outside_of_processed_is_not_read(site, client, tmp_path):
    id_ = number(site, "grid_001")
    outside = tmp_path / "map.json"
    outside.write_text(result_file(site, site.grid, "map.json").read_text())
    site.live.works.append(LiveWork(id_, BEAMTIME, ALPHA, WorkName.MAP, "e" * 16, outside))
    try:
        assert client.get(f"/api/datasets/{id_}/map").json()["result"] == site.grid.id
    finally:
        site.live.works.clear()


def test_columns_of_a_look_are_also_in_its_result(tmp_path):
    with served(tmp_path) as site:
        made = beamtime_of(site.ledger, site.root)
        made.see("lyso_001", ALPHA, n=50)
        made.finish("lyso_001", WorkName.LOOK, "", look(made, "lyso_001"))
        page = columns_page(site.parts, group(ALPHA), made.datasets["lyso_001"])
        assert page.work == "look" and page.columns["frame"] == tuple(range(1, 51))


def test_two_grids_know_their_datasets(tmp_path):
    """A map of two orthogonal grids belongs to one dataset and tells the number of the other."""
    with served(tmp_path) as site:
        made = beamtime_of(site.ledger, site.root)
        masters = []
        for name, start in (("front_001", 0.0), ("side_001", 90.0)):
            mapped_grid(made, name, start=start, seed=int(start) + 1)
            masters.append(site.root / "raw" / ALPHA / name / f"{name}_master.h5")
        row = map_again(made, "front_001", ALPHA, tuple(masters), step_um=STEP)
        page = map_page(site.parts, group(ALPHA), row.dataset)
        assert page.datasets == (made.datasets["front_001"], made.datasets["side_001"])
        assert page.map.positions and len(page.order) == 2
        assert made.ledger.dataset(row.dataset).kind is DatasetKind.GRID
