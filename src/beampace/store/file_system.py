"""Which file system a path lies on, and whether a SQLite ledger can be kept there.

SQLite in WAL mode shares memory between its processes; over a network file system that, and its locks, fail
silently (https://sqlite.org/wal.html, https://sqlite.org/howtocorrupt.html).
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

MOUNTINFO = Path("/proc/self/mountinfo")

_NETWORK = re.compile(
    r"gpfs|mmfs|nfs\d?|afs|auristorfs|lustre|cifs|smb\d?|smbfs|ceph|glusterfs|beegfs|9p|panfs|wekafs"
    r"|orangefs|pvfs2|dvs|ncpfs|coda|fuse(\..+)?"
)
_LOCAL_FUSE = frozenset({"fuse.fuse-overlayfs", "fuse.ntfs-3g"})


def is_network(kind: str) -> bool:
    """Whether a file system of this type is shared over a network, or may be (FUSE)."""
    return kind not in _LOCAL_FUSE and _NETWORK.fullmatch(kind.lower()) is not None


def file_system_of(path: PurePosixPath, mountinfo: str) -> str:
    """Type of the file system `path` lies on; "" when no mount point leads to it.

    Args:
        path: absolute, symbolic links resolved.
        mountinfo: text of `/proc/self/mountinfo` (proc(5)): the mount point is its fifth field, the type
            follows the field `-`; of mounts on the same place the last one is seen.
    """
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, words = before.split(), after.split()
        if len(fields) < 5 or not words:
            continue
        point = PurePosixPath(_unescaped(fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), words[0]
    return kind


def _unescaped(text: str) -> str:
    r"""Blanks, tabs, line ends and backslashes are written as `\040` and the like."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def refuse_network(path: Path, mountinfo: Path = MOUNTINFO) -> None:
    """See that a ledger may be kept at `path`.

    Args:
        path: of the ledger; it need not exist.
        mountinfo: where the kernel lists what is mounted.

    Raises:
        InputError: it lies on a network file system (bad_request).
    """
    try:
        text = mountinfo.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return  # not Linux: nothing is known, and nothing follows from that
    kind = file_system_of(PurePosixPath(path.resolve()), text)
    if is_network(kind):
        raise failure(
            Failure.BAD_REQUEST,
            f"The ledger {path} would lie on a {kind} file system; SQLite is not safe there.",
            "Choose a state_dir on a local disk, or give the URL of a PostgreSQL database.",
        )
