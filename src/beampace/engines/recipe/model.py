"""The published form of a recipe."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from beampace.core.dataset import DatasetKind
from beampace.core.taxonomy import Failure
from beampace.core.verdict import Success
from beampace.engines.recipe.placeholders import check_template, names_in

RECIPE_SCHEMA: Literal["recipe-1"] = "recipe-1"
"""Name and version of the schema; the number rises when a key changes its meaning or goes away."""

BUILT_IN = frozenset({"dials", "xds", "xds-stock", "fast"})
"""Names of engines that no recipe may take."""


RESERVED = frozenset({"companion", "log", "output", "report", "result"})
"""Names of files that every result may have."""


class Start(StrEnum):
    """When the program is started."""

    COMPLETE = "complete"
    SEEN = "seen"


class Read(StrEnum):
    """How it is found out what came of the program."""

    EXIT = "exit"
    RESULT = "result"
    JSON = "json"
    OUTPUTS = "outputs"


class Form(StrEnum):
    """A form in which programs write their numbers, and we read them."""

    AIMLESS = "aimless"
    CORRECT = "correct"
    FAST_DP_JSON = "fast_dp_json"
    FAST_DP_LOG = "fast_dp_log"
    STARANISO = "staraniso"
    TABLE1 = "table1"
    XDSAPP = "xdsapp"
    XIA2_JSON = "xia2_json"
    XIA2_TXT = "xia2_txt"


def _expression(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return value


def _below(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError("must be a path below the output directory, without '..'")
    return value


def _ending(value: str) -> str:
    if value not in Failure.__members__.values() and value not in Success.__members__.values():
        raise ValueError(f"{value!r} is no code of a verdict")
    return value


def _line(value: str) -> str:
    if "\n" in value or "\0" in value:
        raise ValueError("is one line of text")
    return value


Template = Annotated[str, AfterValidator(check_template)]
Below = Annotated[str, AfterValidator(_below)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_+-]{0,39}$")]


class Part(BaseModel):
    """A frozen part of a recipe; a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class RecipeResources(Part):
    """What the program may use."""

    cores: Annotated[int, Field(ge=1, le=1024)] = 1
    """Cores."""
    memory_mb: Annotated[int, Field(ge=1)] = 4000
    """Memory in MB."""
    minutes: Annotated[float, Field(gt=0, le=100_000)] = 60
    """Wall time in minutes; the program is ended after it (`timed_out`)."""


class Rule(Part):
    """What a line of the program's output means."""

    pattern: Annotated[str, AfterValidator(_expression)]
    """Regular expression, searched in each line of the last part of the output."""
    code: Failure
    """Code of the failure taxonomy."""
    always: bool = False
    """Also when the program ended with exit code 0."""


class Summary(Part):
    """The JSON file in which the program says what it found."""

    file: Below = "result.json"
    """Path relative to the output directory."""
    keys: Mapping[Literal["code", "words", "next_step", "space_group", "unit_cell", "d_min"], str] = {}
    """Ours to the program's own: a dotted path such as `crystal.cell`. Only with `read = "json"`."""
    codes: Mapping[str, Annotated[str, AfterValidator(_ending)]] = {}
    """The program's own words for its ending to codes of verdicts. Only with `read = "json"`."""


class Output(Part):
    """A file of the program's own in which its numbers are."""

    form: Form
    """How it is written: `aimless` (log of AIMLESS), `correct` (`CORRECT.LP` of XDS), `fast_dp_json`,
    `fast_dp_log`, `staraniso` (log of STARANISO), `table1` (autoPROC's tables of that name), `xdsapp`
    (`results_*.txt`), `xia2_json`, `xia2_txt`."""
    file: Below
    """Glob below the output directory; where several files fit, the one closest to the top counts."""


class Recipe(Part):
    """A program as an engine."""

    schema_version: Literal["recipe-1"] = Field(default=RECIPE_SCHEMA, alias="schema")
    """Name and version of this schema."""
    name: Name
    """Name of the engine: small letters, digits, `_`, `+`, `-`."""
    about: str = ""
    """What it does, in a sentence."""
    kinds: Annotated[tuple[DatasetKind, ...], Field(min_length=1)] = (DatasetKind.ROTATION,)
    """Kinds of datasets it is for."""
    start: Start = Start.COMPLETE
    """`complete`: when all frames are readable or no more come; `seen`: as soon as the master is readable."""
    prefix: str = ""
    """Text that stands for `{prefix}`, such as the directory of a site's scripts."""
    command: Annotated[tuple[Template, ...], Field(min_length=1)]
    """Program and arguments, with placeholders; never given to a shell."""
    environment: tuple[Annotated[str, AfterValidator(_line)], ...] = ()
    """Lines that `bash` runs before the program, such as `module load xds`; fixed text, no placeholders."""
    inputs: Mapping[Below, Template] = {}
    """Files written into the output directory before the start: path to text with placeholders. Values are
    escaped for XML."""
    resources: RecipeResources = RecipeResources()
    """What the program may use."""
    results: Mapping[Name, Below] = {}
    """Name of a result to a glob below the output directory."""
    required: tuple[Name, ...] = ()
    """Names among `results` without which the program has failed, whatever its exit code."""
    intermediates: tuple[Below, ...] = ()
    """Globs of files that are removed after a success, unless a result names them."""
    read: Read = Read.EXIT
    """`exit`: the exit code alone; `result`: the program wrote JSON in the form of our `result.json`
    (`verdict`, and if it likes `crystal`, `statistics`, `columns`); `json`: other JSON, read by
    `summary.keys`; `outputs`: the exit code, and numbers from its own files, read by `outputs`."""
    summary: Summary = Summary()
    """Where that JSON is."""
    outputs: Annotated[tuple[Output, ...], Field(max_length=20)] = ()
    """Files its numbers are read from with `read = "outputs"`, the best first: crystal and statistics come
    each from the first that says it. One that cannot be read is told as a warning."""
    failures: tuple[Rule, ...] = ()
    """What lines of its output mean, the first that fits counts."""

    @property
    def _templates(self) -> tuple[str, ...]:
        return (*self.command, *self.inputs.values())

    def wants(self, placeholder: str) -> bool:
        """Whether it uses a placeholder."""
        return any(placeholder in names_in(text) for text in self._templates)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.name in BUILT_IN:
            raise ValueError(f"name: {self.name!r} is an engine of beampace itself")
        if taken := RESERVED & set(self.results):
            raise ValueError(f"results: {', '.join(sorted(taken))} is a name of beampace's own files")
        if self.start is Start.SEEN and any("companion" in names_in(text) for text in self._templates):
            raise ValueError('command: {companion} is written when all frames are there: start = "complete"')
        if strange := set(self.required) - set(self.results):
            raise ValueError(f"required: {', '.join(sorted(strange))} is not among the results")
        if self.read is not Read.JSON and (self.summary.keys or self.summary.codes):
            raise ValueError('summary: keys and codes need read = "json"')
        if self.read is Read.JSON and not self.summary.keys:
            raise ValueError('summary: read = "json" needs keys')
        if (self.read is Read.OUTPUTS) != bool(self.outputs):
            raise ValueError('outputs: read = "outputs" and outputs need each other')
        return self


def recipe_schema_text() -> str:
    """The text of the published JSON schema (draft 2020-12), made from the model."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"beampace/{RECIPE_SCHEMA}",
    }
    made = Recipe.model_json_schema(mode="validation", by_alias=True)
    return json.dumps({**head, **made}, indent=2, ensure_ascii=False) + "\n"
