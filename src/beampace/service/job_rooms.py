"""Directories made for jobs before they are given away: where results go, and where an attempt has its files.

Jobs may run as another account, to which beamtimes' directories are open: no symbolic link on the way is
followed, modes are right whatever the umask, and what belongs to a stranger is not used. Results of a group
with readers of its own, and the files of attempts, are closed by access lists where the file system knows
them; where it does not, results are open to everybody, and staff are told.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from beampace.core.errors import BeampaceError, failure
from beampace.core.sighting import Trouble
from beampace.core.taxonomy import Failure
from beampace.results.acl import (
    NONE,
    closed_list,
    drop_lists,
    file_list,
    hands_on,
    is_closed,
    set_lists,
    set_mode,
)
from beampace.service.job_places import JobPlaces
from beampace.work.place import entered, made_below

SHARED_MODES, OWN_MODES = (0o1777, 0o1770), (0o755, 0o770)
"""Modes of the directory of results where jobs run as another account, and as ours: for everybody, and where
the directory above is its group's alone. Sticky: nobody replaces what another one made."""

CLOSED_MODE = 0o3770
"""Mode of one that a list closes: the group's permissions are the list's mask, others have none. By
set-group-ID what is written there later is known to be closed, too."""

OWN_PARTS = frozenset({"processed", "scratch_bl", "scratch_cc", "shared"})
"""Directories that come with a beamtime; whoever made them may have put a link in their place."""


@dataclass(slots=True)
class JobRooms:
    """Makes directories for jobs.

    Attributes:
        places: says whose jobs they are.
        readers: group to the accounts that may read its results; groups without are open to everybody.
    """

    places: JobPlaces
    readers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _troubles: dict[str, Trouble] = field(default_factory=dict)
    _root: Path | None = None

    def troubles(self) -> tuple[Trouble, ...]:
        """What staff should know of the beamtime for which directories were made last."""
        return tuple(self._troubles.values())

    def results(self, processed: Path, place: PurePosixPath, group: str) -> None:
        """Make the directory in which jobs make those of their results, with those on the way.

        Where jobs run as this process's account and the group is open nothing is made: they do it.

        Args:
            processed: root of the results.
            place: relative to it.
            group: whose results they are.

        Raises:
            InputError: `place` leads out of `processed` (bad_request).
            InfrastructureError: there is a stranger's directory, or a link on the way (not_writable).
            OSError: it cannot be made.
        """
        if self._root != processed:
            self._root, self._troubles = processed, {}
            self._numbers = {}  # an account may have been made anew for another beamtime
        if self._account() is None and group not in self.readers:
            return
        path = processed / place
        with _named(path), made_below(processed, path.parent) as above:
            _make(above, path.name)
            with entered(above, path.name, path) as handle:
                if group not in self.readers or not self._close_results(handle, path, group):
                    self._open_results(above, handle)

    def page_lists(self) -> Mapping[str, bytes]:
        """Group with readers to the access list of a page with its results, for what this process writes."""
        found = {}
        for group in self.readers:
            numbers = [self._jobs(), *(self._reader(name, group) for name in self.readers[group])]
            found[group] = file_list(number for number in numbers if number is not None)
        return found

    def attempt(self, root: Path, directory: Path) -> None:
        """Make an attempt's directory; those above it can be passed through.

        Its own is closed to all but this process's account until `write_launch` opens it.

        Args:
            root: of the beamtime.
            directory: of the attempt, in the beamtime or in this process's own place.

        Raises:
            InfrastructureError: there is a stranger's directory, or a link on the way (not_writable).
            OSError: it cannot be made.
        """
        directory = directory.absolute()
        base = _base(root, directory)
        with _named(directory), made_below(base, base) as handle:
            self._rooms(handle, directory, directory.relative_to(base).parts)

    def _rooms(self, handle: int, directory: Path, parts: tuple[str, ...]) -> None:
        """Enter directory after directory; the last one is the attempt's."""
        made = _make(handle, parts[0])
        with entered(handle, parts[0], directory) as inner:
            self._check_ours(inner, directory, parts[0])
            if parts[1:]:
                if made:
                    os.fchmod(inner, 0o755)
                self._rooms(inner, directory, parts[1:])
            elif made or not (hands_on(inner) or os.fstat(inner).st_mode & stat.S_IRWXG):
                self._close_attempt(inner)

    def _close_attempt(self, handle: int) -> None:
        """A list that lets the jobs' account in as soon as the mode, its mask, does; else only the mode."""
        account = self.places.account()
        number = None if account is None else self._number(account)
        both = () if number is None else (number, os.geteuid())
        if not both or not set_lists(handle, closed_list(both, mask=NONE), closed_list(both)):
            drop_lists(handle)  # those of the directory above
        os.fchmod(handle, 0o700)

    def _check_ours(self, handle: int, directory: Path, name: str) -> None:
        owner = os.fstat(handle).st_uid
        if owner not in (os.geteuid(), 0):
            detail = f"{name} on the way to {directory} belongs to {_name(owner)}, not to this account."
            step = "Remove it, or choose another `work_room` in [cluster.slurm]."
            raise failure(Failure.NOT_WRITABLE, detail, step)

    def _open_results(self, above: int, handle: int) -> None:
        """Let the jobs' account make directories in a directory of ours, and everybody read them."""
        closed, kept = is_closed(above), os.fstat(above).st_mode & stat.S_ISGID
        found = os.fstat(handle)
        if found.st_uid != os.geteuid():
            return  # the jobs' account's own, or one whose owner let it in
        if hands_on(handle) and not closed and not found.st_mode & stat.S_IRWXO:
            drop_lists(handle)  # from when its group had readers
        everybody, group = OWN_MODES if self._account() is None else SHARED_MODES
        set_mode(handle, (group if closed else everybody) | kept)

    def _close_results(self, handle: int, path: Path, group: str) -> bool:
        """Close a directory to all but the jobs' account and the group's readers; False where none can be.

        Raises:
            InfrastructureError: it is a stranger's (not_writable).
        """
        jobs, owner, own = self._jobs(), os.fstat(handle).st_uid, os.geteuid()
        if owner not in (own, jobs):
            raise _strange(path, owner)
        if owner != own and own != 0:
            return _was_closed(handle, path, owner)
        numbers = (self._reader(name, group) for name in self.readers[group])
        readers = [number for number in numbers if number is not None]
        access = closed_list((own, jobs or 0), readers)
        if jobs is None or not set_lists(handle, access, access):
            self._troubles["lists"] = _open_to_all(known=jobs is not None)
            return False
        self._troubles.pop("lists", None)
        set_mode(handle, CLOSED_MODE)
        return True

    def _account(self) -> str | None:
        """Whose jobs they are, or None where they are this process's account's."""
        account = self.places.account()
        return None if account and self._number(account) == os.geteuid() else account

    def _jobs(self) -> int | None:
        """Number of the account of the jobs; None where it is not known on this machine."""
        account = self._account()
        return os.geteuid() if account is None else self._number(account)

    def _reader(self, name: str, group: str) -> int | None:
        number = self._number(name)
        if number is None:
            words = f"The account {name!r}, a reader of group {group!r}, is not known on this machine."
            step = "Correct [groups.readers], or make the account known; until then it cannot read results."
            self._troubles[f"reader {name}"] = Trouble(f"group {group}", words, step)
        else:
            self._troubles.pop(f"reader {name}", None)
        return number

    def _number(self, account: str) -> int | None:
        """Number of an account; what is known is not asked for again: a directory service may be slow."""
        if account not in self._numbers:
            try:
                self._numbers[account] = pwd.getpwnam(account).pw_uid
            except KeyError:
                return None
        return self._numbers[account]


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the whole path in what the operating system says of a part of it.

    Raises:
        OSError: it said something.
    """
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _base(root: Path, directory: Path) -> Path:
    """The directory above an attempt's from which on nothing is trusted."""
    if directory.is_relative_to(root):
        first = directory.relative_to(root).parts[0]
        return root / first if first in OWN_PARTS else root
    return next(path for path in directory.parents if path.exists())


def _make(handle: int, name: str) -> bool:
    """Make a directory that only its owner may enter yet; False when there is something of this name."""
    try:
        os.mkdir(name, 0o700, dir_fd=handle)
    except FileExistsError:
        return False
    return True


def _was_closed(handle: int, path: Path, owner: int) -> bool:
    """That a directory of the jobs' account, which we cannot close, is closed.

    Raises:
        InfrastructureError: it is not (not_writable).
    """
    if os.fstat(handle).st_mode & stat.S_IRWXO:
        raise _strange(path, owner)
    return True


def _strange(path: Path, owner: int) -> BeampaceError:
    detail = f"{path} belongs to {_name(owner)}, so that it cannot be closed to other groups."
    return failure(Failure.NOT_WRITABLE, detail, "Move it away; results of its group are made anew there.")


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"account {number}"


def _open_to_all(*, known: bool) -> Trouble:
    why = "this file system knows no access lists" if known else "the jobs' account is not known here"
    words = f"Groups are told apart by pages only: {why}, and everybody may read all results."
    return Trouble("groups", words, "Remove [groups.readers], or keep results where access lists can be set.")
