"""Index pages: what they show, to whom, and whose files they leave alone."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

from beampace.results.index_page import IndexRow, index_html, index_names, write_indexes

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROW = IndexRow(
    group="", place="user/s1/rotational_001", dataset="scan", kind="rotation", work="process", engine="dials",
    directory="user/s1/rotational_001/beampace/process_001", code="merged", words="Merged to 1.80 Å.",
    created=NOW, space_group="P 43 21 2", cell=(78.5, 78.5, 37.4, 90, 90, 90), d_min=1.8, completeness=0.987,
    files={"report": "report.html", "merged": "merged.mtz"},
)  # fmt: skip
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=y>'


class Page(HTMLParser):
    """Tags, addresses and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.cells: list[str] = []
        self.policy = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name == "href"]
        if ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"]

    def handle_data(self, data):
        if data.strip():
            self.cells.append(data.strip())


def test_what_a_row_shows():
    page = Page(index_html([ROW], "Beamtime 11000001"))
    for text in ("scan", "rotation", "Merged to 1.80 Å.", "P 43 21 2", "78.5 78.5 37.4, 90.0 90.0 90.0",
                 "1.80 Å", "99 %", "process, dials", "2026-05-01 12:00:00 UTC"):  # fmt: skip
        assert any(text in cell for cell in page.cells), (text, page.cells)
    assert page.addresses == [
        "./user/s1/rotational_001/beampace/process_001/",
        "./user/s1/rotational_001/beampace/process_001/report.html",
    ]
    assert "script" not in page.tags and page.policy.startswith("default-src 'none'")


def test_nothing_of_a_row_becomes_markup():
    row = replace(
        ROW, dataset=HOSTILE, words=HOSTILE, place=HOSTILE, space_group=HOSTILE, kind=HOSTILE,
        directory="user/'\"><script>/x", files={"report": "../../../etc/passwd", "plot": "a#b?.png"},
    )  # fmt: skip
    page = Page(index_html([row], HOSTILE))
    assert "script" not in page.tags and "img" not in page.tags
    assert all(address.startswith("./user/") and ".." not in address for address in page.addresses)
    assert page.addresses[1].endswith("/a%23b%3F.png") and len(page.addresses) == 2


def test_newest_first():
    rows = [replace(ROW, dataset=f"scan{n}", created=NOW + timedelta(minutes=n)) for n in (1, 3, 2)]
    page = Page(index_html(rows, "t"))
    assert [cell for cell in page.cells if cell.startswith("scan")] == ["scan3", "scan2", "scan1"]


def test_one_group_has_the_index_and_several_have_none_in_common(tmp_path):
    assert write_indexes(tmp_path, [ROW], "t") == (tmp_path / "index.html",)
    assert write_indexes(tmp_path, [ROW], "t") == ()
    two = [replace(ROW, group="alpha", dataset="of_alpha"), replace(ROW, group="beta", dataset="of_beta")]
    assert {path.name for path in write_indexes(tmp_path, two, "t")} == {
        "index_alpha.html", "index_beta.html", "index.html",
    }  # fmt: skip
    texts = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert "of_alpha" in texts["index_alpha.html"] and "of_beta" not in texts["index_alpha.html"]
    assert "of_" not in texts["index.html"] and "scan" not in texts["index.html"]
    assert "alpha" not in texts["index.html"] and (tmp_path / "index.html").stat().st_mode & 0o777 == 0o644


def test_a_group_without_results_is_a_group(tmp_path):
    write_indexes(tmp_path, [replace(ROW, group="alpha")], "t", groups=["alpha", "beta"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index_alpha.html", "index_beta.html"]


def test_pages_of_different_groups_never_share_a_name():
    names = index_names(["a/b", "a b", "A_b", "", "../x", "plain"])
    assert len({name.lower() for name in names.values()}) == 6
    assert names["plain"] == "index_plain.html"
    assert all(
        "/" not in name and name.startswith("index_") and name.endswith(".html") for name in names.values()
    )


def test_an_index_of_somebody_else_stays(tmp_path):
    (tmp_path / "index.html").write_text("<html>presenter</html>")
    assert write_indexes(tmp_path, [ROW], "t") == (tmp_path / "index_beampace.html",)
    assert (tmp_path / "index.html").read_text() == "<html>presenter</html>"
    two = [replace(ROW, group=group, dataset=f"of_{group}") for group in ("alpha", "beta")]
    write_indexes(tmp_path, two, "t")
    assert (tmp_path / "index.html").read_text() == "<html>presenter</html>"
    assert "scan" not in (tmp_path / "index_beampace.html").read_text()


def test_links_and_a_missing_directory(tmp_path):
    assert write_indexes(tmp_path / "processed", [ROW], "t") == () and not (tmp_path / "processed").exists()
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "processed").mkdir()
    (tmp_path / "processed/index.html").symlink_to(tmp_path / "precious")
    assert write_indexes(tmp_path / "processed", [ROW], "t") == (tmp_path / "processed/index_beampace.html",)
    assert (tmp_path / "precious").read_text() == "kept"


def test_five_hundred_datasets_are_cheap(tmp_path):
    rows = [replace(ROW, dataset=f"scan{n}", created=NOW + timedelta(minutes=n)) for n in range(500)]
    before = time.process_time()
    write_indexes(tmp_path, rows, "t")
    assert time.process_time() - before < 1.0
    assert (tmp_path / "index.html").stat().st_size < 1_000_000


def test_why_a_result_is_recommended():
    chosen = replace(ROW, recommended=True, reason=f"Preferred to {HOSTILE}.")
    text = index_html([chosen], "")
    assert "Recommended." in text
    assert "<script>" not in text
    assert any(f"Preferred to {HOSTILE}." in cell for cell in Page(text).cells)
