"""Where the frames of a dataset lie: external links, a virtual dataset, or the master itself.

A link may lead only to a file inside the master's own directory, with symbolic links resolved:
what others plant beside the data is not followed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.eiger.access import get
from beampace.eiger.names import true_name

DATA = "/entry/data"
MAX_LINKS = 100_000
_NAME = re.compile(r"data_(\d+)$")


@dataclass(frozen=True, slots=True)
class Link:
    """A place where frames are, or will be.

    Attributes:
        file: the file, absolute.
        dataset: path of the dataset in it.
        order: position among the links, from 0.
        first: number of the first frame when the master says so (virtual datasets), or None.
        count: frames when the master says so, or None.
        offset: index in the dataset of the first frame.
        refused: why the link is not followed, or "".
    """

    file: Path
    dataset: str
    order: int
    first: int | None = None
    count: int | None = None
    offset: int = 0
    refused: str = ""


def data_links(master: Path, handle: h5py.File, roots: tuple[Path, ...] = ()) -> tuple[Link, ...]:
    """All places of frames, in order.

    Args:
        master: path of the master.
        handle: the open master.
        roots: further directories links may lead into.
    """
    group = get(handle, DATA)
    if not isinstance(group, h5py.Group):
        return ()
    allowed = (master.resolve().parent, *(root.resolve() for root in roots))
    names = sorted((int(match[1]), name) for name in group if (match := _NAME.match(name)))[:MAX_LINKS]
    if names:
        return tuple(_by_name(master, group, name, order, allowed) for order, (_, name) in enumerate(names))
    whole = group.get("data", getlink=True) if "data" in group else None
    if isinstance(whole, h5py.ExternalLink):
        return (_by_name(master, group, "data", 0, allowed),)
    found = get(handle, f"{DATA}/data") if whole is not None else None
    if not isinstance(found, h5py.Dataset):
        return ()
    return _virtual(master, found, allowed) if found.is_virtual else (_inside(master, found),)


def check_target(file: Path, allowed: tuple[Path, ...]) -> str:
    """Why a file may not be opened for a dataset, or "" when it lies inside an allowed directory."""
    try:
        target = file.resolve()
    except (OSError, RuntimeError) as error:
        return f"the link target {file} cannot be resolved: {error}"
    if any(target.is_relative_to(root) for root in allowed):
        return ""
    return f"the link target {file} lies outside the directory of the dataset"


def _by_name(master: Path, group: h5py.Group, name: str, order: int, allowed: tuple[Path, ...]) -> Link:
    link: Any = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        file = master.resolve().parent / str(link.filename)
        return Link(file, str(link.path), order, refused=check_target(file, allowed))
    path = str(link.path) if isinstance(link, h5py.SoftLink) else f"{DATA}/{name}"
    return Link(master, path, order)


def _inside(master: Path, dataset: h5py.Dataset) -> Link:
    return Link(master, str(dataset.name), 0, first=1, count=int(dataset.shape[0]))


def _virtual(master: Path, dataset: h5py.Dataset, allowed: tuple[Path, ...]) -> tuple[Link, ...]:
    """The sources of a virtual dataset, each a run of whole frames."""
    found = []
    for source in dataset.virtual_sources():
        name, path = _true_names(source, master)
        to = source.vspace.get_select_bounds()
        count, offset = to[1][0] - to[0][0] + 1, _source_offset(source.src_space, to)
        if offset is None or tuple(to[1][1:]) != tuple(side - 1 for side in dataset.shape[1:]):
            raise failure(
                Failure.METADATA_INCONSISTENT,
                f"the virtual dataset {dataset.name} of {master} is not made of whole frames.",
            )
        file = master if name == "." else master.resolve().parent / name
        refused = "" if name == "." else check_target(file, allowed)
        found.append((to[0][0] + 1, count, file, path, offset, refused))
    found.sort()
    return tuple(
        Link(file, path, order, first=first, count=count, offset=offset, refused=refused)
        for order, (first, count, file, path, offset, refused) in enumerate(found)
    )


def _true_names(source: Any, master: Path) -> tuple[str, str]:
    """File and dataset of a source."""
    try:
        return true_name(str(source.file_name)), true_name(str(source.dset_name))
    except ValueError as error:
        raise failure(Failure.METADATA_INCONSISTENT, f"a virtual dataset of {master}: {error}.") from error


def _source_offset(space: Any, to: Any) -> int | None:
    """First frame taken from a source, or None when it does not match the frames it is mapped to."""
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        return 0
    of = space.get_select_bounds()
    same = tuple(of[1][1:]) == tuple(to[1][1:]) and of[1][0] - of[0][0] == to[1][0] - to[0][0]
    return int(of[0][0]) if same else None
