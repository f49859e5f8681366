"""Any program as an engine, described by a TOML file: how it is called, where its results are."""

from beampace.engines.recipe.command import Values, command_of, fill, write_inputs
from beampace.engines.recipe.evidence import failure_of, find_files, last_words, missing, tail_of
from beampace.engines.recipe.load import Loaded, list_recipes, load_recipe
from beampace.engines.recipe.model import RECIPE_SCHEMA, Read, Recipe, Start, recipe_schema_text
from beampace.engines.recipe.reading import Reading, read_outputs
from beampace.engines.recipe.run import Ran, run_program

__all__ = [
    "RECIPE_SCHEMA",
    "Loaded",
    "Ran",
    "Read",
    "Reading",
    "Recipe",
    "Start",
    "Values",
    "command_of",
    "failure_of",
    "fill",
    "find_files",
    "last_words",
    "list_recipes",
    "load_recipe",
    "missing",
    "read_outputs",
    "recipe_schema_text",
    "run_program",
    "tail_of",
    "write_inputs",
]
