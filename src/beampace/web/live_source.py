"""What runs and writes its answers while frames come: where the pages find `look.json` and `map.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from beampace.core.work import WorkName

LIVE_FILES: Mapping[WorkName, str] = MappingProxyType({WorkName.MAP: "map.json", WorkName.LOOK: "look.json"})
"""The file of each work that writes while frames come, in its result directory."""


@dataclass(frozen=True, slots=True)
class LiveWork:
    """A look or a map under way.

    Attributes:
        dataset: number of the dataset.
        beamtime, group: whose it is.
        work: `look` or `map`.
        job: key.
        file: `look.json` or `map.json` in its result directory, there or not yet.
        root: `processed`, below which no link is followed; None: the directory of the file.
    """

    dataset: int
    beamtime: str
    group: str
    work: WorkName
    job: str
    file: Path
    root: Path | None = None


class LiveSource(Protocol):
    """Where running looks and maps are known; called in threads, five times a second at most."""

    def running(self) -> Sequence[LiveWork]:
        """Looks and maps that have a result directory and have not ended."""
        ...


@dataclass(slots=True)
class LiveTwin:
    """In memory: what it was given."""

    works: list[LiveWork] = field(default_factory=list)

    def running(self) -> Sequence[LiveWork]:
        """What it was given."""
        return tuple(self.works)
