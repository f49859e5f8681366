"""Where files of the pages are: results below `processed`, masters below `raw`, wherever a beamtime is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from beampace.store import BeamtimeRow, DatasetRow, Ledger, ResultRow
from beampace.web.live_source import LiveWork

GONE = "Its files are not here any more: the beamtime has left this place."
"""Why nothing is found of what the ledger knows."""

FilesOf = Callable[[BeamtimeRow], Path | None]
"""Where the directory of a beamtime is now, or None: after its stop `current` may be another's."""


@dataclass(frozen=True, slots=True)
class Below:
    """A file or directory in a tree: nothing on the way below `root` is trusted, no link is followed.

    Attributes:
        root: the beamtime's `processed` or `raw`.
        place: POSIX path relative to it.
    """

    root: Path
    place: str

    @property
    def path(self) -> Path:
        """The whole path, for messages and for programs that prove it themselves."""
        return self.root / self.place


@dataclass(frozen=True, slots=True)
class Places:
    """Finds files of what the ledger knows.

    Attributes:
        ledger: for the beamtimes.
        files_of: where a beamtime is now.
    """

    ledger: Ledger
    files_of: FilesOf

    def result(self, row: ResultRow) -> Below | None:
        """The directory of a result, or None when its beamtime's files are gone or it lies elsewhere."""
        return self._below(row.beamtime, Path(row.result.directory), "processed")

    def master(self, row: DatasetRow) -> Below | None:
        """The master of a dataset, or None when its beamtime's files are gone or it lies elsewhere."""
        return self._below(row.beamtime, Path(row.path), "raw")

    def running(self, work: LiveWork) -> Below | None:
        """The file that a look or a map under way writes, or None when it lies elsewhere."""
        return self._below(work.beamtime, work.file, "processed")

    def _below(self, beamtime_id: str, path: Path, tree: str) -> Below | None:
        beamtime = self.ledger.beamtime(beamtime_id)
        now, then = self.files_of(beamtime), Path(beamtime.root) / tree
        if now is None or not path.is_relative_to(then):
            return None
        return Below(now / tree, path.relative_to(then).as_posix())
