"""What happens now, as JSON."""

import json

import pytest

from beampace.core.work import WorkClass, WorkName
from tests.support.ledgers import claim, new_result, planned
from tests.support.live_files import begin_look, look_content, write_whole
from tests.support.pages import served


@pytest.fixture
def site(tmp_path):
    with served(tmp_path) as made:
        yield made


def now(asked, **query):
    answer = asked.get("/api/now", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_without_a_beamtime_it_says_so(site):
    with site.client() as asked:
        page = now(asked)
        assert (page["beamtime"], page["collecting"]) == (None, None)
        assert page["keeps_up"]["words"] == "No beamtime is open"
        assert "startBeamtime" in asked.get("/").text


def test_before_the_first_dataset_it_says_where_data_are_expected(site):
    site.ledger.open_beamtime("11001", str(site.root), title="Lysozyme")
    with site.client() as asked:
        page = now(asked)
        assert page["beamtime"]["raw"] == str(site.root / "raw")
        assert page["collecting"] is None
        assert str(site.root / "raw") in asked.get("/").text


def test_the_newest_dataset_with_its_rows_so_far(site):
    begin_look(site, 1)
    work = begin_look(site, 2)
    content = look_content(range(1, 31), 100)
    content["columns"]["verdict"][-1] = "failed"
    write_whole(work.file, content)
    with site.client() as asked:
        page = now(asked)
    assert (page["collecting"]["id"], page["collecting"]["sample"]) == (work.dataset, "sample 2")
    assert page["is_collecting"] is True
    assert page["live"]["columns"]["frame"] == list(range(1, 31))
    assert page["latest_frame"] == 29


def test_rows_stay_when_the_look_has_ended(site):
    work = begin_look(site, 1)
    write_whole(work.file, look_content(range(1, 101), 100, state="complete"))
    site.ledger.plan(
        work.dataset, [planned("look-1", work=WorkName.LOOK, work_class=WorkClass.LIVE, engine="")]
    )
    claim(site.ledger, "look-1")
    site.live.works.clear()
    site.ledger.finish(new_result("look-1", directory=str(work.file.parent)))
    with site.client() as asked:
        page = now(asked)
    assert page["live"]["state"] == "complete"
    assert len(page["live"]["columns"]["frame"]) == 100
    assert [one["name"] for one in page["results"]] == ["scan_1"]
    assert page["keeps_up"] == {"words": "Processing keeps up: nothing waits", "tone": "good", "lag_s": None}


def test_a_group_sees_nothing_of_another(site):
    mine, other = begin_look(site, 1, "a"), begin_look(site, 2, "b")
    for work in (mine, other):
        write_whole(work.file, look_content(range(1, 31), 100))
        site.ledger.plan(work.dataset, [planned(work.job)])
        claim(site.ledger, work.job)
    site.ledger.finish(new_result(other.job, directory=str(other.file.parent), words="Secret."))
    with site.login("a", "11001") as asked, site.login("b", "11001") as another:
        page = now(asked)
        assert page["collecting"]["id"] == mine.dataset
        assert page["results"] == []
        assert page["troubles"] == []
        told = json.dumps(page) + asked.get("/").text + asked.get("/?part=around").text
        for word in ("scan_2", "sample 2", "Secret", other.job, '"b"'):
            assert word not in told
        assert now(another)["collecting"]["id"] == other.dataset
        assert [one["line"]["verdict"]["words"] for one in now(another)["results"]] == ["Secret."]
        for path in ("/api/now", "/"):
            assert asked.get(path, params={"beamtime": "11002"}).status_code == 404


def test_a_screen_on_the_wall_has_no_links_to_follow(site):
    work = begin_look(site, 1)
    site.ledger.plan(work.dataset, [planned("look-1")])
    claim(site.ledger, "look-1")
    site.ledger.finish(new_result("look-1", directory=str(work.file.parent)))
    with site.wall() as screen, site.staff() as staff:
        assert f"/datasets/{work.dataset}" not in screen.get("/").text
        assert f"/datasets/{work.dataset}" in staff.get("/").text
