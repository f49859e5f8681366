"""Reading what an attempt leaves in its directory: result directory, progress, result.

Another account may have made the files: only ordinary ones of sensible size are read. Those that are not
there, half written or no longer readable are missing evidence: they say nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from beampace.cluster.files import read_plain
from beampace.core.taxonomy import Failure
from beampace.results import Result
from beampace.work.order import DIRECTORY_FILE, ENDING_FILE, ORDER_FILE

PID_FILE = "pid.json"
MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far an attempt says it is."""

    stage: str = ""
    done: int = 0
    total: int = 0
    first_frame: datetime | None = None


def ending_of(directory: Path) -> str:
    """The code of the ending as the job itself left it, or ""; never better evidence than a result."""
    try:
        said = read_plain(directory / ENDING_FILE).decode().strip()
    except (OSError, ValueError):
        return ""
    return said if said in Failure.__members__.values() else ""


def result_directory(directory: Path, processed: Path) -> Path | None:
    """The result directory the job made, or None while it has none.

    The job may run under another account: a directory that does not lie below `processed`, or is reached by a
    symbolic link on the way, is none.
    """
    try:
        text = read_plain(directory / DIRECTORY_FILE).decode().strip()
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
        result = Result.from_json(read_plain(directory / "result.json", MAX_BYTES))
    except (OSError, ValueError):  # ValidationError is a ValueError
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


def master_name(directory: Path) -> str:
    """Name of the master an attempt was told of, or ""."""
    return Path(str((_json(directory / ORDER_FILE) or {}).get("master", ""))).name


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
        content = json.loads(read_plain(path))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
