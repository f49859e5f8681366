"""Reading what an attempt leaves in its directory: exit code, result directory, progress, result.

Files that are not there, half written or no longer readable are missing evidence: they say nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from beampace.core.job import ExitRecord
from beampace.core.taxonomy import Failure
from beampace.results import Result
from beampace.work.order import DIRECTORY_FILE, ENDING_FILE

EXIT_FILE = "exit.json"
PID_FILE = "pid.json"
MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far an attempt says it is."""

    stage: str = ""
    done: int = 0
    total: int = 0
    first_frame: datetime | None = None


def exit_record(directory: Path) -> ExitRecord | None:
    """The exit-code file, or None."""
    content = _json(directory / EXIT_FILE)
    if content is None:
        return None
    known = {field.name for field in fields(ExitRecord)}
    try:
        return ExitRecord(**{name: value for name, value in content.items() if name in known})
    except TypeError:
        return None


def ending_of(directory: Path) -> str:
    """The code of the ending as the job itself left it, or ""; never better evidence than a result."""
    try:
        said = (directory / ENDING_FILE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return said if said in Failure.__members__.values() else ""


def result_directory(directory: Path, processed: Path) -> Path | None:
    """The result directory the job made, or None while it has none.

    The job may run under another account: a directory that does not lie below `processed`, or is reached by a
    symbolic link on the way, is none.
    """
    try:
        text = (directory / DIRECTORY_FILE).read_text(encoding="utf-8").strip()
        place = Path(text)
        if not place.is_relative_to(processed) or ".." in place.parts:
            return None
        true = processed.resolve() / place.relative_to(processed)
        return place if place.resolve() == true else None
    except (OSError, RuntimeError, ValueError):  # UnicodeDecodeError is a ValueError
        return None


def result_of(directory: Path | None, key: str) -> Result | None:
    """The valid result of the job `key`, or None."""
    if directory is None:
        return None
    try:
        if (directory / "result.json").stat().st_size > MAX_BYTES:
            return None
        result = Result.from_json((directory / "result.json").read_bytes())
    except (OSError, ValidationError):
        return None
    return result if result.parameters.other.get("job") == key else None


def progress_of(directory: Path | None) -> Progressed | None:
    """What `progress.json` says, or None."""
    content = None if directory is None else _json(directory / "progress.json")
    if content is None:
        return None
    return Progressed(
        str(content.get("stage", "")),
        _count(content.get("done")),
        _count(content.get("total")),
        moment(content.get("first_frame_at")),
    )


def started_at(directory: Path) -> datetime | None:
    """When the launcher began, or None."""
    content = _json(directory / PID_FILE) or {}
    return moment(content.get("started"))


def moment(value: object) -> datetime | None:
    """An aware moment in UTC from ISO text, or None."""
    try:
        parsed = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
