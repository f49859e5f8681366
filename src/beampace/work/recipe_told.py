"""What the program of a recipe says it found, in JSON of our form or of its own."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import gemmi
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from beampace.analysis.groups import short_laue
from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.space_group import space_group_symbol
from beampace.core.taxonomy import Failure
from beampace.core.verdict import Success
from beampace.engines.recipe import Read, Recipe
from beampace.results.schema import Column, CrystalInfo, StatisticsInfo, VerdictInfo

TELLING = (Read.RESULT, Read.JSON)
"""With these the program itself says what came of it."""

MOST_BYTES = 20_000_000
MOST_TEXT = 1000


class Told(BaseModel):
    """What a program says; keys beyond these are not looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    verdict: VerdictInfo
    crystal: CrystalInfo | None = None
    statistics: StatisticsInfo | None = None
    columns: Mapping[str, Column] = {}
    found: Mapping[str, Any] = {}

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not self.failed and self.verdict.code not in Success.__members__.values():
            raise ValueError(f"verdict.code: {self.verdict.code!r} is no code of a verdict")
        return self

    @property
    def failed(self) -> bool:
        """Whether the verdict is a code of the failure taxonomy."""
        return self.verdict.code in Failure.__members__.values()


def told_by(recipe: Recipe, out: Path) -> Told | None:
    """What the program says, or None when it left no such file.

    Raises:
        InfrastructureError: the file is not of the form the recipe promises (engine_failed).
    """
    path = out / recipe.summary.file
    if recipe.read not in TELLING or (text := _content(path)) is None:
        return None
    try:
        content = json.loads(text)
        # JSON can hold halves of letters; encoding them is a ValueError.
        json.dumps(content, ensure_ascii=False).encode()
        return Told.model_validate(_ours(recipe, content) if recipe.read is Read.JSON else content)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
        raise _unreadable(path, said) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, reason: str) -> Exception:
    return failure(
        Failure.ENGINE_FAILED,
        f"{path} is not as its recipe says: {reason[:MOST_TEXT]}.",
        "Correct `read` and `summary` in the recipe, or the program.",
    )


def _content(path: Path) -> bytes | None:
    """The content of an ordinary file, or None when there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            raise _unreadable(path, "it is no ordinary file of less than 20 MB")
        return stream.read(MOST_BYTES)


def _ours(recipe: Recipe, content: Any) -> dict[str, Any]:
    """JSON of another form in ours.

    Raises:
        ValueError: a key leads nowhere, or its value is not of its kind.
    """
    found = {ours: _at(content, theirs) for ours, theirs in recipe.summary.keys.items()}
    code = str(found.pop("code", Success.FINISHED.value))
    code = recipe.summary.codes.get(code, code)
    words = str(found.pop("words", ""))[:MOST_TEXT]
    step = str(found.pop("next_step", ""))[:MOST_TEXT]
    return {
        "verdict": {"code": code, "words": words, "next_step": step},
        "crystal": _crystal(found.pop("space_group", None), found.pop("unit_cell", None)),
        "found": found,
    }


def _at(content: Any, path: str) -> Any:
    for key in path.split("."):
        if not isinstance(content, dict) or key not in content:
            raise ValueError(f"there is no key {path!r}")
        content = content[key]
    return content


def _crystal(space_group: Any, unit_cell: Any) -> CrystalInfo | None:
    """The crystal, when both space group and cell are known."""
    if space_group is None or unit_cell is None:
        return None
    if not isinstance(unit_cell, str | list):
        raise TypeError(f"a unit cell is a text or a list, not {unit_cell!r}")
    symbol = space_group_symbol(str(space_group))
    text = unit_cell if isinstance(unit_cell, str) else " ".join(map(str, unit_cell))
    group = gemmi.SpaceGroup(symbol)
    return CrystalInfo(
        space_group=symbol,
        space_group_candidates=(symbol,),
        space_group_sure=True,
        laue_group=short_laue(group),
        unit_cell=UnitCell.parse(text).parameters,
    )
