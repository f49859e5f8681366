"""Small files that others write: read whole, bounded, and only when they are plain files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


def read_small(path: Path, most: int, root: Path | None = None) -> bytes:
    """The bytes of a plain file.

    Args:
        path: the file; a symbolic link is followed only when it stays below `root`.
        most: largest size in bytes.
        root: directory it must lie in once symbolic links are resolved, or None.

    Raises:
        InputError: it is no plain file, lies elsewhere, or is too large (metadata_inconsistent).
        OSError: it cannot be read.
    """
    try:
        true = path.resolve(strict=True)
    except RuntimeError as error:
        raise _refused(path, "is a link that leads to itself") from error
    if root is not None and not true.is_relative_to(root.resolve()):
        raise _refused(path, f"is a link that leads out of {shown(root)}")
    # O_NONBLOCK: opening a pipe would otherwise wait for a writer for ever.
    descriptor = os.open(true, _FLAGS)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _refused(path, "is not a plain file")
        content = file.read(most + 1)
    if len(content) > most:
        raise _refused(path, f"is larger than {most} bytes")
    return content


def shown(path: Path | str) -> str:
    """A path or name fit for messages: what does not print, or is no text at all, is escaped."""
    text = str(path).encode("utf-8", "backslashreplace").decode()
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _refused(path: Path, why: str) -> Exception:
    return failure(
        Failure.METADATA_INCONSISTENT, f"{shown(path)} {why}.", "Replace it by a plain file, or take it away."
    )
