"""Looking at the roots, again at every use: which beamtime is open, and what changed since the last look."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from beampace.beamtime.directory import root_id
from beampace.beamtime.files import read_small, shown
from beampace.beamtime.find import Finding, Outcome, find
from beampace.beamtime.lifecycle import GRACE_S, Change, OpenBeamtime, Phase, Seen, next_phase
from beampace.beamtime.metadata import ID_PATTERN, MAX_BYTES, Metadata, parse_metadata
from beampace.beamtime.resources import OnlineResources, granted
from beampace.core.errors import BeampaceError, failure
from beampace.core.sighting import Trouble
from beampace.core.taxonomy import Failure


@dataclass(frozen=True, slots=True)
class FixedBeamtime:
    """A beamtime without a metadata file: `raw/` and `processed/` below a directory given by configuration.

    Attributes:
        root: the directory.
        id: of the beamtime; "" takes the directory's name.
    """

    root: Path
    id: str = ""

    @property
    def identity(self) -> str:
        """The id.

        Raises:
            InputError: it is not plain (bad_request).
        """
        name = self.id or self.root.resolve().name
        if re.fullmatch(ID_PATTERN, name) is None:
            raise failure(Failure.BAD_REQUEST, f"{name!r} cannot be a beamtime id.", "Give a plain id to it.")
        return name


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look gave.

    Attributes:
        open: the beamtime that lasts, with what is granted at this moment, or None.
        changes: what happened since the last look, in order.
        troubles: what staff should know.
    """

    open: OpenBeamtime | None
    changes: tuple[Change, ...] = ()
    troubles: tuple[Trouble, ...] = ()


class BeamtimeWatch:
    """Looks at the roots; the file is read at every look and parsed only when its content changed.

    Args:
        roots: directories with a metadata file, in order, or one fixed beamtime.
        clock: monotonic seconds.
        last: the beamtime that was open when somebody last looked (from the ledger), so that its end is
            noticed across a restart.
        grace_s: seconds for which a beamtime must be gone before it counts as stopped.
    """

    def __init__(
        self,
        roots: Sequence[Path] | FixedBeamtime,
        clock: Callable[[], float],
        last: OpenBeamtime | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        self._roots = roots
        self._clock = clock
        self._grace_s = grace_s
        self._phase = Phase(last)
        self._parsed: tuple[Path, bytes, Metadata] | None = None

    def observe(self) -> Observation:
        """Look once. Never raises for what the roots hold."""
        beamtime, gone, troubles = self._look()
        self._phase, changes = next_phase(self._phase, Seen(self._clock(), beamtime, gone), self._grace_s)
        return Observation(self._phase.open, changes, troubles)

    def _look(self) -> tuple[OpenBeamtime | None, bool, tuple[Trouble, ...]]:
        if isinstance(self._roots, FixedBeamtime):
            return _fixed(self._roots)
        finding = find(self._roots)
        if finding.outcome is Outcome.FOUND:
            return self._found(finding)
        return None, self._gone(finding), _troubles(finding)

    def _gone(self, finding: Finding) -> bool:
        """Whether the open beamtime is certainly not among what was found."""
        if finding.outcome is Outcome.SEVERAL:
            return self._parsed is not None and self._parsed[0] not in finding.files
        return finding.outcome is Outcome.ABSENT

    def _found(self, finding: Finding) -> tuple[OpenBeamtime | None, bool, tuple[Trouble, ...]]:
        file = finding.files[0]
        try:
            metadata = self._metadata(file)
            root = file.parent.resolve(strict=True)
            directory = root_id(root)
        except FileNotFoundError:
            return None, True, ()
        except (BeampaceError, OSError) as error:
            return None, False, (_trouble(file, error),)
        resources, troubles = _resources(metadata, file)
        beamtime = _opened(metadata, root, finding, resources)
        return replace(beamtime, root_id=directory), False, troubles

    def _metadata(self, file: Path) -> Metadata:
        content = read_small(file, MAX_BYTES, file.parent)
        if self._parsed is None or self._parsed[:2] != (file, content):
            self._parsed = (file, content, parse_metadata(content, file))
        return self._parsed[2]


def _opened(
    metadata: Metadata, root: Path, finding: Finding, resources: OnlineResources | None
) -> OpenBeamtime:
    return OpenBeamtime(
        id=metadata.id,
        root=root,
        raw=root / "raw",
        processed=root / "processed",
        title=metadata.title,
        metadata=metadata,
        resources=resources,
        core_path=metadata.core_path,
        entrance=finding.root,
        rank=finding.rank,
    )


def _resources(metadata: Metadata, file: Path) -> tuple[OnlineResources | None, tuple[Trouble, ...]]:
    """What is granted; what makes no sense is a trouble, and the beamtime lasts without it."""
    remarks = tuple(Trouble(shown(file), f"{shown(file)}: {words}", _CORRECT) for words in metadata.remarks)
    try:
        return granted(metadata, file.parent), remarks
    except BeampaceError as error:
        return None, (*remarks, _trouble(file, error))


_CORRECT = "Correct the file; until then that key counts as absent."


def _fixed(fixed: FixedBeamtime) -> tuple[OpenBeamtime | None, bool, tuple[Trouble, ...]]:
    try:
        root = fixed.root.resolve()
        if root.is_dir():
            return OpenBeamtime.at(fixed.identity, root, root_id(root)), False, ()
    except (BeampaceError, OSError, RuntimeError) as error:
        return None, False, (_trouble(fixed.root, error),)
    words = f"The beamtime's directory {fixed.root} is not there."
    return None, True, (Trouble(str(fixed.root), words, "Make it, or correct the configuration."),)


def _troubles(finding: Finding) -> tuple[Trouble, ...]:
    if finding.outcome is Outcome.ABSENT:
        return ()
    where = shown(finding.root) if finding.root is not None else ""
    step = (
        "Take away the files of other beamtimes."
        if finding.outcome is Outcome.SEVERAL
        else "Check the mount."
    )
    return (Trouble(where, finding.words, step),)


def _trouble(where: Path, error: Exception) -> Trouble:
    if isinstance(error, BeampaceError):
        return Trouble(shown(where), error.detail, error.next_step)
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return Trouble(shown(where), f"{shown(where)} cannot be read: {why}.", "Check its rights and the mount.")
