"""Under which names jobs see files: on this machine the same, on a node of a cluster others."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from beampace.beamtime import OnlineResources, OpenBeamtime, PathViews, View, views_of
from beampace.core.errors import failure
from beampace.core.sighting import Trouble
from beampace.core.taxonomy import Failure
from beampace.service.slurm_section import SlurmSection

JOBS = "jobs"
"""Directory of the attempts' directories."""


class JobPlaces(Protocol):
    """Names of files where jobs run, and where the attempts' own files are."""

    def see(self, beamtime: OpenBeamtime | None) -> None:
        """Which beamtime is open at this moment, with what is granted."""
        ...

    def sees(self, beamtime: str) -> bool:
        """Whether jobs of this beamtime can run now."""
        ...

    def account(self) -> str | None:
        """Whose jobs they are: None for the daemon's own account, "" where it is not known now."""
        ...

    def room(self, root: Path) -> Path:
        """Where the attempts of a beamtime have their directories.

        Args:
            root: the beamtime's directory.
        """
        ...

    def rooms(self) -> tuple[Path, ...]:
        """Every such directory that can be tidied up now."""
        ...

    def there(self, path: Path, *, raw: bool = False) -> Path:
        """A file as jobs see it.

        Args:
            path: as this machine sees it.
            raw: whether it is raw data, which jobs may read from another view.

        Raises:
            InputError: it has no name there (bad_request).
        """
        ...

    def troubles(self) -> tuple[Trouble, ...]:
        """What keeps jobs of the open beamtime from running, for staff."""
        ...


@dataclass(frozen=True, slots=True)
class LocalPlaces:
    """Jobs of this machine: every name is the same, their files are in the daemon's own directory.

    Attributes:
        state_dir: the daemon's directory.
    """

    state_dir: Path

    def see(self, beamtime: OpenBeamtime | None) -> None:
        """Nothing depends on it."""

    def sees(self, beamtime: str) -> bool:
        """Jobs of every beamtime."""
        del beamtime
        return True

    def account(self) -> str | None:
        """The daemon's own."""
        return None

    def room(self, root: Path) -> Path:
        """The same for all beamtimes."""
        del root
        return self.state_dir / JOBS

    def rooms(self) -> tuple[Path, ...]:
        """The one there is."""
        return (self.state_dir / JOBS,)

    def there(self, path: Path, *, raw: bool = False) -> Path:
        """The same path."""
        del raw
        return path

    def troubles(self) -> tuple[Trouble, ...]:
        """Nothing is needed."""
        return ()


@dataclass(slots=True)
class NodePlaces:
    """Jobs of a cluster: they see the open beamtime, under other names, and nothing before or after it.

    Attributes:
        section: what the configuration says.
        user: name of this process's account.
    """

    section: SlurmSection
    user: Callable[[], str] = getpass.getuser
    _open: OpenBeamtime | None = None

    def see(self, beamtime: OpenBeamtime | None) -> None:
        """Take in what is granted; see `JobPlaces`."""
        self._open = beamtime

    def sees(self, beamtime: str) -> bool:
        """Only the open one, and only with an account."""
        return self._open is not None and self._open.id == beamtime and self.granted() is not None

    def granted(self) -> OnlineResources | None:
        """What is granted at this moment: by the metadata, else by the configuration; None for nothing."""
        if self._open is None:
            return None
        found = self._open.resources or OnlineResources("", None, "", "", ())
        own = self.section.via == "local"
        account = self.user() if own else found.account or self.section.account
        if not account:
            return None
        reservation = found.reservation or self.section.reservation
        return OnlineResources(
            account, found.key, reservation, found.partition or self.section.partition, found.nodes
        )

    def account(self) -> str | None:
        """The one that is granted, unless jobs are submitted as the daemon's own."""
        if self.section.via == "local":
            return None
        granted = self.granted()
        return "" if granted is None else granted.account

    def room(self, root: Path) -> Path:
        """Inside the beamtime, where nodes can write."""
        return root / self.section.work_room / JOBS

    def rooms(self) -> tuple[Path, ...]:
        """That of the open beamtime."""
        return () if self._open is None else (self.room(self._open.root),)

    def there(self, path: Path, *, raw: bool = False) -> Path:
        """A file as a node sees it; see `JobPlaces`."""
        if not self.section.node_base:
            return path
        views = self._views()
        if views is not None and _inside(views, path):
            to = View.CORE if raw and self.section.read == "core" else View.NODE
            return Path(views.convert(path, to))
        return self._named(path)

    def troubles(self) -> tuple[Trouble, ...]:
        """What the metadata lack."""
        if self._open is None or self.granted() is not None:
            return ()
        words = "The metadata of the beamtime grant no account on the cluster; work waits."
        step = "Have the beamtime started with online resources, or set `account` in [cluster.slurm]."
        return (Trouble("slurm", words, step),)

    def _views(self) -> PathViews | None:
        return None if self._open is None else views_of(self._open, node_base=self.section.node_base)

    def _named(self, path: Path) -> Path:
        """A path outside the beamtime, by the table of the configuration."""
        fitting = [here for here in self.section.paths if path.is_relative_to(here)]
        if not fitting:
            return path
        here = max(fitting, key=lambda one: len(PurePosixPath(one).parts))
        return Path(self.section.paths[here]) / path.relative_to(here)


def _inside(views: PathViews, path: Path) -> bool:
    if not path.is_absolute() or ".." in path.parts:
        raise failure(Failure.BAD_REQUEST, f"{path} is no absolute path without `..`.")
    return any(path.is_relative_to(root) for roots in views.roots.values() for root in roots)
