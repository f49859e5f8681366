"""What was really played: the truth against which a daemon's results are checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PLAYED_FILE = "played.json"


@dataclass(frozen=True, slots=True)
class PlayedFile:
    """A data file: its frames, and when it could be read (UTC, ISO 8601); `whole`: all of its frames."""

    name: str
    frames: int
    at: str
    whole: bool


@dataclass(slots=True)
class PlayedDataset:
    """A dataset as it was written.

    Attributes:
        number: of the script.
        identity: as the master has it; no other dataset has the same.
        path: of the master now; `aliases`: other paths under which it was or is found.
        place, name, kind, group: as in the script.
        fate: how it ended; `blank`: whether there was no crystal.
        n_announced, n_written: frames the detector was armed for, frames that were written.
        master_at: when the master appeared (UTC, ISO 8601).
        files: its data files in the order in which they could be read.
        late_after_s: seconds between the last but one and the last data file of a late dataset.
    """

    number: int
    identity: str
    path: str
    place: str
    name: str
    kind: str
    group: str
    fate: str
    blank: bool
    n_announced: int
    n_written: int
    master_at: str
    aliases: list[str] = field(default_factory=list)
    files: list[PlayedFile] = field(default_factory=list)
    late_after_s: float = 0.0

    @property
    def readable(self) -> int:
        """Frames that lie in whole data files."""
        return sum(one.frames for one in self.files if one.whole)


@dataclass(slots=True)
class Played:
    """All of a beamtime.

    Attributes:
        beamtime: its id; `root`: its directory; `seed`: of the script.
        started, stopped: of the beamtime (UTC, ISO 8601); "" while it lasts.
        datasets: those whose master has appeared.
        injected: faults that were injected: when (UTC) and what, as words.
        skipped: faults that could not be injected, and why.
    """

    beamtime: str
    root: str
    seed: int
    started: str = ""
    stopped: str = ""
    datasets: list[PlayedDataset] = field(default_factory=list)
    injected: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def write(self, directory: Path) -> Path:
        """Write `played.json`, whole; returns its path.

        Raises:
            OSError: it cannot be written.
        """
        path, part = directory / PLAYED_FILE, directory / f".{PLAYED_FILE}.part"
        part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        part.rename(path)
        return path


def read_played(path: Path) -> Played:
    """Read `played.json`.

    Raises:
        OSError: it cannot be read.
        ValueError: it is something else.
    """
    values = json.loads(path.read_bytes())
    try:
        datasets = [_dataset(one) for one in values.pop("datasets")]
        injected = [(str(at), str(what)) for at, what in values.pop("injected")]
        return Played(**values, datasets=datasets, injected=injected)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no record of a played beamtime: {error}") from error


def _dataset(values: Mapping[str, Any]) -> PlayedDataset:
    files = [PlayedFile(**one) for one in values["files"]]
    return PlayedDataset(**{**values, "files": files})
