"""The terms of the catalogue's statements: which result is shown, filters, orders. For both databases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, case, func, literal, or_, select

from beampace.core.scope import Scope
from beampace.core.space_group import space_group_symbol
from beampace.core.tone import FAIR, PLAIN, POOR, TONES
from beampace.core.work import WorkName
from beampace.store.catalogue_records import CatalogueQuery, Sort
from beampace.store.columns import Words
from beampace.store.tables import datasets, jobs, recommendations, results

MOST_WORDS = 8
"""Words of a search that are looked for; more are not."""

_NUMBERS = {
    Sort.D_MIN: "d_min",
    Sort.COMPLETENESS: "completeness",
    Sort.MULTIPLICITY: "multiplicity",
    Sort.R_MEAS: "r_meas",
    Sort.CC_HALF: "cc_half",
    Sort.I_OVER_SIGMA: "mean_i_over_sigma",
    Sort.CC_ANOM: "cc_anom",
}
_OF_DATASETS: Mapping[Sort, ColumnElement[Any]] = {
    Sort.NUMBER: datasets.c.id,
    Sort.SAMPLE: func.nullif(func.lower(datasets.c.sample), ""),
    Sort.NAME: func.lower(datasets.c.name),
    Sort.KIND: datasets.c.kind,
    Sort.GROUP: func.lower(datasets.c.group),
    Sort.FRAMES: datasets.c.n_announced,
    Sort.SEEN: datasets.c.seen,
}
"""Orders for which no result has to be looked at."""


def within(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """The conditions on `datasets` that keep a question in its scope."""
    found: list[ColumnElement[bool]] = []
    if scope.beamtime is not None:
        found.append(datasets.c.beamtime == scope.beamtime)
    if scope.group is not None:
        found.append(datasets.c.group == scope.group)
    return tuple(found)


def shown() -> ColumnElement[int]:
    """Number of the result that is shown of a row of `datasets` (joined with its recommendation)."""
    return func.coalesce(recommendations.c.result, _newest())


def _newest() -> ScalarSelect[int]:
    one, of = results.alias("newest"), jobs.alias("newest_job")
    last = case((of.c.work == WorkName.LOOK.value, 1), else_=0)
    query = select(one.c.id).join(of, one.c.job == of.c.key).where(of.c.dataset == datasets.c.id)
    return (
        query.order_by(last, one.c.id.desc()).limit(1).correlate(datasets, recommendations).scalar_subquery()
    )


def with_recommendation(query: Select[Any]) -> Select[Any]:
    """A query of `datasets` with what is recommended, if anything."""
    return query.select_from(datasets).outerjoin(recommendations, recommendations.c.dataset == datasets.c.id)


def with_shown(query: Select[Any]) -> Select[Any]:
    """The same with the result that is shown."""
    joined = datasets.outerjoin(recommendations, recommendations.c.dataset == datasets.c.id)
    return query.select_from(joined.outerjoin(results, results.c.id == shown()))


def needs_result(query: CatalogueQuery, *, sorted_too: bool) -> bool:
    """Whether a query cannot be answered without looking at results."""
    filtered = bool(query.search.split() or query.verdict or query.space_group.strip())
    return filtered or (sorted_too and query.sort not in _OF_DATASETS)


def filters(query: CatalogueQuery, *, but_kind: bool = False) -> Iterator[ColumnElement[bool]]:
    """The conditions of a query, all of them or all but that on the kind."""
    if query.kind is not None and not but_kind:
        yield datasets.c.kind == query.kind.value
    if query.group:
        yield datasets.c.group == query.group
    if query.state:
        yield datasets.c.state == query.state
    if query.verdict:
        yield _has_verdict(query.verdict)
    if query.space_group.strip():
        yield _is_like(_symbols(), _close(query.space_group))
    if query.search.split():
        yield _holds(query.search)


def order(query: CatalogueQuery) -> tuple[ColumnElement[Any], ...]:
    """The order; of datasets that are alike the newest comes first, so that pages do not overlap."""
    value = _value(query.sort)
    turned = value.desc() if query.descending else value.asc()
    if query.sort is Sort.NUMBER:
        return (turned,)
    return (turned.nulls_last(), datasets.c.id.desc())


def _value(sort: Sort) -> ColumnElement[Any]:
    if sort in _NUMBERS:
        return _figure(_NUMBERS[sort])
    if sort is Sort.VERDICT:
        return _rank()
    if sort is Sort.SPACE_GROUP:
        return _text("space_group")
    return _OF_DATASETS[sort]


def _figure(name: str) -> ColumnElement[float]:
    found: ColumnElement[float] = results.c.summary[name].as_float()
    return found


def _text(name: str) -> ColumnElement[str]:
    found: ColumnElement[str] = results.c.summary[name].as_string()
    return found


def _rank() -> ColumnElement[Any]:
    """Tones in their order, within a tone the code; nothing where there is no result."""
    code = results.c.code
    ranks = ((code.in_(POOR), "2"), (code.in_(PLAIN), "3"), (code.in_(FAIR), "1"))
    return case(
        (code.is_(None), None), *((when, literal(rank) + code) for when, rank in ranks), else_="0" + code
    )


def _has_verdict(wanted: str) -> ColumnElement[bool]:
    code = results.c.code
    if wanted not in TONES:
        return code == wanted
    if wanted == "good":
        return code.not_in(POOR | PLAIN | FAIR)
    if wanted == "plain":
        return or_(code.is_(None), code.in_(PLAIN))
    return code.in_(FAIR if wanted == "fair" else POOR)


def _holds(search: str) -> ColumnElement[bool]:
    """Every word somewhere, or all of it, without blanks, in a space group.

    A symbol written with blanks is looked for as a whole: its parts are everywhere.
    """
    whole = " ".join(search.split())
    words = [whole] if " " in whole and _is_symbol(whole) else whole.split()[:MOST_WORDS]
    return or_(and_(*(_is_somewhere(word) for word in words)), _is_like(_symbols(), _close(search)))


def _is_somewhere(word: str) -> ColumnElement[bool]:
    c = datasets.c
    places = (c.sample, c.name, c.place, c.group, results.c.words)
    return or_(*(_is_like(func.lower(place), word) for place in places), _is_like(_symbols(), word))


def _is_symbol(text: str) -> bool:
    try:
        space_group_symbol(text)
    except ValueError:
        return False
    return True


def _symbols() -> ColumnElement[str]:
    """The space group and all that the data cannot tell from it, as one text without blanks."""
    known = func.coalesce(_text("candidates"), _text("space_group"), "")
    return func.replace(func.lower(known), " ", "")


def _is_like(where: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    """Whether a text holds a word as it is written; both are made small by the database, so alike."""
    plain = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return where.like(func.lower(literal(f"%{plain}%", Words())), escape="\\")


def _close(text: str) -> str:
    return "".join(text.split())
