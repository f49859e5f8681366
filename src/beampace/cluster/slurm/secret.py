"""A file that holds a secret: read at use, refused when others may read it, its content never shown."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from beampace.cluster.slurm.transport import Unreachable

MOST_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Secret:
    """A kind of secret, in the words of its errors.

    Attributes:
        name: what it is called.
        unreadable, opened: what to do when it cannot be read, and when others may read it.
    """

    name: str
    unreadable: str
    opened: str

    def read(self, path: Path, *, allow_open: bool = False) -> bytes:
        """The content; a link is not followed.

        Raises:
            Unreachable: it cannot be read, is no plain file, or others may read it without `allow_open`.
                The message names the file and its mode, never its content.
        """
        try:
            content, mode = _content(path)
        except OSError as error:
            detail = f"{self.name} {path} cannot be read: {error.strerror}."
            raise Unreachable(detail, self.unreadable) from None
        if not stat.S_ISREG(mode):
            raise Unreachable(f"{self.name} {path} is no plain file.")
        if mode & (stat.S_IRWXG | stat.S_IRWXO) and not allow_open:
            shown = f"{stat.S_IMODE(mode):04o}"
            raise Unreachable(f"{self.name} {path} may be read by others (mode {shown}).", self.opened)
        return content


def _content(path: Path) -> tuple[bytes, int]:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        mode = os.fstat(file).st_mode
        return (os.read(file, MOST_BYTES) if stat.S_ISREG(mode) else b"", mode)
    finally:
        os.close(file)
