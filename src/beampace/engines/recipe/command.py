"""From a recipe and a dataset to the arguments of a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.engines.recipe.model import Recipe
from beampace.engines.recipe.placeholders import filled

BASH = "/bin/bash"
GO_ON = 'exec "$@"'
"""Last line of the fixed text: the program takes the place of the shell, with arguments it never looks at."""


@dataclass(frozen=True, slots=True)
class Values:
    """What placeholders stand for.

    Attributes:
        master, companion, out: absolute paths.
        name: prefix of the files.
        images: first and last frame.
        d_min: resolution limit asked for in angstrom, or None.
        resolution_edge: angstrom.
        cores: cores it may use.
        recipe_dir: directory of the recipe.
    """

    master: Path
    companion: Path
    out: Path
    name: str
    images: tuple[int, int]
    d_min: float | None
    resolution_edge: float
    cores: int
    recipe_dir: Path

    def texts(self, prefix: str) -> Mapping[str, str]:
        """Placeholder to text."""
        return {
            "master": str(self.master),
            "companion": str(self.companion),
            "out": str(self.out),
            "directory": str(self.master.parent),
            "name": self.name,
            "frames": str(self.images[1] - self.images[0] + 1),
            "first": str(self.images[0]),
            "last": str(self.images[1]),
            "d_min": f"{self.d_min or self.resolution_edge:.2f}",
            "resolution_edge": f"{self.resolution_edge:.2f}",
            "cores": str(self.cores),
            "prefix": prefix,
            "recipe_dir": str(self.recipe_dir),
        }


def fill(recipe: Recipe, values: Values) -> tuple[str, ...]:
    """Program and arguments.

    Raises:
        InputError: a value would be taken for an option, or holds a control character (bad_request).
    """
    texts = values.texts(recipe.prefix)
    return tuple(_argument(template, texts) for template in recipe.command)


def _argument(template: str, texts: Mapping[str, str]) -> str:
    argument = filled(template, texts)
    if argument.startswith("-") and not template.startswith("-"):
        raise failure(Failure.BAD_REQUEST, f"{argument!r} would be taken for an option of the program.")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in argument):
        raise failure(Failure.BAD_REQUEST, f"{argument!r} holds a control character.")
    return argument


def command_of(recipe: Recipe, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """What is started: the program itself, or the recipe's fixed lines and then the program."""
    if not recipe.environment:
        return arguments
    return (BASH, "-c", "\n".join((*recipe.environment, GO_ON)), "beampace-recipe", *arguments)


def write_inputs(recipe: Recipe, values: Values) -> None:
    """Write the recipe's input files into the output directory.

    Raises:
        OSError: one cannot be written.
    """
    texts = values.texts(recipe.prefix)
    for name, template in recipe.inputs.items():
        path = values.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(filled(template, texts, xml=True), encoding="utf-8")
