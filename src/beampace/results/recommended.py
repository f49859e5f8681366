"""`recommended.json`: the one file beside the results that is replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from beampace.results.below import write_below
from beampace.results.candidate import Candidate
from beampace.results.recommend import Choice
from beampace.results.schema import Cell, Correlation, Model, Number

RECOMMENDED_SCHEMA: Literal["recommended-1"] = "recommended-1"
RECOMMENDED = "recommended.json"


class Compared(Model):
    """What an engine says of the dataset."""

    engine: str
    """Its name."""
    result: str
    """Name of the directory of its result."""
    space_groups: tuple[str, ...] = ()
    """Hermann-Mauguin symbols the data cannot tell apart; empty where the space group was given."""
    unit_cell: Cell | None = None
    """a, b, c in angstrom; alpha, beta, gamma in degrees; null where the space group was given."""
    d_min: Number = None
    """Resolution limit in angstrom; null where it was given."""
    cc_half: Correlation = None
    """CC1/2 of all data."""
    cc_anom: Correlation = None
    """Correlation of the anomalous differences of half data sets, all data."""


class Recommended(Model):
    """`recommended.json`: the one file beside the results that is replaced."""

    schema_version: Literal["recommended-1"] = RECOMMENDED_SCHEMA
    """Name and version of this schema."""
    result: str
    """Name of the directory of the result to use; it lies beside this file."""
    reason: str
    """Why this one; what engines disagree about is said, too."""
    since: datetime
    """Since when it has been recommended (UTC)."""
    engines_agree: bool | None = None
    """Whether the engines that were compared agree; null with fewer than two."""
    agreement: str = ""
    """The same as a sentence: the gravest difference, or that they agree; empty with fewer than two."""
    compared: tuple[Compared, ...] = ()
    """What each engine says, by the result that speaks for it."""


def recommended_of(choice: Choice, since: datetime) -> Recommended:
    """The published form of a choice."""
    return Recommended(
        result=choice.result.name,
        reason=choice.reason,
        since=since,
        engines_agree=choice.agreed.tone == "good" if choice.agreed.words else None,
        agreement=choice.agreed.words,
        compared=tuple(map(_compared, choice.compared)),
    )


def _compared(one: Candidate) -> Compared:
    said = one.said
    if said is None:
        return Compared(engine=one.engine, result=one.name)
    return Compared(
        engine=one.engine,
        result=one.name,
        space_groups=said.space_groups,
        unit_cell=_six(said.cell),
        d_min=said.d_min,
        cc_half=said.cc_half,
        cc_anom=said.cc_anom,
    )


def _six(cell: tuple[float, ...]) -> Cell | None:
    if len(cell) != 6:
        return None
    a, b, c, alpha, beta, gamma = cell
    return a, b, c, alpha, beta, gamma


def write_recommended(root: Path, place: str, choice: Choice, since: datetime) -> bool:
    """Write `recommended.json` atomically; whether it was written, and not there already.

    Args:
        root: of the results (`processed`).
        place: directory of the dataset's results, relative to it.
        choice: the result to use.
        since: since when; the same as before for the same choice.

    Raises:
        InfrastructureError: it cannot be written (not_writable, disk_full).
    """
    record = recommended_of(choice, since)
    return write_below(root, f"{place}/{RECOMMENDED}", record.model_dump_json(indent=2) + "\n")


def recommended_schema_text() -> str:
    """The text of the published JSON schema (draft 2020-12), made from the model."""
    made = Recommended.model_json_schema(mode="serialization", by_alias=True)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"beampace/{RECOMMENDED_SCHEMA}",
    }
    return json.dumps({**head, **made}, indent=2, ensure_ascii=False) + "\n"


def published_recommended_schema() -> Mapping[str, Any]:
    """The schema as it was published with this version of the package."""
    path = resources.files("beampace.results") / "schemas" / f"{RECOMMENDED_SCHEMA}.schema.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
