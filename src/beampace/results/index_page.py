"""Index pages in `processed/`: what there is, newest first, from the file system alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from beampace.core.taxonomy import Failure
from beampace.eiger import plain_name
from beampace.results.below import read_below, write_below
from beampace.results.report import badge, environment
from beampace.results.verdict import percent

INDEX = "index.html"
OURS = "index_beampace.html"
"""Taken where somebody else, such as P11's presenter, keeps an `index.html`."""

MARK = b'<meta name="generator" content="beampace">'
"""By this a page is known to be ours; nobody else's is replaced."""

MARK_WITHIN = 2000

LINKS: Mapping[str, str] = MappingProxyType({"report": "report", "plot": "picture", "log": "log"})
"""Name of a file of a result to what its link is called."""


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A result in an index.

    Attributes:
        group: whose it is; "" where there is only one.
        place: directory of the dataset, relative to `raw` and `processed`.
        dataset, kind: name and kind of the dataset.
        work, engine: what was done, by what ("" for none).
        directory: of the result, relative to `processed`.
        code, words: of the verdict.
        created: when it was made.
        space_group: symbol, or what is left of it in words; "" if unknown.
        cell: a, b, c in angstrom, angles in degrees, or None.
        d_min: angstrom, or None; completeness: 0 to 1, or None.
        files: name to path relative to the result's directory.
        recommended: whether it is the result to use; reason: why.
    """

    group: str
    place: str
    dataset: str
    kind: str
    work: str
    engine: str
    directory: str
    code: str
    words: str
    created: datetime
    space_group: str = ""
    cell: tuple[float, float, float, float, float, float] | None = None
    d_min: float | None = None
    completeness: float | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    recommended: bool = False
    reason: str = ""


def index_html(rows: Iterable[IndexRow], title: str) -> str:
    """The text of one index; rows may come in any order. Everything in it is escaped."""
    newest = sorted(rows, key=lambda row: row.created, reverse=True)
    return (
        environment()
        .get_template("index.html.j2")
        .render(title=title, rows=[_shown(row) for row in newest], mark=MARK.decode())
    )


def index_names(groups: Iterable[str]) -> Mapping[str, str]:
    """Group to the name of its page: `index.html` for one group, `index_<group>.html` for several."""
    wanted = sorted(set(groups))
    if len(wanted) <= 1:
        return dict.fromkeys(wanted, INDEX)
    plain = {group: plain_name(group) for group in wanted}
    taken = [name.lower() for name in plain.values()]
    return {
        group: f"index_{name}{_digest(group) if taken.count(name.lower()) > 1 or name != group else ''}.html"
        for group, name in plain.items()
    }


def write_indexes(
    processed: Path,
    rows: Iterable[IndexRow],
    title: str,
    groups: Iterable[str] = (),
    lists: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[Path, ...]:
    """Bring the index pages up to date; returns those that were written anew.

    One group has `index.html`. With several each has its own page, and an `index.html` of ours that listed
    one of them is emptied: nothing is listed for all. Pages of others are left alone, and links are not
    followed.

    Args:
        processed: root of the results; where it is missing nothing is written.
        rows: all results of the beamtime.
        title: of the beamtime.
        groups: of the beamtime, also those without a result yet: with several, nothing is listed for all.
        lists: group to the access list of its page; those of other groups everybody may read.

    Raises:
        InfrastructureError: a page cannot be written (not_writable, disk_full).
    """
    if not processed.is_dir():
        return ()
    by_group: dict[str, list[IndexRow]] = {group: [] for group in groups}
    for row in rows:
        by_group.setdefault(row.group, []).append(row)
    pages = {
        name: (index_html(by_group[group], title), lists.get(group))
        for group, name in index_names(by_group).items()
    }
    if INDEX in pages and not _may_replace(processed, INDEX):
        pages = {OURS: pages[INDEX]}
    elif len(by_group) > 1:
        pages |= {name: (index_html((), title), None) for name in (INDEX, OURS) if _is_ours(processed, name)}
    return tuple(
        processed / name
        for name, (text, access) in pages.items()
        if write_below(processed, name, text, access)
    )


def _shown(row: IndexRow) -> dict[str, object]:
    """A row as the template wants it."""
    mark = badge(row.code)
    return {
        "row": row,
        "tone": "good" if _is_success(row.code) and mark.tone == "poor" else mark.tone,
        "created": row.created.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "done": f"{row.work}, {row.engine}" if row.engine else row.work,
        "cell": "" if row.cell is None else _cell(row.cell),
        "d_min": "" if row.d_min is None else f"{row.d_min:.2f} Å",
        "completeness": "" if row.completeness is None else percent(row.completeness),
        "links": _links(row),
    }


def _cell(cell: tuple[float, ...]) -> str:
    return (
        " ".join(f"{edge:.1f}" for edge in cell[:3]) + ", " + " ".join(f"{angle:.1f}" for angle in cell[3:])
    )


def _is_success(code: str) -> bool:
    return code not in Failure.__members__.values()


def _links(row: IndexRow) -> list[tuple[str, str]]:
    """What the link is called, and an address that can only be a file below the page's directory."""
    found = [(words, row.files[name]) for name, words in LINKS.items() if name in row.files]
    addresses = [("files", f"{row.directory}/")] + [
        (words, f"{row.directory}/{path}") for words, path in found
    ]
    return [(words, "./" + quote(path)) for words, path in addresses if _is_below(path)]


def _is_below(path: str) -> bool:
    return not path.startswith("/") and ".." not in path.split("/")


def _is_ours(processed: Path, name: str) -> bool:
    found = read_below(processed, name, MARK_WITHIN)
    return found is not None and MARK in found


def _may_replace(processed: Path, name: str) -> bool:
    path = processed / name
    return _is_ours(processed, name) or not (path.exists() or path.is_symlink())


def _digest(group: str) -> str:
    """Tells groups apart whose names would make one file name."""
    return "-" + hashlib.sha256(group.encode()).hexdigest()[:6]
