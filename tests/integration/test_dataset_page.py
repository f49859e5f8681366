"""The page of a dataset: as HTML for every way a dataset can stand, and what is asked for in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page

from beampace.core.work import WorkName
from beampace.web import CancelRequest, ReprocessRequest
from tests.support.browser import until_true
from tests.support.catalogue import BEAMTIME, BETA, LYSO, MTZ, Catalogued, catalogued, merged
from tests.support.pages import Site, served


@dataclass
class Made:
    """A site with the datasets of two groups, whose control takes what it is asked."""

    site: Site
    made: Catalogued

    def text(self, name: str) -> str:
        """The page of a dataset as staff see it."""
        with self.site.staff() as staff:
            answer = staff.get(f"/datasets/{self.made.datasets[name]}")
        assert answer.status_code == 200
        return answer.text


@pytest.fixture
def made(tmp_path) -> Iterator[Made]:
    with served(tmp_path) as site:
        found = catalogued(site.ledger, site.root)
        site.parts.control.paths.update({f"/{number}": number for number in found.datasets.values()})
        yield Made(site, found)


@contextmanager
def opened(browser: Browser, one: Made, name: str) -> Iterator[Page]:
    """The page of a dataset in a browser, as staff."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([one.site.cookie()])  # type: ignore[list-item]
    page = context.new_page()
    page.goto(f"{one.site.url}/datasets/{one.made.datasets[name]}")
    page.wait_for_selector("#stream[data-state=live]")
    yield page
    context.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lyso_001", ("Merged to 1.42", "dials and xds agree", "Use process_001", "3.06")),
        ("thau_002", ("Use process_001", "or", "strong")),
        ("failed_005", ("not indexed", "no lattice")),
        ("waiting_006", ("Waits for processing",)),
        ("lost_007", ("max-p3a012", "node lost")),
        ("rerun_008", ("frames 1 to 900", "to 1.80 Å")),
        ("growing_010", ("Being collected: 120 of 3600 frames",)),
        ("loop_003", ("2 crystals found", "/map")),
        ("shots_004", ("/strategy",)),
    ],
)
def test_it_says_how_a_dataset_stands(made, name, said):
    text = made.text(name)
    for words in said:
        assert words in text, words


def test_who_only_looks_is_offered_nothing_to_do(made):
    address = f"/datasets/{made.made.datasets['waiting_006']}"
    with made.site.client() as program, made.site.wall() as wall, made.site.staff() as staff:
        for viewer in (program, wall):
            text = viewer.get(address).text
            assert "Process again" not in text
            assert "data-cancel" not in text
        assert "Process again" in staff.get(address).text
        best = f"/datasets/{made.made.datasets['lyso_001']}"
        assert "merged.mtz" in staff.get(best).text or "merged_mtz" in staff.get(best).text
        assert "/archive" not in wall.get(best).text


def test_it_is_not_there_for_another_group(made):
    with made.site.login(BETA, BEAMTIME) as beta:
        assert beta.get(f"/datasets/{made.made.datasets['lyso_001']}").status_code == 404
        own = beta.get(f"/datasets/{made.made.datasets['insulin_101']}")
    assert own.status_code == 200
    assert "lyso_001" not in own.text


def test_another_result_is_shown_when_asked_for_and_none_of_another_dataset(made):
    result, dataset = made.made.results, made.made.datasets["lyso_001"]
    with made.site.client() as asked:
        text = asked.get(f"/datasets/{dataset}?result={result['lyso_001 process xds']}").text
        assert "1.45" in text
        other = asked.get(f"/datasets/{dataset}?result={result['thau_002 process dials']}")
    assert other.status_code == 404


def test_processing_again_in_a_browser(made, browser):
    with opened(browser, made, "lyso_001") as page:
        page.keyboard.press("r")
        page.fill("[name=space_group]", "P 99 9")
        page.fill("[name=d_min]", "1.8")
        send = page.locator("dialog[open] .button.first")
        send.click()
        said = "document.querySelector('dialog[open]').textContent"
        until_true(page, f"{said}.includes('There is no space group')")
        assert page.input_value("[name=d_min]") == "1.8"  # nothing that was typed is lost
        page.fill("[name=space_group]", "P 21 21 21")
        send.click()
        until_true(page, "document.querySelector('dialog[open]') === null")
        assert "dials" in page.inner_text("#toast")
    asked = [one for one in made.site.parts.control.asked if isinstance(one, ReprocessRequest)]
    assert [(one.dataset, one.space_group, one.d_min) for one in asked] == [
        (made.made.datasets["lyso_001"], "P 21 21 21", 1.8)
    ]


def test_cancelling_in_a_browser_is_asked_about_first(made, browser):
    key = made.site.ledger.jobs(dataset=made.made.datasets["waiting_006"])[0].key
    made.site.parts.control.work[key] = made.site.parts.control.reprocess(
        ReprocessRequest(dataset=made.made.datasets["waiting_006"])
    ).jobs[0]
    with opened(browser, made, "waiting_006") as page:
        page.locator("#attempts button", has_text="Cancel").first.click()
        assert not any(isinstance(one, CancelRequest) for one in made.site.parts.control.asked)
        page.click("#cancel-send")
        until_true(page, "document.querySelector('dialog[open]') === null")
    asked = [one for one in made.site.parts.control.asked if isinstance(one, CancelRequest)]
    assert [one.job for one in asked] == [key]


def test_a_result_appears_by_itself_and_its_shells_are_drawn(made, browser):
    with opened(browser, made, "waiting_006") as page:
        page.evaluate("window.marker = 1")
        result = merged(made.made, "waiting_006", "dials", LYSO, 1.77)
        made.made.finish("waiting_006", WorkName.PROCESS, "dials", result, MTZ)
        until_true(page, "document.querySelector('#standing-words').textContent.includes('1.77')")
        until_true(page, "document.querySelector('#shell-plots').dataset.drawn === '10'")
        assert page.evaluate("window.marker") == 1
