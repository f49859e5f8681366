"""Places that others can write to: what a job reads and where it writes is proven at the moment of use.

The roots (`raw`, `processed`) come from the daemon and may be symbolic links. Nothing below them is trusted.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from beampace.beamtime import is_still
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.results.below import opened_directory
from beampace.work.directory import MAX_NUMBER, OPEN_MODES, modes_below, os_failure

log = logging.getLogger("beampace.work")


def check_master(master: Path, raw: Path) -> None:
    """Stop unless a master lies below `raw`, reached by no symbolic link of a stranger.

    Links of root, of our own and of the owner of `raw` are followed as long as they stay inside.

    Raises:
        InputError: bad_request.
    """
    for path in (master, raw):
        if not path.is_absolute() or ".." in path.parts:
            raise failure(Failure.BAD_REQUEST, f"{path} is no absolute path without '..'.")
    try:
        real, root = master.resolve(), raw.resolve()
        known = {0, os.getuid(), _owner(root)}
        strange = next((link for link in _links(master, raw) if link.lstat().st_uid not in known), None)
    except (OSError, RuntimeError) as error:
        raise failure(Failure.BAD_REQUEST, f"{master} cannot be resolved: {error}.") from error
    if real == root or not real.is_relative_to(root):
        raise failure(Failure.BAD_REQUEST, f"{master} leads to {real}, outside of the raw data {root}.")
    if strange is not None:
        raise failure(Failure.BAD_REQUEST, f"{strange} is a symbolic link of another user; not followed.")


def check_root(raw: Path, root_id: str) -> None:
    """Stop unless the directory above `raw` is the beamtime's, and not the next one of that name.

    Args:
        raw: root of the raw data.
        root_id: of the beamtime's directory; "" is not checked.

    Raises:
        InfrastructureError: it is another directory, or gone (beamtime_closed); it cannot be asked
            (not_writable).
    """
    try:
        still = not root_id or is_still(raw.parent, root_id)
    except OSError as error:
        raise os_failure(error, str(raw.parent)) from error
    if not still:
        detail = f"{raw.parent} is no longer the directory of the beamtime this work belongs to."
        raise failure(Failure.BEAMTIME_CLOSED, detail)


def numbered_below(root: Path, place: Path, work: str) -> Path:
    """Make the next `<work>_<NNN>` in `place`, and `place` itself where it is missing.

    No symbolic link below `root` is followed, also when it is planted while this goes on.

    Args:
        root: of the results; may be a symbolic link itself, and is made when it is missing.
        place: absolute; below `root`.
        work: `process`, ...

    Raises:
        InputError: `place` is not below `root` (bad_request).
        InfrastructureError: it cannot be made (not_writable, disk_full).
    """
    try:
        with made_below(root, place) as handle:
            return place / _numbered(handle, work, place)
    except OSError as error:
        raise os_failure(error, str(place)) from error


@contextmanager
def made_below(root: Path, place: Path) -> Iterator[int]:
    """A directory below `root`, held open; it and those on the way are made where they are missing.

    No symbolic link below `root` is followed, also when it is planted while this goes on.

    Args:
        root: made when it is missing; may be a symbolic link itself.
        place: absolute; `root` itself or below it.

    Raises:
        InputError: `place` is not below `root` (bad_request).
        InfrastructureError: there is a symbolic link on the way (not_writable).
        OSError: it cannot be made.
    """
    parts = _parts_below(root, place)
    _make_root(root)
    with ExitStack() as held:
        handle = held.enter_context(opened_directory(root))
        for part in parts:
            handle = held.enter_context(entered(handle, part, place))
        yield handle


@contextmanager
def entered(handle: int, name: str, place: Path) -> Iterator[int]:
    """A directory in one that is held open, held open itself; made when it is missing.

    Args:
        handle: of the directory it lies in.
        name: one component.
        place: for which this is done, for the words of what is raised.

    Raises:
        InfrastructureError: a symbolic link has its name (not_writable).
        OSError: it cannot be made.
    """
    if not _is_there(handle, name, place):
        try:
            _make(handle, name)
        except FileExistsError:  # somebody else was faster
            _is_there(handle, name, place)
    with opened_directory(name, handle) as inner:
        yield inner


def _owner(path: Path) -> int:
    return path.stat().st_uid if path.exists() else 0


def _links(path: Path, root: Path) -> list[Path]:
    """Symbolic links on the way from `root` to `path`, as it is written."""
    if not path.is_relative_to(root):
        return []
    below = [part for part in (path, *path.parents) if part != root and part.is_relative_to(root)]
    return [part for part in below if part.is_symlink()]


def _parts_below(root: Path, place: Path) -> tuple[str, ...]:
    for start in (root, root.resolve()):
        if place.is_absolute() and place.is_relative_to(start) and ".." not in place.parts:
            return place.relative_to(start).parts
    raise failure(Failure.BAD_REQUEST, f"the result place {place} does not lie below {root}.")


def _make_root(root: Path) -> None:
    if root.is_dir():
        return
    with suppress(FileExistsError):  # somebody else was faster
        root.mkdir()
        root.chmod(OPEN_MODES[0])


def _is_there(handle: int, name: str, place: Path) -> bool:
    """Whether there is something of this name that is no symbolic link; where nobody may write, too."""
    try:
        mode = os.lstat(name, dir_fd=handle).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISLNK(mode):
        raise failure(
            Failure.NOT_WRITABLE,
            f"{name} on the way to {place} is a symbolic link; results are not written through links.",
            "Remove the link, or put a directory in its place.",
        )
    return True


def _numbered(handle: int, work: str, place: Path) -> str:
    taken = (re.fullmatch(rf"{re.escape(work)}_(\d{{1,9}})", name) for name in os.listdir(handle))
    first = max((int(match[1]) for match in taken if match), default=0) + 1
    for number in range(first, MAX_NUMBER):
        try:
            _make(handle, name := f"{work}_{number:03d}")
        except FileExistsError:
            continue
        return name
    raise failure(Failure.NOT_WRITABLE, f"{place} holds {MAX_NUMBER} results of {work}.")


def _make(handle: int, name: str) -> None:
    """Make one directory with the mode that fits the one it lies in, whatever the umask.

    Raises:
        OSError: it exists (FileExistsError) or cannot be made.
    """
    os.mkdir(name, dir_fd=handle)
    kept, (mode, _) = modes_below(handle)
    with opened_directory(name, handle) as made:
        try:
            os.fchmod(made, mode | kept)
        except OSError as error:
            log.warning("the mode of %s cannot be set: %s", name, error)
