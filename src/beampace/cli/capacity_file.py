"""The description of a beamtime: a file of the user's, or one that is shipped."""

from __future__ import annotations

import difflib
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.plan.capacity_model import Description
from beampace.plan.capacity_model.description import (
    ClusterTable,
    CollectionTable,
    CostTable,
    EngineTable,
)
from beampace.plan.rules import Rule

SCENARIOS = ("p11-today", "p11-scans", "p11-maxwell")
"""Descriptions that are shipped."""
MOST_BYTES = 1_000_000
"""A description is a page or two; more is another file."""
HINT = "Correct the named keys; `beampace capacity --schema` lists what each takes."


def scenario_text(name: str) -> str:
    """The text of a description that is shipped."""
    shipped = files("beampace.plan.capacity_model") / "scenarios" / f"{name}.toml"
    return shipped.read_text(encoding="utf-8")


def text_of(named: str) -> tuple[str, str]:
    """The text of a description, and what it is called in messages.

    Raises:
        InputError: there is no such file or it cannot be read (bad_request).
    """
    if named in SCENARIOS:
        return scenario_text(named), named
    path = Path(named)
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        shipped = f"Name a TOML file, or one of those shipped: {', '.join(SCENARIOS)}."
        detail = f"The description {path} cannot be read: {error.strerror}."
        raise failure(Failure.BAD_REQUEST, detail, shipped) from error
    if len(content) > MOST_BYTES:
        raise failure(Failure.BAD_REQUEST, f"{path} has more than {MOST_BYTES} bytes: no description.")
    try:
        return content.decode(), str(path)
    except UnicodeDecodeError as error:
        raise failure(Failure.BAD_REQUEST, f"{path} is not a TOML file: {error}.", HINT) from error


def description_of(named: str) -> Description:
    """A description by its file or name.

    Raises:
        InputError: it cannot be read, or a key is wrong; file and key are named (bad_request).
    """
    text, called = text_of(named)
    try:
        return Description.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise failure(Failure.BAD_REQUEST, f"{called} is not a TOML file: {error}.", HINT) from error
    except ValidationError as error:
        raise _explained(error, called) from error


def _explained(error: ValidationError, called: str) -> BeampaceError:
    """Every wrong key with what is wrong about it."""
    lines = [f"{called}: {_words(fault)}." for fault in error.errors()]
    return failure(Failure.BAD_REQUEST, " ".join(lines), HINT)


def _words(fault: Any) -> str:
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(fault["loc"][-1]), _names(), 1, 0.6)
        return f"{key}: there is no such key" + (f"; is {close[0]} meant?" if close else "")
    if fault["type"] == "missing":
        return f"{key}: this key is missing"
    message = str(fault["msg"]).removeprefix("Value error, ")
    # A fault of the whole table names its keys itself, and showing the table would bury them.
    return (
        f"{key}: {message}, not {fault['input']!r}"
        if not isinstance(fault["input"], dict)
        else _own(key, message)
    )


def _own(key: str, message: str) -> str:
    return f"{key}: {message}" if key else message


def _names() -> list[str]:
    models: tuple[type[BaseModel], ...] = (
        ClusterTable,
        CollectionTable,
        EngineTable,
        CostTable,
        Description,
        Rule,
    )
    return [name.removesuffix("_") for model in models for name in model.model_fields]
