"""The order: what a job is asked to do, as the one file its command line names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.core.work import WorkName
from beampace.work.beamline import Beamline

ORDER_FILE = "order.json"
ENDING_FILE = "ending"
"""Name of the file in the attempt's directory with the code of its ending: known also when the place of the
result took no result."""

DIRECTORY_FILE = "result_directory"
"""Name of the file in the attempt's directory that says where its result directory is."""


class Order(BaseModel):
    """What a job is asked to do. It holds no secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    schema_version: Literal["order-1"] = "order-1"
    key: str
    """Opaque key of the job; goes into the result, so that it is found again."""
    attempt: int
    """Number of the attempt, from 1."""
    work: WorkName
    """What is done."""
    engine: str = ""
    """Name of the engine or recipe of `process`; empty for other work."""
    recipe: Path | None = None
    """File of the recipe, when the engine is one."""
    recipe_sha256: str = ""
    """SHA-256 of the recipe that is meant; another one is not run. Empty: not known."""
    master: Path
    """The master file."""
    raw: Path
    """Root of the raw data: the master and what it links to lie below it."""
    results: Path
    """Directory in which the job makes its `<work>_<NNN>`."""
    results_here: Path | None = None
    """The same directory as the daemon sees it; null where its name is the same."""
    processed: Path | None = None
    """Root below which results lie; null for the `processed` beside `raw`."""
    root_id: str = ""
    """Which directory the one above `raw` is; another one of that name is another beamtime's. Empty: not
    known."""
    cores: int = 1
    """Processes or threads it may use."""
    keep_all: bool = False
    """Keep intermediate files after a success."""
    beamline: Beamline = Beamline()
    """What the beamline can do, for strategies."""
    options: Mapping[str, Any] = {}
    """`images` [first, last], `space_group`, `unit_cell` [6 numbers], `d_min`, `quiet_s`, `grid` [columns,
    rows], `transmission`, `flux`."""

    @property
    def results_root(self) -> Path:
        """Root below which results lie."""
        return self.processed or self.raw.parent / "processed"

    def write(self, directory: Path) -> Path:
        """Write `order.json` into the attempt's directory; returns its path.

        Raises:
            OSError: it cannot be written.
        """
        path = directory / ORDER_FILE
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> Order:
        """Read an order.

        Raises:
            InputError: it is no order (bad_request).
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise failure(Failure.BAD_REQUEST, f"{path} is no order: {error}.") from error
