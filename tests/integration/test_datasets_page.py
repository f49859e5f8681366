"""The list of datasets in a browser while things happen: nothing stale, nothing late, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.browser import page_of, until_true
from tests.support.catalogue import ALPHA, Catalogued, catalogued
from tests.support.pages import Site, served

ROWS = "[...document.querySelectorAll('tr[data-dataset]')].map((row) => Number(row.dataset.dataset))"
ASKED = """(told) => new Promise((done) => {
  const times = [], start = performance.now();
  const list = document.getElementById("list");
  list.addEventListener("sets:refresh", () => times.push(performance.now() - start));
  for (const [at, topic] of told) {
    const event = new CustomEvent("bp:dataset", { detail: { dataset: 1, topic } });
    setTimeout(() => document.body.dispatchEvent(event), at);
  }
  setTimeout(() => done(times), 1500);
})"""


@pytest.fixture
def site(tmp_path) -> Iterator[tuple[Site, Catalogued]]:
    with served(tmp_path) as site:
        yield site, catalogued(site.ledger, site.root)


def test_frames_do_not_put_off_a_result(site, browser):
    with page_of(browser, site[0].url, "/datasets") as page:
        page.wait_for_selector("#stream[data-state=live]")
        told = [[0, "result"], [100, "result"], *([150 + 100 * n, "attempt.progress"] for n in range(9))]
        times = page.evaluate(ASKED, told)
    assert any(100 <= time <= 800 for time in times), times


def test_an_answer_to_an_older_question_is_not_shown(site, browser):
    held = []
    with page_of(browser, site[0].url, "/datasets") as page:
        page.wait_for_selector("#stream[data-state=live]")

        def hold(route) -> None:
            first = not held and "search=" not in route.request.url
            held.append(route) if first else route.continue_()

        page.route("**/datasets*", hold)
        page.evaluate(
            "document.body.dispatchEvent(new CustomEvent('bp:dataset', {detail: {topic: 'result'}}))"
        )
        page.wait_for_timeout(500)
        assert len(held) == 1
        page.fill("#search", "lyso")
        until_true(page, f"({ROWS}).length === 1")
        held[0].continue_()
        page.wait_for_timeout(700)
        assert page.evaluate(ROWS) == [1]
        new = site[1].see("lyso_400", ALPHA)
        until_true(page, f"JSON.stringify({ROWS}) === '[{new},1]'")


def test_the_way_back_leads_to_a_page_that_follows(site, browser):
    with page_of(browser, site[0].url, "/datasets") as page:
        page.wait_for_selector("#stream[data-state=live]")
        page.fill("#search", "lyso")
        until_true(page, f"({ROWS}).length === 1")
        page.go_back()
        page.wait_for_selector("#set-13")
        page.wait_for_selector("#stream[data-state=live]", timeout=5000)
        new = site[1].see("later_400", ALPHA)
        until_true(page, f"({ROWS})[0] === {new}")


def test_rows_have_one_height_and_a_laptop_shows_all_columns(site, browser):
    with page_of(browser, site[0].url, "/datasets", viewport={"width": 1440, "height": 900}) as page:
        heights = (
            "new Set([...document.querySelectorAll('tr[data-dataset]')].map((row) => row.offsetHeight)).size"
        )
        assert page.evaluate(heights) == 1
        box = "document.querySelector('.sets-sheet .scroll')"
        assert page.evaluate(f"{box}.scrollWidth - {box}.clientWidth") <= 0


def test_keys_work_from_a_link_of_a_row(site, browser):
    with page_of(browser, site[0].url, "/datasets") as page:
        page.focus("#set-3 .sets-open")
        page.keyboard.press("j")
        assert page.get_attribute("tr[aria-selected=true]", "data-dataset") == "13"
        page.keyboard.press("Enter")  # the link has the focus: it leads on, not the row
        page.wait_for_url("**/datasets/3")


def test_a_page_past_the_end_says_so(site):
    with site[0].client() as asked:
        text = asked.get("/datasets?offset=100").text
    assert "not as long as that" in text
    assert "No dataset was seen yet" not in text
    assert "13 datasets" in text
