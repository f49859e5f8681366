"""The viewer of frames in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from beampace.web.frames.twin import FrameTwin
from tests.support.frame_site import FrameSite, frame_site
from tests.support.pages import READ


def opened(browser: Browser, made: FrameSite, frame: int) -> Page:
    context = browser.new_context(extra_http_headers={"Authorization": f"Bearer {READ}"})
    page = context.new_page()
    page.goto(f"{made.site.url}/datasets/{made.dataset}/frames/{frame}")
    return page


def test_frames_are_gone_through_by_keys_with_spots_and_predictions(browser, tmp_path):
    with frame_site(tmp_path) as made:
        page = opened(browser, made, 9)
        page.wait_for_selector('#viewer[data-frame="9"][data-painted]')
        assert int(page.get_attribute("#viewer", "data-spots")) > 50
        page.keyboard.press("p")
        page.wait_for_selector("#viewer[data-predictions]")
        assert int(page.get_attribute("#viewer", "data-predictions")) > 50
        page.keyboard.press("ArrowRight")
        page.wait_for_selector('#viewer[data-painted^="10:"]')
        assert page.url.endswith("/frames/10")
        page.keyboard.press("]")
        page.wait_for_selector('#viewer[data-painted^="10:1.4"]')
        page.keyboard.press("?")
        assert page.locator("dialog").is_visible()
        page.context.close()


def test_the_resolution_under_the_cursor_is_that_of_the_detector(browser, tmp_path):
    with frame_site(tmp_path) as made:
        page = opened(browser, made, 1)
        page.wait_for_selector("#viewer[data-painted]")
        box = page.locator("canvas.frame-canvas").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40)
        where, d = page.inner_text('[data-part="cursor"]').split("·")
        x, y = (float(part.split()[1]) for part in where.split(","))
        dataset = made.simulation.dataset
        assert float(d.strip(" Å")) == pytest.approx(
            dataset.detector.resolution_at(dataset.beam, x, y), abs=0.02
        )
        page.context.close()


def test_a_frame_that_comes_later_appears_by_itself(browser, tmp_path):
    twin = FrameTwin(n_frames=24, ready=2)
    with frame_site(tmp_path, frames=twin) as made:
        page = opened(browser, made, 3)
        page.wait_for_selector('#viewer[data-ready="false"]')
        assert "cannot be read yet" in page.inner_text('[data-part="note"]')
        twin.ready = 24
        page.evaluate(f"document.body.dispatchEvent(new CustomEvent('bp:refresh-{made.dataset}'))")
        page.wait_for_selector('#viewer[data-frame="3"][data-painted]')
        assert page.locator('[data-part="note"]').is_hidden()
        page.context.close()
