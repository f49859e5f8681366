"""The report as a browser would take it apart, and the rows for a terminal."""

from __future__ import annotations

import base64
import math
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.core.verdict import Verdict
from beampace.results.build import build_result
from beampace.results.plots import MAX_POINTS, thinned
from beampace.results.report import badge, report_html, tiles, write_report
from beampace.results.schema import Result, Try
from beampace.results.series import columns_of
from beampace.results.statistics import statistics_of
from beampace.results.summary import SHELL_HEAD, shell_rows, summary_rows
from beampace.results.verdict import judge

HOSTILE = '<script>alert("x")</script>&'


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data) -> None:
        self.text += data.replace("\u00a0", " ")

    def values(self, *names: str) -> list[str]:
        return [
            value or "" for _, attributes in self.tags for name, value in attributes.items() if name in names
        ]


@pytest.fixture
def result(dataset, ledger, record) -> Result:
    found = statistics_of(record.unmerged, d_min_reason="The detector ends there.")
    columns = columns_of(record.unmerged, record.series)
    tries = [
        Try(engine="dials", what=HOSTILE, why="First try.", outcome="not_integrated", words="Too few spots."),
        Try(engine="dials", what="Few spots", why="Thin sweep.", outcome="merged", seconds=41.0),
    ]
    return build_result(
        "process", dataset, ledger, None, record, judge(dataset, ledger, record, found, columns=columns),
        {"last_frame_to_result_s": 18.2}, {"title": HOSTILE}, {"beampace": HOSTILE}, tries,
        statistics=found, columns=columns, created=datetime(2026, 1, 1, tzinfo=UTC),
        files={"merged": "merged.mtz", "odd": "javascript:alert(1)", "deep": 'a b/"c".log'},
    )  # fmt: skip


def test_says_what_matters(result) -> None:
    page = Page(report_html(result))
    for text in (
        result.verdict.words, result.verdict.next_step, *result.verdict.warnings, "not decided: P 43 21 2",
        "78.50 78.50 37.50 Å, 90 90 90°", "4/mmm (98 % likely)", "97 % (970 of 1000)",
        "The detector ends there.",
        "x_data_000002.h5 ends within frame <41>", "41 to 43", "2 announced frames never appeared",
        "Thin sweep.",
        "last frame to result", "18.2 s", "indexing.method=fft1d", "2026-01-01 00:00:00 UTC", "E-32-0100/77",
    ):  # fmt: skip
        assert text in page.text


def test_needs_no_network_and_runs_nothing(result) -> None:
    page = Page(report_html(result))
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert all(value.startswith("data:image/svg+xml;base64,") for value in page.values("src", "srcset"))
    assert all(value.startswith("./") for value in page.values("href"))
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    policy = next(a for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy["content"]


def test_text_from_data_is_escaped(result) -> None:
    html = report_html(result)
    assert "<b>&co" not in html and HOSTILE not in html
    page = Page(html)
    assert page.text.count(HOSTILE) == 3
    assert "lyso<b>&co_001" in page.text


def test_addresses_of_files_stay_below_the_report(result) -> None:
    assert Page(report_html(result)).values("href") == [
        "./merged.mtz", "./javascript%3Aalert%281%29", "./a%20b/%22c%22.log",
    ]  # fmt: skip


def test_every_plot_is_there_in_light_and_dark(result) -> None:
    page = Page(report_html(result))
    captions = ("CC1/2", "I/σ(I)", "Completeness", "R meas", "Spots", "Scale", "R merge")
    assert all(f"{text} " in page.text for text in captions)
    light, dark = page.values("src"), page.values("srcset")
    assert len(light) == len(dark) >= 8
    for one, other in zip(light, dark, strict=True):
        assert one != other
        for uri in (one, other):
            svg = ElementTree.fromstring(base64.b64decode(uri.split(",", 1)[1]))
            assert svg.tag.endswith("svg")


def test_same_result_gives_the_same_report(result) -> None:
    assert report_html(result) == report_html(result)


def test_values_from_a_handful_are_not_key_figures(result) -> None:
    few = result.statistics.overall.model_copy(update={"n_repeated": 4})
    made = result.model_copy(update={"statistics": result.statistics.model_copy(update={"overall": few})})
    shown = {tile.label: tile.overall for tile in tiles(made)}
    assert shown["CC1/2"] == "-" and shown["R meas"] == "-"
    assert {tile.label: tile.overall for tile in tiles(result)}["CC1/2"] == f"{few.cc_half:.3f}"


def test_table_has_every_shell(result) -> None:
    rows = shell_rows(result)
    assert len(rows) == len(result.statistics.shells) + 1
    assert {len(row) for row in rows} == {len(SHELL_HEAD)}
    assert rows[-1][-1] == str(result.statistics.overall.n_unique)


@pytest.mark.parametrize("code", list(Failure))
def test_every_failure_has_a_report(code, dataset, ledger, tmp_path) -> None:
    verdict = Verdict.of(failure(code, "Particulars <here>."))
    made = build_result("process", dataset, ledger, None, None, verdict)
    page = Page(write_report(tmp_path, made).read_text())
    assert verdict.words in page.text and verdict.next_step in page.text
    assert badge(code.value).word in page.text


def test_failure_without_dataset(tmp_path) -> None:
    made = build_result("process", None, None, None, None, Verdict("not_a_dataset", "Words.", "Next step."))
    page = Page(report_html(made))
    assert "Words." in page.text and "Input cannot be used" in page.text


def test_badges_say_how_to_take_it() -> None:
    assert badge("merged").tone == "good"
    assert badge("little_data").tone == "fair"
    assert badge("no_diffraction").word == "No merged data"
    assert badge("disk_full").tone == "poor"
    assert badge("cancelled").word == "Cancelled"
    assert badge("something new").word == "Processing failed"


def test_long_series_are_thinned_without_losing_gaps() -> None:
    x = np.arange(1.0, 3601.0)
    y = np.where(x <= 1800, 1.0, math.nan)
    short_x, short_y = thinned(x, y)
    assert len(short_x) == len(short_y) == MAX_POINTS
    assert short_x[0] == 5.0
    assert (short_y[:200] == 1).all() and np.isnan(short_y[200:]).all()


def test_rows_for_a_terminal(result) -> None:
    rows = summary_rows(result)
    assert rows[0] == ("Verdict", result.verdict.words)
    assert rows[1] == ("Next step", result.verdict.next_step)
    found = dict(rows)
    assert found["Space group"] == "not decided: P 43 21 2 or P 41 21 2"
    assert found["Frames"].startswith("94 of 100 usable")
    assert "CC1/2" in found["All data"] and "unique" in found["Outer shell"]
    assert "not_integrated" in found["Tries"]


def test_rows_of_a_failure() -> None:
    made = build_result("process", None, None, None, None, Verdict("disk_full", "Full.", "Free space."))
    assert summary_rows(made) == [("Verdict", "Full."), ("Next step", "Free space.")]
    assert shell_rows(made) == []
