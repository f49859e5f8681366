"""POSIX access lists (ACLs) of directories: who besides the owner may enter; what lies below inherits it.

The kernel keeps them in two extended attributes. Their form is that of `linux/posix_acl_xattr.h`, version 2:
a 32-bit version, then for each entry a 16-bit tag, 16 bits of permissions (r 4, w 2, x 1) and a 32-bit number
of the account, all little-endian, in the order of the tags. What a mode calls the group's permissions is the
list's *mask*, by which every named account's are cut: mode 0640 leaves named accounts to read.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
"""Attribute with the list of a directory itself, and the one with the list of what will be made in it."""

VERSION = 2
OWNER, USER, GROUP, NAMED_GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
"""Tags of entries; only those of named users and groups have a number."""

NOBODY = 0xFFFF_FFFF
"""The number in entries that have none."""

ALL, READ, NONE = 7, 5, 0
"""Permissions in a directory: everything, reading and passing through, nothing."""

FILE_ALL, FILE_READ = 6, 4
"""The same for files."""

_HEAD, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_UNKNOWN = (errno.EOPNOTSUPP, errno.ENOSYS)


class Entry(NamedTuple):
    """A line of a list."""

    tag: int
    permissions: int
    number: int = NOBODY


def encode(entries: Iterable[Entry]) -> bytes:
    """A list as the kernel takes it."""
    return _HEAD.pack(VERSION) + b"".join(_ENTRY.pack(*entry) for entry in sorted(entries, key=_place))


def decode(content: bytes) -> tuple[Entry, ...]:
    """A list as the kernel gives it.

    Raises:
        ValueError: it is none, or of another version.
    """
    size = len(content) - _HEAD.size
    if size < 0 or size % _ENTRY.size or _HEAD.unpack_from(content)[0] != VERSION:
        raise ValueError(f"{content[:40]!r} is no access list of version {VERSION}")
    return tuple(Entry(*fields) for fields in _ENTRY.iter_unpack(content[_HEAD.size :]))


def closed_list(writers: Iterable[int], readers: Iterable[int] = (), mask: int = ALL) -> bytes:
    """The list of a directory that is closed to all but its owner and some accounts.

    Args:
        writers: numbers of accounts that may do everything.
        readers: of those that may read.
        mask: the most that any of them may do now.
    """
    named = {**dict.fromkeys(readers, READ), **dict.fromkeys(writers, ALL)}
    users = (Entry(USER, permissions, number) for number, permissions in named.items())
    return encode((Entry(OWNER, ALL), *users, Entry(GROUP, NONE), Entry(MASK, mask), Entry(OTHER, NONE)))


def file_list(readers: Iterable[int]) -> bytes:
    """The list of a file that its owner writes and some accounts read, by their numbers."""
    users = (Entry(USER, FILE_READ, number) for number in set(readers))
    fixed = (Entry(OWNER, FILE_ALL), Entry(GROUP, NONE), Entry(MASK, FILE_READ), Entry(OTHER, NONE))
    return encode((*fixed, *users))


def set_file_list(handle: int, wanted: bytes) -> None:
    """Give a file this list where the file system knows any; the mode is left alone where it does not.

    Raises:
        OSError: it cannot be set.
    """
    try:
        os.setxattr(handle, ACCESS, wanted)
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise


def has_list(handle: int, wanted: bytes) -> bool:
    """Whether a file has this list, or can have none."""
    return _content(handle, ACCESS) == wanted or not knows_lists(handle)


def set_lists(handle: int, access: bytes, inherited: bytes) -> bool:
    """Give a directory a list, and what will be made in it another; the mode shows the first one's mask then.

    Args:
        handle: the directory, held open.
        access: as `closed_list` gives it.
        inherited: the same, for what is made later.

    Returns:
        False, and nothing is changed, where the file system knows no lists.

    Raises:
        OSError: they cannot be set.
    """
    try:
        for name, wanted in ((DEFAULT, inherited), (ACCESS, access)):
            if _content(handle, name) != wanted:
                os.setxattr(handle, name, wanted)
    except OSError as error:
        if error.errno in _UNKNOWN:
            return False
        raise
    return True


def set_mode(handle: int, mode: int) -> None:
    """Set the mode of a directory of ours, exactly.

    The kernel takes the set-group-ID bit away where we are not in the directory's group. In a closed one it
    is the sign for whoever writes there later, and its group has no rights: it gets ours then.

    Raises:
        OSError: it cannot be set.
    """
    if _mode(handle) == mode:
        return
    os.fchmod(handle, mode)
    if _mode(handle) != mode and is_closed(handle):
        os.fchown(handle, -1, os.getegid())
        os.fchmod(handle, mode)


def drop_lists(handle: int) -> None:
    """Leave a directory with its mode only.

    Raises:
        OSError: they cannot be removed.
    """
    for name in (DEFAULT, ACCESS):
        if _content(handle, name) is not None:
            os.removexattr(handle, name)


def knows_lists(place: Path | int) -> bool:
    """Whether the file system of a directory knows access lists; nothing is written."""
    try:
        os.getxattr(place, DEFAULT)
    except OSError as error:
        return error.errno == errno.ENODATA
    return True


def hands_on(place: Path | int) -> bool:
    """Whether what is made in a directory inherits a list."""
    return _content(place, DEFAULT) is not None


def is_closed(place: Path | int) -> bool:
    """Whether a directory is closed to others and hands on to whom it is open: its group, or a list.

    Raises:
        OSError: it cannot be asked.
    """
    mode = os.stat(place).st_mode  # noqa: PTH116 - of a handle, too
    return not mode & stat.S_IRWXO and (bool(mode & stat.S_ISGID) or hands_on(place))


def set_own_mode(handle: int, name: str, mode: int) -> None:
    """Set the mode of a file of ours in a directory that is held open; anything else is left alone.

    Raises:
        OSError: it cannot be set.
    """
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=handle)
    except OSError:  # a link, or nothing that we may read
        return
    try:
        found = os.fstat(file)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1:
            os.fchmod(file, mode)
    finally:
        os.close(file)


def _mode(handle: int) -> int:
    return stat.S_IMODE(os.fstat(handle).st_mode)


def _content(place: Path | int, name: str) -> bytes | None:
    try:
        return os.getxattr(place, name)
    except OSError:  # there is none, or none can be
        return None


def _place(entry: Entry) -> tuple[int, int]:
    return entry.tag, entry.number
