"""Datasets, results, files, comparisons and actions over HTTP: what each viewer gets, and what nobody."""

from __future__ import annotations

import csv
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.work import WorkClass, WorkName
from beampace.results import Result
from beampace.web import ControlTwin, JobInfo
from tests.support.catalogue import ALPHA, BEAMTIME, BETA, REPORT, catalogued
from tests.support.pages import READ, Site, served

STAFF, WALL, PROGRAM, OF_ALPHA, OF_BETA, ELSEWHERE = "staff", "wall", "program", "alpha", "beta", "elsewhere"


class Served:
    """Pages over a filled ledger, and a client of each kind of viewer."""

    def __init__(self, site: Site, control: ControlTwin, held: ExitStack) -> None:
        self.made, self.control = catalogued(site.ledger, site.root), control
        self.clients = {
            STAFF: held.enter_context(site.staff()),
            WALL: held.enter_context(site.wall()),
            PROGRAM: held.enter_context(site.client(READ)),
            OF_ALPHA: held.enter_context(site.login(ALPHA, BEAMTIME)),
            OF_BETA: held.enter_context(site.login(BETA, BEAMTIME)),
            ELSEWHERE: held.enter_context(site.login(ALPHA, "11010099")),
        }

    def get(self, path: str, viewer: str = STAFF, **params: Any) -> httpx.Response:
        return self.clients[viewer].get(path, params=params or None)

    def post(self, path: str, viewer: str = STAFF, **body: Any) -> httpx.Response:
        return self.clients[viewer].post(path, **body)

    def names(self, viewer: str = STAFF, **params: Any) -> list[str]:
        return [row["name"] for row in self.get("/api/datasets", viewer, **params).json()["rows"]]

    @property
    def deeds(self) -> list[tuple[str, str]]:
        return [(one.done.deed, one.done.what) for one in self.made.ledger.deeds()]


@contextmanager
def serving(directory: Path, **changes: Any) -> Iterator[Served]:
    control = ControlTwin()
    engines = frozenset({"dials", "xds"})
    with served(directory, control=control, engines=engines, **changes) as site, ExitStack() as held:
        made = Served(site, control, held)
        control.paths = {site.ledger.dataset(number).path: number for number in made.made.datasets.values()}
        yield made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("records")) as served:
        yield served


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A site of the test's own, to be damaged."""
    with serving(tmp_path) as served:
        yield served


def directory_of(site: Served, name: str) -> Path:
    return Path(site.made.ledger.result(site.made.results[name]).result.directory)


def unpacked(answer: httpx.Response) -> dict[str, bytes]:
    """Name -> content of an archive; everything in it is a regular file, and nothing is behind its end."""
    with tarfile.open(fileobj=io.BytesIO(answer.content), mode="r:") as archive:
        members = archive.getmembers()
        assert all(member.isreg() for member in members)
        return {member.name: archive.extractfile(member).read() for member in members}


def test_the_list_with_its_counts(site: Served):
    page = site.get("/api/datasets", limit=3, offset=1, sort="number", direction="down").json()
    assert [row["name"] for row in page["rows"]] == ["50%_102", "insulin_101", "growing_010"]
    assert (page["total"], page["limit"], page["offset"]) == (13, 3, 1)
    assert page["kinds"] == {"grid": 2, "rotation": 10, "screening": 1}
    assert (page["beamtime"], page["groups"]) == (BEAMTIME, [ALPHA, BETA])
    assert page["query"]["sort"] == "number"
    assert page["last_event"] == site.made.ledger.last_event()
    assert site.names(search="lyso", kind="", verdict="", state="") == ["lyso_001"]


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0}, {"limit": 501}, {"limit": "x"}, {"offset": -1}, {"offset": 10**30}, {"sort": "path"},
        {"direction": "sideways"}, {"kind": "movie"}, {"state": "gone"}, {"verdict": "Good!"},
        {"search": "x" * 201},
        {"space_group": "x" * 33}, {"odd": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_question_that_is_none_is_refused(site: Served, asked: dict[str, Any]):
    for path in ("/api/datasets", "/api/datasets.csv"):
        answer = site.get(path, **asked)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")


def test_a_group_has_its_own_list(site: Served):
    assert site.names(OF_BETA) == ["empty_103", "50%_102", "insulin_101"]
    page = site.get("/api/datasets", OF_BETA, group=ALPHA).json()
    assert (page["rows"], page["total"], page["kinds"], page["groups"]) == ([], 0, {}, [BETA])
    assert site.get("/api/datasets", OF_BETA, beamtime="11010099").status_code == 404
    assert site.get("/api/datasets", ELSEWHERE).json()["rows"] == []
    assert site.get("/api/datasets", ELSEWHERE, beamtime=BEAMTIME).status_code == 404
    assert site.get("/api/datasets", beamtime="nowhere").status_code == 404


def test_the_whole_list_as_a_table_without_formulas(site: Served):
    answer = site.get("/api/datasets.csv", PROGRAM, limit=1, sort="number", direction="up")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="datasets_{BEAMTIME}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["name"] for row in rows][:2] == ["lyso_001", "thau_002"]
    assert len(rows) == 13
    assert rows[0]["d_min (A)"] == "1.42"
    assert rows[0]["a (A)"] == "78.54"
    assert rows[0]["engines"] == "dials and xds agree."
    assert next(row for row in rows if row["name"] == "50%_102")["sample"] == "'=50%"
    assert ("downloaded", f"table of datasets of {BEAMTIME}") in site.deeds
    mine = list(csv.DictReader(io.StringIO(site.get("/api/datasets.csv", OF_BETA).text)))
    assert {row["group"] for row in mine} == {BETA}
    assert site.get("/api/datasets.csv", WALL).status_code == 403


def test_a_table_is_bounded_and_comes_in_pieces(own: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("beampace.web.api.table._AT_ONCE", 2)
    assert len(list(csv.reader(io.StringIO(own.get("/api/datasets.csv").text)))) == 14
    monkeypatch.setattr("beampace.web.api.table.MOST_ROWS", 5)
    assert len(list(csv.reader(io.StringIO(own.get("/api/datasets.csv").text)))) == 6


def test_every_text_of_a_table_is_kept_from_being_a_formula(own: Served):
    for number, sign in enumerate(("=1+1", "+1", "-1", "@x", "\t=1", " =1", "plain")):
        own.made.see(f"odd_{number}", BETA, sample=sign, place=f"{sign}/x")
    text = own.get("/api/datasets.csv", search="odd_").text
    for row in csv.reader(io.StringIO(text)):
        assert not any(cell.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t") for cell in row)


def test_a_dataset_with_all_that_was_done(site: Served):
    page = site.get(f"/api/datasets/{site.made.datasets['lyso_001']}").json()
    assert page["line"]["name"] == "lyso_001"
    assert page["master"] == "alpha/lyso_001/lyso_001_master.h5"
    assert [(one["work"], one["engine"], one["recommended"]) for one in page["results"]] == [
        ("process", "xds", False),
        ("process", "dials", True),
        ("look", "", False),
    ]
    assert page["shown"] == site.made.results["lyso_001 process dials"]
    assert [one["state"] for one in page["attempts"]] == ["ended"] * 3
    assert page["engines"] == ["dials", "xds"]
    assert not page["can_cancel"]
    growing = f"/api/datasets/{site.made.datasets['growing_010']}"
    assert [one["state"] for one in site.get(growing).json()["attempts"]] == ["waiting", "running"]
    assert site.get(growing).json()["can_cancel"]
    assert not site.get(growing, PROGRAM).json()["can_cancel"]
    assert site.get(growing, WALL).json()["engines"] == []
    assert site.get(f"/api/datasets/{site.made.datasets['loop_003']}").json()["engines"] == []


def test_a_result_with_all_its_numbers(site: Served):
    number = site.made.results["lyso_001 process dials"]
    page = site.get(f"/api/results/{number}").json()
    written = Result.from_json((directory_of(site, "lyso_001 process dials") / "result.json").read_bytes())
    assert page["result"] == json.loads(written.to_json())
    assert page["line"]["recommended"]
    assert {one["name"]: one["n_bytes"] for one in page["files"]}["merged_mtz"] == 2004
    assert page["has_report"]
    assert page["can_download"]
    assert not site.get(f"/api/results/{number}", WALL).json()["can_download"]


ROUTES = (
    "/api/datasets/{dataset}", "/api/results/{result}", "/api/results/{result}/report",
    "/api/results/{result}/archive", "/api/results/{result}/files/merged_mtz",
    "/api/results/{result}/files/result.json",
    "/api/compare?a={result}&b={mine}", "/api/compare?a={mine}&b={result}",
)  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_what_is_anothers_is_not_there(site: Served, route: str):
    made = site.made
    mine = made.results["50%_102 process dials"]
    path = route.format(
        dataset=made.datasets["lyso_001"], result=made.results["lyso_001 process dials"], mine=mine
    )
    assert site.get(path, STAFF).status_code == 200
    assert (site.get(path, OF_ALPHA).status_code == 200) is (f"={mine}" not in path)
    never = site.get(route.format(dataset=10**9, result=10**9, mine=mine), OF_BETA)
    for viewer in (OF_BETA, ELSEWHERE):
        answer = site.get(path, viewer)
        assert (answer.status_code, answer.json()) == (404, never.json())


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**40, "x", "1.5", "%00", "..%2f1"])
def test_numbers_that_are_none_are_refused(site: Served, number: Any):
    for path in ("/api/datasets/{}", "/api/results/{}", "/api/results/{}/archive", "/api/compare?a={}&b=1"):
        assert site.get(path.format(number)).status_code in (404, 422)


def test_files_come_as_attachments_with_safe_names(site: Served):
    number = site.made.results["50%_102 process dials"]
    answer = site.get(f"/api/results/{number}/files/merged_mtz", OF_BETA)
    assert answer.content == b"MTZ " + bytes(2000)
    assert answer.headers["content-length"] == "2004"
    assert answer.headers["content-disposition"] == 'attachment; filename="50__102_process_001_merged.mtz"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ("downloaded", f"result {number}: merged.mtz") in site.deeds
    for name in ("log.txt", "report.html", "result.json", "log"):
        assert site.get(f"/api/results/{number}/files/{name}", OF_BETA).status_code == 200
    for name in ("progress.json", "merged.mtz", "nothing", "x" * 200):
        assert site.get(f"/api/results/{number}/files/{name}", OF_BETA).status_code == 404
    assert site.get(f"/api/results/{number}/files/merged_mtz", WALL).status_code == 403


def test_a_report_is_shown_in_a_sandbox(site: Served):
    number = site.made.results["50%_102 process dials"]
    answer = site.get(f"/api/results/{number}/report", WALL)
    assert answer.content == REPORT
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.endswith("sandbox")
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "../../../../secret",
        "/etc/passwd",
        "a/../../process_002/merged.mtz",
        "",
        ".",
        "..",
        "x\0y",
        "link/secret",
    ],
)
def test_a_result_cannot_name_files_outside_of_its_directory(own: Served, path: str):
    directory = directory_of(own, "50%_102 process dials")
    (own.made.root / "secret").write_text("secret", encoding="utf-8")
    (directory / "link").symlink_to(own.made.root, target_is_directory=True)
    said = json.loads((directory / "result.json").read_text(encoding="utf-8"))
    said["files"] = {"odd": path, "fine": "merged.mtz"}
    (directory / "result.json").write_text(json.dumps(said), encoding="utf-8")
    number = own.made.results["50%_102 process dials"]
    assert own.get(f"/api/results/{number}/files/odd").status_code == 404
    assert own.get(f"/api/results/{number}/files/fine").status_code == 200
    assert "odd" not in {one["name"] for one in own.get(f"/api/results/{number}").json()["files"]}


@pytest.mark.parametrize("name", ["..%2f..%2fsecret", "a%2fb", "%00", "%ff"])
def test_names_in_addresses_lead_nowhere(site: Served, name: str):
    number = site.made.results["50%_102 process dials"]
    assert site.get(f"/api/results/{number}/files/{name}").status_code in (404, 422)


def _link(directory: Path, secret: Path) -> None:
    for name in ("merged.mtz", "report.html", "result.json"):
        (directory / name).unlink()
        (directory / name).symlink_to(secret)


def _pipe(directory: Path, secret: Path) -> None:
    del secret
    for name in ("merged.mtz", "report.html", "result.json"):
        (directory / name).unlink()
        os.mkfifo(directory / name)


def _moved(directory: Path, secret: Path) -> None:
    """The whole directory becomes a link to another's."""
    directory.rename(directory.with_name("away"))
    other = secret.parent / "others"
    other.mkdir()
    for name in ("merged.mtz", "report.html", "result.json"):
        (other / name).write_bytes(secret.read_bytes())
    directory.symlink_to(other, target_is_directory=True)


@pytest.mark.parametrize("plant", [_link, _pipe, _moved])
def test_planted_links_and_pipes_are_not_followed(own: Served, plant: Any):
    secret = own.made.root / "secret"
    secret.write_text("secret", encoding="utf-8")
    number = own.made.results["50%_102 process dials"]
    before = set(unpacked(own.get(f"/api/results/{number}/archive")))
    assert any(name.endswith("/merged.mtz") for name in before)
    plant(directory_of(own, "50%_102 process dials"), secret)
    for path in ("files/merged_mtz", "files/result.json", "files/report.html", "report"):
        answer = own.get(f"/api/results/{number}/{path}")
        assert answer.status_code == 404
    page = own.get(f"/api/results/{number}").json()
    assert page["result"] is None
    assert page["gone"]
    assert not page["has_report"]
    answer = own.get(f"/api/results/{number}/archive")
    assert b"secret" not in answer.content
    if answer.status_code == 200:
        names = unpacked(answer)
        assert not {name.rpartition("/")[2] for name in names} & {"merged.mtz", "result.json", "report.html"}


def test_an_archive_has_every_regular_file_and_how_to_make_the_result_again(own: Served):
    directory = directory_of(own, "rerun_008 process dials")
    inside = directory / "dials" / "deep"
    inside.mkdir(parents=True)
    (inside / "ü.expt").write_bytes(b"x" * 1000)
    (inside / "link").symlink_to("/etc/passwd")
    (directory / "around").symlink_to(directory, target_is_directory=True)
    os.mkfifo(directory / "pipe")
    (directory / "empty").write_bytes(b"")
    (directory / ("n" * 200)).write_bytes(b"long")
    number = own.made.results["rerun_008 process dials"]
    answer = own.get(f"/api/results/{number}/archive", OF_ALPHA)
    assert answer.headers["content-disposition"] == 'attachment; filename="rerun_008_process_002.tar"'
    found = unpacked(answer)
    top = "rerun_008_process_002/"
    assert set(found) == {
        top + name
        for name in ("README.txt", "result.json", "merged.mtz", "unmerged.mtz", "log.txt", "report.html",
                     "empty", "dials/deep/ü.expt", "n" * 200)
    }  # fmt: skip
    for name in ("result.json", "merged.mtz", "dials/deep/ü.expt"):
        assert found[top + name] == (directory / name).read_bytes()
    readme = found[top + "README.txt"].decode()
    master = own.made.ledger.dataset(own.made.datasets["rerun_008"]).path
    assert (
        f"beampace process {master} --engine dials --images 1:900 --space-group 'P 43 21 2' --d-min 1.8"
        in readme
    )
    assert "dials 3.25" in readme
    assert ("downloaded", f"result {number}: all files") in own.deeds
    assert own.get(f"/api/results/{number}/archive", WALL).status_code == 403


def test_an_archive_is_bounded(own: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("beampace.web.archive.MOST_FILES", 3)
    number = own.made.results["rerun_008 process dials"]
    found = unpacked(own.get(f"/api/results/{number}/archive"))
    assert len(found) == 4
    readme = found["rerun_008_process_002/README.txt"].decode()
    assert "2 files are not in this archive" in readme


def test_results_whose_files_are_gone(tmp_path: Path):
    with serving(tmp_path, files_of=lambda row: None) as site:
        number = site.made.results["lyso_001 process dials"]
        page = site.get(f"/api/results/{number}").json()
        assert (page["result"], page["files"], page["has_report"]) == (None, [], False)
        assert "not here any more" in page["gone"]
        assert page["line"]["crystal"]["d_min"] == 1.42
        for path in ("report", "archive", "files/result.json"):
            assert site.get(f"/api/results/{number}/{path}").status_code == 404


def test_two_results_side_by_side(site: Served):
    a, b = site.made.results["thau_002 process dials"], site.made.results["thau_002 process fast"]
    page = site.get("/api/compare", OF_ALPHA, a=a, b=b).json()
    rows = {(row["section"], row["label"]): row for row in page["rows"]}
    group = rows["crystal", "Space group"]
    assert (group["a"], group["b"], group["differs"]) == (
        "not decided: P 41 21 2 or P 43 21 2",
        "P 2 21 21",
        True,
    )
    assert not rows["result", "Dataset"]["differs"]
    assert rows["versions", "dials"]["b"] == ""
    assert rows["statistics", "Resolution (Å)"]["a"].startswith("40.0 to 1.71 (")
    assert page["agreement"].startswith("dials finds Laue group 4/mmm, fast mmm; the lattices are the same")
    assert len(page["a"]["shells"]) == len(page["b"]["shells"]) == 10
    same = site.get("/api/compare", a=a, b=a).json()
    assert not any(row["differs"] for row in same["rows"])
    look = site.made.results["lyso_001 look"]
    assert site.get("/api/compare", a=a, b=look).json()["agreement"] == ""


def test_a_dataset_is_processed_again_from_a_form(site: Served):
    number = site.made.datasets["50%_102"]
    data = {"dataset": str(number), "engine": "xds", "first": "1", "last": "900", "space_group": "I 21 3",
            "unit_cell": "78 78 78 90 90 90", "d_min": "2.1"}  # fmt: skip
    answer = site.post("/api/reprocess", OF_BETA, data=data)
    assert answer.status_code == 200
    assert answer.json()["jobs"][0]["dataset"] == number
    asked = site.control.asked[-1]
    assert (asked.dataset, asked.engine, asked.images, asked.space_group) == (
        number,
        "xds",
        (1, 900),
        "I 21 3",
    )
    assert ("reprocessed", f"dataset {number}") in site.deeds
    path = site.made.ledger.dataset(number).path
    assert site.post("/api/reprocess", OF_BETA, json={"dataset": path}).status_code == 200
    assert site.control.asked[-1].dataset == number


def test_nobody_processes_what_is_not_his_or_without_the_right_to(site: Served):
    before, number = len(site.control.asked), site.made.datasets["lyso_001"]
    path = site.made.ledger.dataset(number).path
    for said in (number, path, 10**9, 2**70, 0, "/nowhere"):
        for viewer in (OF_BETA, ELSEWHERE):
            answer = site.post("/api/reprocess", viewer, json={"dataset": said})
            assert answer.status_code == 404
    for viewer in (WALL, PROGRAM):
        assert site.post("/api/reprocess", viewer, json={"dataset": number}).status_code == 403
        assert site.post("/api/cancel", viewer, json={"dataset": number}).status_code == 403
    assert len(site.control.asked) == before


@pytest.mark.parametrize(
    ("name", "wishes", "status", "word"),
    [
        ("loop_003", {}, 409, "grid"),
        ("lyso_001", {"engine": "autoproc"}, 400, "known: dials, xds"),
        ("lyso_001", {"images": [1, 3601]}, 400, "3600 frames"),
        ("lyso_001", {"space_group": "P 99"}, 400, "'P 99'"),
        ("lyso_001", {"unit_cell": [1, 2, 3]}, 400, "unit_cell"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused_with_a_word(
    site: Served, name: str, wishes: dict[str, Any], status: int, word: str
):
    answer = site.post("/api/reprocess", json={"dataset": site.made.datasets[name], **wishes})
    assert answer.status_code == status
    assert word in answer.json()["words"]
    assert answer.json()["next_step"]


def test_work_is_ended_by_those_whose_it_is(own: Served):
    number = own.made.datasets["growing_010"]
    key = own.made.ledger.jobs(number)[0].key
    own.control.work = {}
    for viewer in (OF_BETA, ELSEWHERE):
        assert own.post("/api/cancel", viewer, json={"job": key}).status_code == 404
        assert own.post("/api/cancel", viewer, data={"dataset": str(number)}).status_code == 404
    assert own.control.asked == []
    assert own.post("/api/cancel", OF_ALPHA, json={"job": "00"}).status_code == 404
    planned = own.post("/api/reprocess", OF_ALPHA, json={"dataset": number}).json()["jobs"][0]["key"]
    answer = own.post("/api/cancel", OF_ALPHA, data={"dataset": str(number)})
    assert answer.json()["jobs"] == [planned]
    assert ("cancelled", f"dataset {number}") in own.deeds
    refused = own.post(
        "/api/cancel", OF_ALPHA, json={"job": key}
    )  # the twin knows no such job: nothing is noted
    assert refused.status_code == 400
    assert ("cancelled", f"job {key}") not in own.deeds


def test_the_status_is_of_the_viewers_scope(own: Served):
    for group in (ALPHA, BETA):
        key = own.made.plan("lyso_001" if group == ALPHA else "50%_102", WorkName.PROCESS, "dials")
        own.control.work[key] = JobInfo(
            key=key, dataset=1, group=group, work=WorkName.PROCESS, work_class=WorkClass.FULL, state="waiting"
        )

    def groups(viewer: str) -> set[str]:
        return {job["group"] for job in own.get("/api/status", viewer).json()["next"]}

    assert (groups(OF_ALPHA), groups(OF_BETA), groups(STAFF)) == ({ALPHA}, {BETA}, {ALPHA, BETA})


def test_the_document_tells_what_the_routes_take(site: Served):
    paths = site.get("/api/openapi.json").json()["paths"]
    content = paths["/api/reprocess"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "application/x-www-form-urlencoded"}
    for route in ("/api/datasets", "/api/datasets/{number}", "/api/results/{number}", "/api/compare"):
        schema = paths[route]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert schema["$ref"].endswith("Page")


def test_kinds_and_looks_of_the_list(site: Served):
    rows = {row["name"]: row for row in site.get("/api/datasets", limit=100).json()["rows"]}
    assert rows["loop_003"]["kind"] == DatasetKind.GRID.value
    assert rows["loop_003"]["has_map"]
    assert rows["growing_010"]["has_look"]  # it runs, so values come
    assert rows["growing_010"]["work"] == {WorkName.LOOK.value: "running", "process dials": "waiting"}
