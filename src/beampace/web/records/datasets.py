"""The list of datasets, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from beampace.core.dataset import DatasetKind
from beampace.store import CatalogueQuery, Sort
from beampace.web.answers import Told
from beampace.web.records.lines import DatasetLine

MOST_ROWS = 500
"""Rows of one page."""


class DatasetsQuery(BaseModel):
    """Which datasets, in which order: the query of the address. Empty values ask for nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    search: str = Field(default="", max_length=200)
    """Words looked for in sample, name, place, group, space group and verdict; each has to be somewhere."""
    kind: Literal["", "rotation", "screening", "grid", "stills"] = ""
    """Only this kind."""
    group: str = Field(default="", max_length=200)
    """Only this group."""
    state: Literal["", "growing", "complete", "stopped"] = ""
    """Only datasets that stand so."""
    verdict: str = Field(default="", max_length=50, pattern=r"^[a-z0-9_]*$")
    """Only this tone (`good`, `fair`, `poor`, `plain`) or this code."""
    space_group: str = Field(default="", max_length=32)
    """Only this space group, or what cannot be told from it; with or without blanks."""
    sort: Sort = Sort.NUMBER
    """By what they are sorted; what has no value comes last."""
    direction: Literal["down", "up"] = "down"
    """`down`: the greatest or newest first."""
    limit: int = Field(default=50, ge=1, le=MOST_ROWS)
    """Most rows."""
    offset: int = Field(default=0, ge=0, le=10_000_000)
    """Rows left out before them."""
    beamtime: str = Field(default="", max_length=200)
    """Id of the beamtime; the open one, else the last, by default."""

    def asked(self) -> CatalogueQuery:
        """The question to the ledger."""
        return CatalogueQuery(
            search=self.search,
            kind=DatasetKind(self.kind) if self.kind else None,
            group=self.group,
            state=self.state,
            verdict=self.verdict,
            space_group=self.space_group,
            sort=self.sort,
            descending=self.direction == "down",
            limit=self.limit,
            offset=self.offset,
        )


class DatasetsPage(Told):
    """Some rows of the list."""

    rows: tuple[DatasetLine, ...] = ()
    """Datasets, in the order asked for."""
    total: int = 0
    """How many there are."""
    limit: int
    """Most rows of a page."""
    offset: int
    """Rows left out before these."""
    query: DatasetsQuery
    """What was asked."""
    kinds: Mapping[str, int] = {}
    """Kind -> how many there are by the other filters."""
    groups: tuple[str, ...] = ()
    """Groups of the beamtime the viewer may see."""
    beamtime: str = ""
    """Id of the beamtime; "" when there is none."""
    title: str = ""
    """Its title."""
    last_event: int = 0
    """Id of the newest event this takes in: follow the events after it."""
