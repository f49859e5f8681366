"""The list of datasets, two results side by side, the beamtime in numbers: as HTML, and in a browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from beampace.core.scope import Scope
from beampace.core.work import WorkName
from tests.support.browser import page_of, until_true
from tests.support.catalogue import ALPHA, BEAMTIME, BETA, LYSO, MTZ, Catalogued, catalogued, merged
from tests.support.pages import Site, served

ROWS = "[...document.querySelectorAll('tr[data-dataset]')].map((row) => Number(row.dataset.dataset))"


@dataclass
class Made:
    """A site with the datasets of two groups."""

    site: Site
    made: Catalogued

    def rows(self, address: str, token: str = "r" * 32) -> list[int]:
        """Numbers of the datasets of a page of the list, in their order."""
        with self.site.client(token) as asked:
            return numbers(asked.get(address).text)


def numbers(text: str) -> list[int]:
    return [int(one) for one in re.findall(r'<tr id="set-(\d+)"', text)]


@pytest.fixture
def made(tmp_path) -> Iterator[Made]:
    with served(tmp_path) as site:
        yield Made(site, catalogued(site.ledger, site.root))


def test_the_newest_comes_first_and_heads_sort(made):
    assert made.rows("/datasets") == list(range(13, 0, -1))
    best = made.rows("/datasets?sort=d_min&direction=up")
    assert best[:3] == [made.made.datasets[name] for name in ("lyso_001", "thau_002", "rerun_008")]
    with made.site.client() as asked:
        text = asked.get("/datasets?sort=d_min&direction=up").text
    assert 'aria-sort="ascending"' in text
    assert 'href="/datasets?sort=d_min"' in text  # the same head again turns the order round
    assert made.rows("/datasets?sort=d_min")[0] == made.made.datasets["insulin_101"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("kind=grid", {"loop_003", "empty_103"}),
        ("state=growing", {"growing_010"}),
        ("group=beta", {"insulin_101", "50%_102", "empty_103"}),
        ("verdict=poor", {"failed_005", "empty_103"}),
        ("space_group=I213", {"insulin_101", "50%_102"}),
        ("search=thau", {"thau_002"}),
        ("search=50%25", {"50%_102"}),
        ("search=nowhere", set()),
    ],
)
def test_filters(made, query, names):
    assert set(made.rows(f"/datasets?{query}")) == {made.made.datasets[name] for name in names}


def test_pages_follow_one_another(made):
    first, second = made.rows("/datasets?limit=7"), made.rows("/datasets?limit=7&offset=7")
    assert first + second == list(range(13, 0, -1))
    with made.site.client() as asked:
        text = asked.get("/datasets?limit=7&kind=").text
    assert "1 to 7 of 13 datasets" in text
    assert 'rel="next" href="/datasets?limit=7&amp;offset=7"' in text


def test_empty_lists_say_what_to_do(tmp_path):
    with served(tmp_path) as site, site.client() as asked:
        assert "There is no beamtime." in asked.get("/datasets").text
        assert "There is no beamtime" in asked.get("/beamtime").text
        site.ledger.open_beamtime(BEAMTIME, str(site.root))
        assert "beampace announce" in asked.get("/datasets").text
        assert "No dataset fits." in asked.get("/datasets?search=x").text


def test_names_cannot_write_into_the_page(made):
    odd = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    made.made.see("odd_200", ALPHA, sample=odd)
    with made.site.client() as asked:
        for address in ("/datasets", f"/datasets/{made.made.datasets['odd_200']}", "/"):
            text = asked.get(address).text
            assert "<script>alert" not in text, address
            assert "<img src=x" not in text, address
        assert "&lt;script&gt;" in asked.get("/datasets").text


def test_wrong_queries_are_told_plainly(made):
    with made.site.client(headers={"Accept": "text/html"}) as asked:
        for query in ("sort=colour", "limit=0", "offset=-1", "nonsense=1", "verdict=../x"):
            answer = asked.get(f"/datasets?{query}")
            assert answer.status_code == 422, query
            assert "<h1>" in answer.text
        assert asked.get("/compare?a=1").status_code == 422
        assert asked.get("/compare?a=1&b=99999").status_code == 404


def test_a_group_sees_its_own_numbers(made):
    with made.site.login(BETA, BEAMTIME) as beta, made.site.staff() as staff:
        own, all_ = beta.get("/api/beamtime").json(), staff.get("/api/beamtime").json()
        assert [one["group"] for one in own["accounts"]] == [BETA]
        assert {one["group"] for one in all_["accounts"]} == {ALPHA, BETA}
        assert (own["n_datasets"], all_["n_datasets"]) == (3, 13)
        assert {one["code"] for one in own["failures"]} == {"no_diffraction"}
        assert {"no_diffraction", "not_indexed", "node_lost"} <= {one["code"] for one in all_["failures"]}
        assert own["frames"]["taken"][-1] == 7600
        assert own["frames"]["processed"][-1] == 7600
        assert ALPHA not in beta.get("/beamtime").text
        assert beta.get("/beamtime/report").status_code == 404
        assert "Report of the beamtime" not in beta.get("/beamtime").text


def test_a_dataset_that_grew_is_taken_and_not_processed_yet(made):
    made.site.ledger.grow(made.made.datasets["insulin_101"])
    with made.site.login(BETA, BEAMTIME) as beta:
        frames = beta.get("/api/beamtime").json()["frames"]
    assert (frames["taken"][-1], frames["processed"][-1]) == (7600, 4000)


def test_the_report_is_made_by_whoever_knows_how(tmp_path):
    asked_for = []

    def page(beamtime: str) -> str:
        asked_for.append(beamtime)
        return "<h1>A report</h1>"

    with served(tmp_path, report_page=page) as site:
        catalogued(site.ledger, site.root)
        with site.staff() as staff, site.wall() as wall:
            answer = staff.get("/beamtime/report")
            assert wall.get("/beamtime/report").status_code == 404
            assert "/beamtime/report" not in wall.get("/beamtime").text
            assert "/beamtime/report" in staff.get("/beamtime").text
    assert (answer.text, asked_for) == ("<h1>A report</h1>", [BEAMTIME])
    assert "sandbox" in answer.headers["content-security-policy"]


def test_one_report_is_made_at_a_time_and_nobody_waits(tmp_path):
    begun, go_on = threading.Event(), threading.Event()

    def slow(_: str) -> str:
        begun.set()
        assert go_on.wait(20)
        return "<h1>A report</h1>"

    with served(tmp_path, report_page=slow) as site, site.staff() as staff, site.staff() as other:
        catalogued(site.ledger, site.root)
        with ThreadPoolExecutor(1) as aside:
            first = aside.submit(staff.get, "/beamtime/report")
            assert begun.wait(20)
            assert other.get("/beamtime/report").status_code == 503
            go_on.set()
            assert first.result().status_code == 200


def test_a_beamtime_that_has_ended_says_so_and_others_can_be_chosen(made):
    made.site.ledger.open_beamtime("22020002", str(made.site.root.with_name("other")), title="The next one")
    made.site.ledger.close_beamtime(BEAMTIME, "its metadata file is gone")
    with made.site.client() as asked:
        text = asked.get(f"/beamtime?beamtime={BEAMTIME}").text
        assert "its metadata file is gone" in text
        assert "nothing of it runs" in text
        assert '<option value="22020002"' in text
        assert f'<option value="{BEAMTIME}" selected>' in text
        assert made.rows(f"/datasets?beamtime={BEAMTIME}") == list(range(13, 0, -1))
        assert made.rows("/datasets") == []


def test_sums_of_one_group_are_those_of_the_whole(made):
    """Against the sums of all groups, in the ledger."""
    ledger = made.site.ledger
    both = {one.group: one for one in ledger.accounts(BEAMTIME)}
    assert {group: ledger.accounts(BEAMTIME, group)[0] for group in (ALPHA, BETA)} == both
    one, other = ledger.failures(BEAMTIME, ALPHA), ledger.failures(BEAMTIME, BETA)
    sums = {
        code: sum(part[code].attempts for part in (one, other) if code in part)
        for code in one.keys() | other.keys()
    }
    assert sums == {code: ended.attempts for code, ended in ledger.failures(BEAMTIME).items()}
    assert {row.id for row in ledger.datasets_in(Scope(BEAMTIME, BETA))} == {11, 12, 13}


def test_the_list_in_a_browser(made, browser):
    with page_of(browser, made.site.url, "/datasets") as page:
        page.wait_for_selector("#stream[data-state=live]")
        page.evaluate("window.marker = 1")
        page.fill("#search", "lyso")
        until_true(page, f"({ROWS}).length === 1")
        assert "search=lyso" in page.url
        page.fill("#search", "")
        until_true(page, f"({ROWS}).length === 13")
        new = made.made.see("fresh_201", ALPHA)
        until_true(page, f"({ROWS})[0] === {new}")
        made.made.finish(
            "fresh_201", WorkName.PROCESS, "dials", merged(made.made, "fresh_201", "dials", LYSO, 1.3), MTZ
        )
        until_true(page, f"document.querySelector('#set-{new}').textContent.includes('1.30')")
        rows = page.evaluate(ROWS)
        assert rows == list(range(14, 0, -1))
        page.keyboard.press("Escape")  # out of the search field
        page.keyboard.press("j")
        page.keyboard.press("j")
        selected = "document.querySelector('tr[aria-selected=true]')?.dataset.dataset"
        assert page.evaluate(selected) == str(rows[1])
        page.keyboard.press("?")
        assert page.locator("#keys").is_visible()
        page.keyboard.press("Escape")
        assert page.evaluate("window.marker") == 1
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/datasets/{rows[1]}")


def test_two_are_marked_and_compared_in_a_browser(made, browser):
    with page_of(browser, made.site.url, "/datasets?search=merged&sort=d_min&direction=up") as page:
        page.wait_for_selector("#stream[data-state=live]")
        for _ in range(2):
            page.keyboard.press("j")
            page.keyboard.press("c")
        page.click("#marked-compare")
        page.wait_for_selector("#shells[data-drawn=yes]")
        text = page.inner_text("main")
        assert "lyso_001" in text
        assert "thau_002" in text
        assert page.locator("tr.differs").count() > 3
        assert page.locator("#plot-cc canvas").count() >= 1


def test_the_beamtime_in_a_browser(made, browser):
    with page_of(browser, made.site.url, "/beamtime") as page:
        until_true(page, "Number(document.querySelector('#beamtime').dataset.drawn) > 3")
        page.wait_for_selector("#stream[data-state=live]")
        made.made.see("later_202", ALPHA)
        until_true(page, "document.querySelector('#figures').textContent.match(/datasets\\s*14/) !== null")


def test_narrow_screens_do_not_scroll_sideways(made, browser):
    result = made.made.results
    two = f"/compare?a={result['lyso_001 process dials']}&b={result['lyso_001 process xds']}"
    for address in ("/", "/datasets", "/datasets/1", two, "/beamtime", "/login"):
        with page_of(browser, made.site.url, address, viewport={"width": 390, "height": 844}) as page:
            page.wait_for_timeout(300)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
