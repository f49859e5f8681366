"""The page of what happens now, in a browser."""

import statistics
import time

import pytest

from beampace.web.app import create_app
from beampace.web.http import serve_http
from tests.support.browser import page_of, until_true
from tests.support.ledgers import claim, new_result, planned
from tests.support.live_files import begin_look, look_content, write_whole
from tests.support.page_watch import RECORDER
from tests.support.pages import Site, served
from tests.support.serving import running


@pytest.fixture
def site(tmp_path):
    with served(tmp_path) as made:
        yield made


def rows(page, count):
    page.wait_for_selector(f"#plot-spots[data-frames='{count}']")


def live(page):
    page.wait_for_selector("#stream[data-state=live]")


def test_rows_show_as_they_are_written(site, browser):
    work = begin_look(site, 1)
    with page_of(browser, site.url) as page:
        page.add_init_script(RECORDER)
        page.reload()
        live(page)
        assert page.inner_text("#scan-name") == "sample 1"
        written = []
        for n in range(10, 101, 10):
            write_whole(work.file, look_content(range(1, n + 1), 100))
            written.append((time.time(), n))
            rows(page, n)
        shown = page.evaluate("window.shown.frames")
        assert {dataset for _, dataset, last in shown if last} == {work.dataset}
        assert page.inner_text("#scan-count").startswith("100 of 100 frames")
        assert page.get_attribute("#plot-spots", "data-last-frame") == "100"
    delays = [next(at for at, _, last in shown if last >= n) - began for began, n in written]
    print(f"shown after {statistics.median(delays):.3f} s (median), {max(delays):.3f} s (worst)")  # noqa: T201 - for whoever reads the log
    assert statistics.median(delays) < 2


def test_another_dataset_takes_over(site, browser):
    first = begin_look(site, 1)
    write_whole(first.file, look_content(range(1, 101), 100))
    with page_of(browser, site.url) as page:
        rows(page, 100)
        second = begin_look(site, 2)
        write_whole(second.file, look_content(range(1, 21), 100))
        page.wait_for_selector(f"#now-scan[data-dataset='{second.dataset}']")
        rows(page, 20)
        until_true(page, "document.querySelector('#scan-name').textContent === 'sample 2'")
        write_whole(first.file, look_content(range(1, 101), 100, state="complete"))  # the older one goes on
        write_whole(second.file, look_content(range(1, 41), 100))
        rows(page, 40)
        assert page.inner_text("#scan-name") == "sample 2"


def test_a_beamtime_begins_while_the_page_is_open(site, browser):
    with page_of(browser, site.url) as page:
        live(page)
        assert page.inner_text("#scan-name") == "No beamtime is open"
        work = begin_look(site, 1)
        write_whole(work.file, look_content(range(1, 11), 100))
        rows(page, 10)
        assert page.is_hidden("#scan-empty")


def test_results_show_by_themselves(site, browser):
    work = begin_look(site, 1)
    with page_of(browser, site.url) as page:
        live(page)
        site.ledger.plan(work.dataset, [planned("look-1")])
        claim(site.ledger, "look-1")
        site.ledger.finish(new_result("look-1", directory=str(work.file.parent)))
        page.wait_for_selector("[data-result='1']", timeout=10_000)


def test_nothing_moves_while_rows_come(site, browser):
    work = begin_look(site, 1)
    with page_of(browser, site.url, viewport={"width": 1440, "height": 900}) as page:
        live(page)
        write_whole(work.file, look_content(range(1, 3), 100))
        rows(page, 2)
        places = "['plot-spots', 'plot-intensity', 'now-results'].map((id) => document.getElementById(id).getBoundingClientRect().top)"  # noqa: E501
        before = page.evaluate(places)
        write_whole(work.file, look_content(range(1, 101), 100))
        rows(page, 100)
        page.wait_for_timeout(600)
        assert page.evaluate(places) == before


def test_it_goes_on_after_the_server_was_away(tmp_path, browser):
    """Without a reload, without an event missed or doubled, without a row doubled."""
    with served(tmp_path) as site:
        work = begin_look(site, 1)
        parts, app = site.parts, create_app(site.parts)
        with running(lambda: serve_http(app)) as port:
            url = f"http://127.0.0.1:{port}"
            context = page_of(browser, url, quiet=False)
            page = context.__enter__()
            page.evaluate(
                "window.got = []; window.again = 0;"
                "document.body.addEventListener('bp:event', (e) => window.got.push(e.detail.id));"
                "document.body.addEventListener('bp:reopened', () => window.again++)"
            )
            live(page)
            begun = site.ledger.last_event()
            for number in range(20):
                site.ledger.append("result", {"number": number}, "11001", "")
            write_whole(work.file, look_content(range(1, 31), 100))
            rows(page, 30)
            until_true(page, "window.got.length === 20")
        page.wait_for_selector("#stream[data-state=away]")
        assert "reconnecting since" in page.inner_text("#stream")
        for number in range(20):
            site.ledger.append("result", {"number": number}, "11001", "")
        write_whole(work.file, look_content(range(1, 61), 100))
        time.sleep(2)
        again = Site(parts, site.root, url, site.live)
        with running(lambda: serve_http(create_app(again.parts), port=port)):
            live(page)
            rows(page, 60)
            for number in range(20):
                site.ledger.append("result", {"number": number}, "11001", "")
            write_whole(work.file, look_content(range(1, 101), 100))
            rows(page, 100)
            until_true(page, "window.got.length >= 60")
            assert page.evaluate("window.got") == list(range(begun + 1, begun + 61))
            assert page.evaluate("window.again") == 1
            assert page.evaluate("document.documentElement.dataset.lastEvent") == str(begun + 60)
            context.__exit__(None, None, None)


def test_a_session_that_has_ended_leads_to_the_log_in(site, browser):
    site.ledger.open_beamtime("11001", str(site.root))
    context = browser.new_context()
    try:
        context.add_cookies([site.cookie("a", "11001")])
        page = context.new_page()
        page.goto(site.url)
        live(page)
        for session in site.ledger.sessions():
            site.parts.door.sessions.end(session.id)
        site.ledger.append("beamtime.opened", {}, "11001", "")
        page.wait_for_url("**/login*")
    finally:
        context.close()
