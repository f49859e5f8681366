"""The engines this program knows, by name, and the recipes that were configured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from beampace.core.errors import BeampaceError, failure
from beampace.core.ports import Engine
from beampace.core.taxonomy import Failure
from beampace.engines.dials import DialsEngine
from beampace.engines.fast import FastEngine
from beampace.engines.recipe import Loaded, list_recipes
from beampace.engines.xds import XdsEngine

RECIPES = "BEAMPACE_RECIPES"
"""Environment variable: directories with recipes, separated as in PATH."""


def engines() -> dict[str, Engine]:
    """A fresh engine of every kind; one engine works on one dataset."""
    known: tuple[Engine, ...] = (DialsEngine(), XdsEngine(), XdsEngine(stock=True), FastEngine())
    return {engine.name: engine for engine in known}


def recipe_directories(asked: Path | None, environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Where recipes are looked for: the place asked for first, then those of the environment."""
    named = tuple(Path(text) for text in environment.get(RECIPES, "").split(os.pathsep) if text)
    return ((asked,) if asked else ()) + named


def find_recipe(name: str, directories: tuple[Path, ...]) -> Loaded:
    """The recipe of a name.

    Raises:
        InputError: there is none, or it cannot be used (bad_request).
    """
    found, wrong = list_recipes(directories)
    if name in found:
        return found[name]
    known = ", ".join([*engines(), *found])
    faults = " ".join(error.detail for error in wrong)
    raise failure(
        Failure.BAD_REQUEST,
        f"--engine {name}: there are {known}. {faults}".strip(),
        "Name one of them; recipes are found with --recipes DIR or BEAMPACE_RECIPES.",
    )


def all_recipes() -> tuple[dict[str, Loaded], list[BeampaceError]]:
    """Recipes of the environment by name, and what is wrong with others."""
    return list_recipes(recipe_directories(None))
