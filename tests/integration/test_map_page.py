"""The pages of maps and strategies in a real browser, over a grid scan that was really mapped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from beampace.core.work import WorkName
from beampace.results.map_schema import Map, MapPart
from beampace.web.live_source import LiveWork
from tests.support.browser import page_of
from tests.support.catalogue import ALPHA, BEAMTIME
from tests.support.map_data import (
    COLUMNS,
    CORRUPT,
    MISSING_ROW,
    STEP,
    beamtime_of,
    map_again,
    mapped_grid,
    strategy,
    with_strategy,
)
from tests.support.pages import served

WIDE = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def maps(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A site with a grid, test shots with and without a strategy, and two orthogonal grids."""
    with served(tmp_path_factory.mktemp("site")) as site:
        made = beamtime_of(site.ledger, site.root)
        grid = mapped_grid(made)
        with_strategy(made, "shots_001", strategy().to_json())
        made.see("shots_002", ALPHA, n=4)
        for name, start in (("front_001", 0.0), ("side_001", 90.0)):
            mapped_grid(made, name, start=start, seed=int(start) + 1)
        masters = tuple(
            site.root / "raw" / ALPHA / name / f"{name}_master.h5" for name in ("front_001", "side_001")
        )
        map_again(made, "front_001", ALPHA, masters, step_um=STEP)
        text = (site.parts.places.result(grid).path / "map.json").read_text()
        yield SimpleNamespace(
            site=site, made=made, text=text, part=Map.model_validate_json(text).maps[0], ids=made.datasets
        )


@pytest.fixture
def page(maps, browser) -> Iterator[Page]:
    """The page of the grid."""
    address = f"/datasets/{maps.ids['grid_001']}/map"
    with page_of(browser, maps.site.url, address, viewport=WIDE) as made:
        made.wait_for_selector("tr[data-crystal]")
        settle(made)
        yield made


def settle(page: Page) -> None:
    """Two frames of the browser, so that all is drawn."""
    page.evaluate("new Promise((ok) => requestAnimationFrame(() => requestAnimationFrame(ok)))")


def middle(page: Page, column: float, row: float) -> tuple[float, float]:
    """Where the middle of a cell is in the canvas, in px."""
    place = page.locator(".heat-canvas").evaluate("(canvas) => ({...canvas.dataset})")
    x = float(place["left"]) + (column + 0.5) * float(place["cellWidth"])
    y = float(place["top"]) + (row + 0.5) * float(place["cellHeight"])
    return x, y


def click(page: Page, column: int, row: int) -> None:
    x, y = middle(page, column, row)
    page.locator(".heat-canvas").click(position={"x": x, "y": y})


def colours(page: Page, column: int, row: int) -> set[tuple[int, ...]]:
    """Colours found in the inner part of a cell, away from its edges."""
    x, y = middle(page, column, row)
    size = 0.3 * float(page.locator(".heat-canvas").get_attribute("data-cell-height"))
    found = page.locator(".heat-canvas").evaluate(
        """(canvas, [x, y, size]) => {
          const ratio = canvas.width / canvas.clientWidth;
          const box = [x - size, y - size, 2 * size, 2 * size].map((v) => Math.round(v * ratio));
          const {data} = canvas.getContext("2d").getImageData(...box);
          return Array.from({length: data.length / 4}, (_, i) => [...data.slice(4 * i, 4 * i + 4)]);
        }""",
        [x, y, size],
    )
    return {tuple(one) for one in found}


def cell_of(part: MapPart, frame: int) -> tuple[int, int]:
    """(column, row) of a frame."""
    return next(
        (column, row)
        for row, line in enumerate(part.numbers)
        for column, number in enumerate(line)
        if number == frame
    )


def blank_cell(part: MapPart) -> tuple[int, int]:
    """A cell that was analysed and has no spots, far from the crystals."""
    return next(
        (column, row) for row, line in enumerate(part.scores) for column, one in enumerate(line) if one == 0
    )


def test_crystals_are_listed_and_shown_on_the_map(maps, page):
    rows = page.locator("tr[data-crystal]")
    assert rows.count() == len(maps.part.crystals) == 2
    best = maps.part.crystals[0]
    first = rows.nth(0).inner_text()
    assert f"{best.centre_um[0]:.1f}, {best.centre_um[1]:.1f} µm" in first
    assert f"column {best.centre[0] + 0.5:.1f}, row {best.centre[1] + 0.5:.1f}" in first
    assert str(best.best_frame) in first and f"{best.peak:.0f}" in first
    expect(page.locator("#map-verdict")).to_contain_text("2 crystals found in 82 cells")
    before = page.locator(".heat-canvas").evaluate("(canvas) => canvas.toDataURL()")
    rows.nth(1).locator("button").first.focus()
    settle(page)
    assert page.locator(".heat-canvas").evaluate("(canvas) => canvas.toDataURL()") != before
    assert rows.nth(1).get_attribute("data-lit") is not None
    assert page.locator("#map-words li").all_inner_texts()[-1].startswith("Snake scan along rows")


def test_a_click_shows_the_frame_of_the_cell(maps, page):
    """In a snake the second line runs backwards."""
    click(page, 0, 1)
    expect(page.locator("#map-frame")).to_have_text(str(2 * COLUMNS))
    viewer = page.locator("#map-viewer")
    assert viewer.get_attribute("href") == f"/datasets/{maps.ids['grid_001']}/frames/{2 * COLUMNS}"
    rows = page.locator("tr[data-crystal]")
    rows.nth(0).locator("button").first.click()
    best = maps.part.crystals[0].best_frame
    expect(page.locator("#map-frame")).to_have_text(str(best))
    picture = page.locator("#map-picture")
    expect(picture).to_have_attribute("data-frame", str(best), timeout=20000)
    assert int(picture.get_attribute("data-spots")) >= maps.part.crystals[0].peak


def test_keys_go_from_cell_to_cell(maps, page):
    page.focus(".heat-canvas")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#map-frame")).to_have_text(str(maps.part.numbers[1][1]))
    page.keyboard.press("2")  # the second crystal
    expect(page.locator(".heat-tip")).to_contain_text(f"frame {maps.part.crystals[1].best_frame}")
    expect(page.locator(".heat-tip")).to_contain_text("crystal 2")
    expect(page.locator(".heat [aria-live]")).to_contain_text("spots")
    assert page.locator("tr[data-crystal='0-2']").get_attribute("data-lit") is not None


def test_missing_cells_are_no_blank_cells(maps, page):
    lowest = (68, 1, 84, 255)  # of viridis
    assert colours(page, *blank_cell(maps.part)) == {lowest}
    failed = cell_of(maps.part, CORRUPT[0])
    for cell in ((5, MISSING_ROW), failed):
        seen = colours(page, *cell)
        assert lowest not in seen and len(seen) > 3, cell  # hatched and crossed
    click(page, *failed)
    expect(page.locator(".heat-tip")).to_contain_text("cannot be read")
    expect(page.locator("#map-picture canvas")).to_have_count(0, timeout=20000)  # nor another frame's picture
    expect(page.locator("#map-picture p")).not_to_be_empty()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_another_score_is_another_map(maps, browser, scheme):
    address = f"/datasets/{maps.ids['grid_001']}/map"
    with page_of(browser, maps.site.url, address, viewport=WIDE, color_scheme=scheme) as page:
        page.wait_for_selector("tr[data-crystal]")
        settle(page)
        legends, pictures = [], []
        for score in ("spots", "intensity", "resolution", "combined"):
            page.select_option(".heat-select", score)
            settle(page)
            legends.append(page.locator(".heat-unit").inner_text() + page.locator(".heat-to").inner_text())
            pictures.append(page.locator(".heat-canvas").evaluate("(canvas) => canvas.toDataURL()"))
        assert len(set(pictures)) == 4
        best = max(score for line in maps.part.scores for score in line if score is not None)
        finest = min(one for one in maps.part.columns["d_min"] if one is not None)
        assert legends[0] == f"Spots{best:.0f}"
        assert legends[1].startswith("Intensity (counts)") and legends[1].endswith("counts")
        assert legends[2] == f"Resolution (Å){float(f'{finest:.3g}'):g} Å"
        assert legends[3].startswith("Combined (spots × 2 Å / resolution)")


def test_a_position_is_copied(maps, browser):
    address = f"/datasets/{maps.ids['grid_001']}/map"
    allowed = ["clipboard-read", "clipboard-write"]
    with page_of(browser, maps.site.url, address, viewport=WIDE, permissions=allowed) as page:
        page.wait_for_selector("tr[data-crystal]")
        page.locator("tr[data-crystal] [data-copy]").first.click()
        expect(page.locator(".copy-live").last).to_contain_text("Copied")
        x, y = map(float, page.evaluate("navigator.clipboard.readText()").split(", "))
        assert (x, y) == pytest.approx(maps.part.crystals[0].centre_um, abs=1e-3)


def begun(text: str, n: int) -> str:
    """The map as it was when `n` frames had been looked at."""
    record: dict[str, Any] = json.loads(text) | {"state": "running"}
    part = record["maps"][0]
    part["columns"] = {name: values[:n] for name, values in part["columns"].items()}
    part["frames"] |= {"analysed": n, "failed": 0, "waiting": part["frames"]["announced"] - n}
    known = set(part["columns"]["frame"])
    part["scores"] = [
        [score if number in known else None for score, number in zip(*lines, strict=True)]
        for lines in zip(part["scores"], part["numbers"], strict=True)
    ]
    part["crystals"] = [] if n < 60 else part["crystals"]
    return json.dumps(record)


def test_a_map_fills_while_it_is_made(maps, browser):
    """From the file, through the stream: a cell that was hatched gets its colour, crystals come."""
    id_ = maps.ids["grid_001"]
    place = maps.site.root / "processed" / ALPHA / "grid_001" / "beampace" / "map_running"
    place.mkdir()
    work = LiveWork(id_, BEAMTIME, ALPHA, WorkName.MAP, "f" * 16, place / "map.json")
    early, late = begun(maps.text, 20), begun(maps.text, 70)
    work.file.write_text(early)
    maps.site.live.works.append(work)
    try:
        with page_of(browser, maps.site.url, f"/datasets/{id_}/map", viewport=WIDE) as page:
            expect(page.locator("#map-verdict")).to_have_text("Being mapped: 20 of 96 frames.")
            settle(page)
            assert page.locator("tr[data-crystal]").count() == 0
            column, row = cell_of(maps.part, 50)
            assert len(colours(page, column, row)) > 3
            height = page.locator(".heat").bounding_box()["height"]
            work.file.write_text(late)
            expect(page.locator("#map-verdict")).to_have_text("Being mapped: 70 of 96 frames.")
            settle(page)
            assert page.locator("tr[data-crystal]").count() == 2
            assert len(colours(page, column, row)) <= 2
            assert page.locator(".heat").bounding_box()["height"] == height
    finally:
        maps.site.live.works.clear()
        shutil.rmtree(place)


def test_two_grids_have_positions_in_space(maps, browser):
    with page_of(browser, maps.site.url, f"/datasets/{maps.ids['front_001']}/map", viewport=WIDE) as page:
        page.wait_for_selector("#map-positions tbody tr")
        assert page.locator(".heat-canvas").count() == 2
        assert page.locator("#map-positions thead th").all_inner_texts()[1:4] == ["x", "y", "z"]
        row = page.locator("tr[data-crystal^='1-']").first
        row.locator("button").first.click()
        href = page.locator("#map-viewer").get_attribute("href")
        assert href.startswith(f"/datasets/{maps.ids['side_001']}/frames/")


def test_there_is_no_map_yet(maps, browser):
    with page_of(browser, maps.site.url, f"/datasets/{maps.ids['shots_002']}/map") as page:
        expect(page.locator("main")).to_contain_text("There is no map of this dataset.")
        expect(page.locator("main")).to_contain_text("beampace map")


def test_a_strategy_is_read_across_the_room_and_copied(maps, browser):
    address = f"/datasets/{maps.ids['shots_001']}/strategy"
    allowed = ["clipboard-read", "clipboard-write"]
    with page_of(browser, maps.site.url, address, viewport=WIDE, permissions=allowed) as page:
        values = dict(
            zip(
                page.locator(".plan-value dt").all_inner_texts(),
                page.locator(".plan-figure").all_inner_texts(),
                strict=True,
            )
        )
        assert values["start angle"] == "35°" and values["exposure time"] == "7.5 ms"
        assert values["filter transmission"] == "35 %" and values["resolution"] == "1.55 Å"
        size = page.locator(".plan-number").first.evaluate(
            "(one) => parseFloat(getComputedStyle(one).fontSize)"
        )
        assert size >= 64
        page.locator(".plan-copy").nth(4).click()
        assert page.evaluate("navigator.clipboard.readText()") == "7.5"
        page.locator(".plan-all").click()
        assert page.evaluate("navigator.clipboard.readText()").splitlines()[3] == "frames: 900"
        expect(page.locator(".plan-warnings")).to_contain_text("no dose can be said")
        expect(page.locator(".plan-scroll tbody")).to_contain_text("anomalous data")


def test_completeness_is_plotted_against_range(maps, browser):
    with page_of(browser, maps.site.url, f"/datasets/{maps.ids['shots_001']}/strategy") as page:
        page.wait_for_selector("#curve-plot canvas")
        page.focus("#curve-plot .plot-canvas")
        page.keyboard.press("Home")
        for _ in range(17):
            page.keyboard.press("ArrowRight")
        columns = strategy().columns
        rows = zip(*(columns[name] for name in ("start", "range", "completeness", "anomalous")), strict=True)
        expected = {start: values for start, range_, *values in rows if range_ == 90.0}
        texts = page.locator("#curve-plot .plot-value").all_inner_texts()
        assert texts[0] == "90 °"
        wanted = [*expected[35.0], expected[0.0][0], expected[70.0][0]]
        assert [float(text.split()[0]) for text in texts[1:]] == pytest.approx(
            [100 * one for one in wanted], rel=1e-3
        )


def test_there_is_no_strategy_yet(maps, browser):
    with page_of(browser, maps.site.url, f"/datasets/{maps.ids['shots_002']}/strategy") as page:
        expect(page.locator("main")).to_contain_text("No strategy has been calculated for this dataset.")
        expect(page.locator("main")).to_contain_text("Take test shots")
