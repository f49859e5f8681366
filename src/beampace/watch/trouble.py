"""What staff are told of the outside world. The words do not change while the trouble lasts."""

from __future__ import annotations

import errno
import os

from beampace.core.sighting import Trouble
from beampace.watch.names import spelt

_RIGHTS = "Give the account of the service the right to read and enter it."
_RENAME = "Nothing of it is processed. If it is a dataset, give it an ordinary name or file."


def not_listed(path: str, error: OSError) -> Trouble:
    """A directory that cannot be listed."""
    why = os.strerror(error.errno) if error.errno else "no reason given"
    step = _RIGHTS if error.errno in (errno.EACCES, errno.EPERM) else "See whether the file system answers."
    return Trouble(spelt(path), f"This directory cannot be listed: {why}.", step)


def odd(path: str, why: str) -> Trouble:
    """An entry that looks like a dataset and is not looked at."""
    return Trouble(spelt(path), f"It is not looked at: {why}.", _RENAME)


def cut(path: str, most: int) -> Trouble:
    """A directory with too many entries."""
    words = f"It has more than {most} entries; those beyond are not looked at."
    return Trouble(spelt(path), words, "Spread its files over several directories.")


def crowded(path: str, most: int) -> Trouble:
    """More directories than are watched."""
    words = f"More than {most} directories are below raw; new ones in here are not looked at."
    return Trouble(
        spelt(path), words, "Remove directories that hold no data, or raise the bound in the configuration."
    )


def too_deep(path: str, most: int) -> Trouble:
    """A directory below the deepest level."""
    words = f"It lies {most} levels below raw; directories in it are not looked at."
    return Trouble(spelt(path), words, "Put datasets nearer to raw.")
