"""The one mapper between path views: the same place under the names it has on different machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath, PurePosixPath

from beampace.beamtime.lifecycle import OpenBeamtime
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure


class View(StrEnum):
    """Who sees a path under this name."""

    BEAMLINE = "beamline"
    """Beamline computers: `/gpfs/current`."""
    NODE = "node"
    """Reserved cluster nodes, during the beamtime: `/beamline/p11/current`."""
    CORE = "core"
    """All of the cluster, minutes later: `corePath`."""


@dataclass(frozen=True, slots=True)
class PathViews:
    """Where the beamtime's directory is in each view.

    Attributes:
        roots: view -> its names; the first is the one paths are converted to, the others are understood.
    """

    roots: Mapping[View, tuple[PurePosixPath, ...]]

    def convert(self, path: PurePath, to: View) -> PurePosixPath:
        """The same place in another view.

        Raises:
            InputError: the path has `..`, lies in no view, or the view is not known (bad_request).
        """
        _, root = self._place(path)
        names = self.roots.get(to)
        if not names:
            raise failure(Failure.BAD_REQUEST, f"{path} has no name in the {to} view.")
        return names[0] / PurePosixPath(path).relative_to(root)

    def view_of(self, path: PurePath) -> View:
        """The view a path belongs to.

        Raises:
            InputError: it has `..` or lies in no view (bad_request).
        """
        return self._place(path)[0]

    def _place(self, path: PurePath) -> tuple[View, PurePosixPath]:
        plain = PurePosixPath(path)
        if not plain.is_absolute() or ".." in plain.parts:
            raise failure(Failure.BAD_REQUEST, f"{path} is no absolute path without `..`.")
        # The longest root decides: one may lie below another.
        found = max((one for one in self._all() if plain.is_relative_to(one[1])), key=_depth, default=None)
        if found is None:
            known = ", ".join(str(root) for _, root in self._all())
            raise failure(Failure.BAD_REQUEST, f"{path} lies in no view of the beamtime ({known}).")
        return found

    def _all(self) -> Iterator[tuple[View, PurePosixPath]]:
        return ((view, root) for view, roots in self.roots.items() for root in roots)


def _depth(place: tuple[View, PurePosixPath]) -> int:
    return len(place[1].parts)


def views_of(beamtime: OpenBeamtime, here: View = View.BEAMLINE, node_base: str = "/beamline") -> PathViews:
    """The views of a beamtime.

    Args:
        beamtime: the beamtime.
        here: the view of the machine this runs on.
        node_base: where nodes mount beamlines; the directory below is `<beamline>/<name of the entrance>`.
    """
    entrance = beamtime.entrance or beamtime.root
    roots: dict[View, tuple[PurePosixPath, ...]] = {}
    if beamtime.metadata is not None and beamtime.metadata.beamline:
        roots[View.NODE] = (PurePosixPath(node_base) / beamtime.metadata.beamline / entrance.name,)
    if beamtime.core_path is not None:
        roots[View.CORE] = (beamtime.core_path,)
    roots[here] = _distinct(entrance, beamtime.root)
    return PathViews(roots)


def _distinct(*paths: Path) -> tuple[PurePosixPath, ...]:
    return tuple(dict.fromkeys(PurePosixPath(path) for path in paths))
