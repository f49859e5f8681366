"""What is asked of the catalogue, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from beampace.core.dataset import DatasetKind
from beampace.store.records import DatasetRow, JobRow, Recommendation, ResultRow


class Sort(StrEnum):
    """By what datasets are sorted."""

    NUMBER = "number"
    SAMPLE = "sample"
    NAME = "name"
    KIND = "kind"
    GROUP = "group"
    FRAMES = "frames"
    VERDICT = "verdict"
    SPACE_GROUP = "space_group"
    D_MIN = "d_min"
    COMPLETENESS = "completeness"
    MULTIPLICITY = "multiplicity"
    R_MEAS = "r_meas"
    CC_HALF = "cc_half"
    I_OVER_SIGMA = "i_over_sigma"
    CC_ANOM = "cc_anom"
    SEEN = "seen"


@dataclass(frozen=True, slots=True)
class CatalogueQuery:
    """Which datasets, in which order.

    Attributes:
        search: words; each is looked for in sample, name, place, group, space group and verdict.
        kind, group, state: only these; None or "" for all.
        verdict: a tone (`core.tone`) or a code; "" for all.
        space_group: a symbol, with or without blanks; also what the data cannot tell from it.
        sort, descending: the order; what has no value comes last in either direction.
        limit, offset: which rows of it.
    """

    search: str = ""
    kind: DatasetKind | None = None
    group: str = ""
    state: str = ""
    verdict: str = ""
    space_group: str = ""
    sort: Sort = Sort.NUMBER
    descending: bool = True
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """A dataset with what belongs to it.

    Attributes:
        dataset: the dataset.
        shown: the recommended result, else the newest one; that of a look only where there is no other.
        recommendation: what is recommended, or None.
        results, jobs: all of them, the newest first.
    """

    dataset: DatasetRow
    shown: ResultRow | None = None
    recommendation: Recommendation | None = None
    results: tuple[ResultRow, ...] = ()
    jobs: tuple[JobRow, ...] = ()


@dataclass(frozen=True, slots=True)
class CataloguePage:
    """Some rows of an answer.

    Attributes:
        rows: those asked for.
        total: how many there are.
        kinds: kind -> how many there are by the other filters.
    """

    rows: tuple[CatalogueRow, ...]
    total: int
    kinds: Mapping[str, int]
