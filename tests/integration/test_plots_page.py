"""Plots and heat maps in a real browser, under the policy of the pages."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page

from beampace.analysis.grid import Score, score_of
from beampace.web.render import PAGES_POLICY, Renderer
from tests.support.browser import page_of
from tests.support.pages import Site, served

HTML = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="{uplot}">
<script type="module" src="/bench.js"></script></head>
<body><div id="one"></div><div id="two"></div></body></html>"""

SETUP = """
import {{ linePlot }} from "{plots}";
import {{ heatMap, scoreOf }} from "{heat}";
window.linePlot = linePlot; window.heatMap = heatMap; window.scoreOf = scoreOf;
document.body.dataset.ready = "yes";
"""

FRAMES = """
window.frames_ = (n, shift) => {
  const frame = Array.from({length: n}, (_, i) => i + 1);
  return {
    title: "Spots and resolution", height: 240, x: {label: "frame", unit: "", values: frame, range: [1, n]},
    series: [
      {label: "spots", unit: "", values: frame.map((f) => f === 3 ? null : 10 * f + shift), colour: "a"},
      {label: "resolution", unit: "\\u00c5", values: frame.map((f) => 1 + f / 100), colour: "b",
       style: "points", axis: "right"},
    ],
    onClick: (index) => { window.clicked = index; },
  };
};
"""


@dataclass
class Bench:
    """An empty page of the site with the scripts."""

    page: Page

    def legend(self, element: str = "one") -> list[str]:
        """What stands below the plot: x, then a text per series."""
        return self.page.locator(f"#{element} .plot-value").all_text_contents()

    def press(self, *keys: str) -> None:
        """Press keys."""
        for key in keys:
            self.page.keyboard.press(key)

    def until(self, condition: str) -> None:
        """Wait for a condition; the pages' policy does not let Playwright wait by itself."""
        for _ in range(100):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never: {condition}")

    def settle(self) -> None:
        """Two frames of the browser, so that all is drawn."""
        self.page.evaluate("new Promise((ok) => requestAnimationFrame(() => requestAnimationFrame(ok)))")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture
def opened(site, browser):
    """Makes benches in a light or a dark window of a width."""
    static = Renderer(site.parts).static
    html = HTML.format(uplot=static("vendor/uPlot.min.css"))
    script = SETUP.format(plots=static("plots.js"), heat=static("heatmap.js")) + FRAMES
    policy = {"Content-Security-Policy": PAGES_POLICY, "Content-Type": "text/html"}

    @contextmanager
    def bench(scheme: str = "light", width: int = 1000) -> Iterator[Bench]:
        size = {"width": width, "height": 800}
        with page_of(browser, site.url, "/healthz", viewport=size, color_scheme=scheme) as page:
            page.route("**/bench", lambda route: route.fulfill(body=html, headers=policy))
            page.route(
                "**/bench.js", lambda route: route.fulfill(body=script, content_type="text/javascript")
            )
            page.goto(f"{site.url}/bench")
            page.wait_for_selector("body[data-ready]", state="attached")
            yield Bench(page)

    return bench


def plotted(bench: Bench, n: int = 200) -> None:
    bench.page.evaluate(f"window.plot = linePlot(document.getElementById('one'), frames_({n}, 0))")
    bench.until("[...document.styleSheets].some((sheet) => sheet.href?.endsWith('plots.css'))")
    bench.settle()


def ink(bench: Bench, css: str) -> int:
    """How many pixels of the plot have a colour given as a CSS variable."""
    return bench.page.evaluate(
        """(name) => {
          const probe = document.createElement("i");
          probe.style.color = `var(${name})`; document.body.append(probe);
          const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map(Number); probe.remove();
          const canvas = document.querySelector("#one .uplot canvas");
          const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let n = 0;
          for (let i = 0; i < data.length; i += 4)
            if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255) n++;
          return n;
        }""",
        css,
    )


def test_keys_move_the_cursor_and_values_carry_units(opened):
    with opened() as bench:
        plotted(bench)
        bench.page.focus("#one .plot-canvas")
        bench.press("ArrowRight", "ArrowRight")
        assert bench.legend() == ["2", "20", "1.02 Å"]
        bench.press("ArrowRight")
        assert bench.legend() == ["3", "no value", "1.03 Å"]  # a gap
        bench.press("End")
        assert bench.legend() == ["200", "2000", "3 Å"]
        bench.press("ArrowRight", "PageDown")
        assert bench.legend()[0] == "180"
        bench.until(
            "document.querySelector('#one [aria-live]').textContent === "
            "'frame 180, spots 1800, resolution 2.8 \\u00c5'"
        )
        bench.press("Enter")
        assert bench.page.evaluate("window.clicked") == 179


def test_the_pointer_reads_out_and_chooses(opened):
    with opened() as bench:
        plotted(bench)
        area = bench.page.locator("#one .u-over").bounding_box()
        bench.page.mouse.move(area["x"] + area["width"] / 2, area["y"] + 20)
        bench.settle()
        assert abs(int(bench.legend()[0]) - 100) <= 1
        frame = int(bench.legend()[0])
        assert bench.legend()[1] == str(10 * frame)
        bench.page.mouse.click(area["x"] + area["width"] / 2, area["y"] + 20)
        assert bench.page.evaluate("window.clicked") == frame - 1


def test_new_values_do_not_make_a_new_plot(opened):
    """3,600 frames ten times a second: the same canvas of the same height, and the cursor stays."""
    with opened() as bench:
        plotted(bench, 3600)
        height = bench.page.locator("#one").bounding_box()["height"]
        bench.page.evaluate("document.querySelector('#one .uplot canvas').dataset.mine = 'yes'")
        bench.page.focus("#one .plot-canvas")
        bench.press("End")
        bench.page.evaluate("plot.update(frames_(3600, 10))")
        bench.settle()
        assert bench.legend() == ["3600", "36010", "37 Å"]
        assert bench.page.locator("#one .uplot canvas[data-mine]").count() == 1
        assert bench.page.locator("#one").bounding_box()["height"] == height
        bench.page.evaluate("plot.update(frames_(100, 5))")
        bench.settle()
        assert bench.legend()[:2] == ["100", "1005"]


def test_colours_are_those_of_the_scheme_and_follow_it(opened):
    with opened() as bench:
        plotted(bench)
        assert ink(bench, "--plot-a") > 100 and ink(bench, "--plot-b") > 100
        light = bench.page.evaluate("getComputedStyle(document.body).getPropertyValue('--plot-a')")
        bench.page.emulate_media(color_scheme="dark")
        bench.settle()
        dark = bench.page.evaluate("getComputedStyle(document.body).getPropertyValue('--plot-a')")
        assert dark != light
        assert ink(bench, "--plot-a") > 100 and ink(bench, "--plot-b") > 100


@pytest.mark.parametrize(("scheme", "paper"), [("light", "#ffffff"), ("dark", "#14181d")])
def test_colours_stand_out(opened, scheme, paper):
    """WCAG 2.2, 1.4.11: 3:1 against the page."""
    with opened(scheme) as bench:
        plotted(bench)
        for name in ("a", "b", "c", "d", "ink"):
            colour = bench.page.evaluate(
                f"getComputedStyle(document.body).getPropertyValue('--plot-{name}').trim()"
            )
            assert contrast(colour, paper) >= 3, (name, colour)


def contrast(one: str, other: str) -> float:
    """WCAG's ratio of the luminances of two colours as #rrggbb."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance, IEC 61966-2-1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_resolution_runs_from_low_to_high_and_a_log_axis_leaves_out_zero(opened):
    with opened() as bench:
        bench.page.evaluate(
            """linePlot(document.getElementById("one"), {title: "Shells", height: 240, yScale: "log",
               x: {label: "resolution", unit: "\\u00c5", scale: "resolution", values: [1.5, 50, 3, 2]},
               series: [{label: "I/sigma", unit: "", values: [0, 40, 10, 2]}]})"""
        )
        bench.settle()
        bench.page.focus("#one .plot-canvas")
        read = []
        for key in ("Home", "ArrowRight", "ArrowRight", "ArrowRight"):
            bench.press(key)
            read.append(tuple(bench.legend()))
        assert read == [("50 Å", "40"), ("3 Å", "10"), ("2 Å", "2"), ("1.5 Å", "no value")]


def test_a_plot_says_what_it_shows(opened):
    with opened() as bench:
        plotted(bench, 10)
        canvas = bench.page.locator("#one .plot-canvas")
        assert canvas.get_attribute("role") == "img"
        assert canvas.get_attribute("aria-label") == (
            "Spots and resolution, against frame. spots: 9 values from 10 to 100; "
            "resolution: 10 values from 1.01 Å to 1.1 Å."
        )
        bench.page.evaluate("plot.update({...frames_(0, 0), empty: 'Waits for the first frame'})")
        bench.settle()
        assert bench.page.locator("#one .plot-empty").text_content() == "Waits for the first frame"


def test_a_plot_takes_the_width_it_gets(opened):
    with opened(width=390) as bench:
        plotted(bench)
        narrow = bench.page.locator("#one .uplot canvas").bounding_box()["width"]
        assert narrow <= 390
        bench.page.set_viewport_size({"width": 900, "height": 800})
        bench.until("document.querySelector('#one .uplot').clientWidth > 800")


@dataclass(frozen=True)
class Frame:
    """An analysed frame as far as a map needs it."""

    number: int
    n_spots_good: int
    intensity: float
    d_min: float | None


def test_scores_are_those_of_the_map(opened):
    some = random.Random(3)
    frames = [
        Frame(n, some.randrange(300), some.uniform(0, 1e6), some.choice([None, some.uniform(1, 9)]))
        for n in range(200)
    ]
    rows = [{"spots": f.n_spots_good, "intensity": f.intensity, "d_min": f.d_min} for f in frames]
    with opened() as bench:
        for kind in Score:
            found = bench.page.evaluate(
                f"{json.dumps(rows)}.map((row) => scoreOf({json.dumps(kind.value)}, row))"
            )
            assert found == pytest.approx([score_of(frame, kind) for frame in frames])
        assert bench.page.evaluate("scoreOf('spots', {spots: null, intensity: null, d_min: null})") is None


def test_rows_given_twice_do_not_double(opened):
    with opened() as bench:
        bench.page.evaluate(
            """
            window.map = heatMap(document.getElementById("one"), {onCell: (cell) => { window.cell = cell; }});
            map.update({grid: {columns: 3, rows: 2, step_um: [20, 10]}, numbers: [[1, 2, 3], [6, 5, 4]],
                        columns: {frame: [1, 2], spots: [5, 7], d_min: [3, null], verdict: ["good", "weak"]},
                        crystals: []});
            map.update({columns: {frame: [2, 4], spots: [9, null], d_min: [2.5, null],
                                  verdict: ["good", "failed"]}});
            """
        )
        bench.settle()
        canvas = bench.page.locator("#one .heat-canvas")
        assert "3 by 2 cells, 2 with an answer. Spots up to 9" in canvas.get_attribute("aria-label")
        box = {name: float(canvas.get_attribute(f"data-{name}")) for name in ("cell-width", "cell-height")}
        assert box["cell-width"] == pytest.approx(2 * box["cell-height"], rel=1e-3)
        bench.page.focus("#one .heat-canvas")
        bench.press("ArrowRight", "ArrowRight", "Enter")
        assert bench.page.evaluate("window.cell") == {"column": 1, "row": 0, "frame": 2}
        bench.press("ArrowRight", "ArrowDown")
        bench.until(
            "document.querySelector('#one [aria-live]').textContent.includes('frame 4, cannot be read')"
        )
