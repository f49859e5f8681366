"""The beamtime's private key: read at use, refused when others may read it, never shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import asyncssh

from beampace.cluster.slurm.transport import Unreachable

MOST_BYTES = 100_000


def read_key(path: Path | None, *, allow_open: bool = False) -> asyncssh.SSHKey:
    """Read a private key.

    Args:
        path: the key; a link is not followed.
        allow_open: whether a key that other accounts may read is used all the same.

    Raises:
        Unreachable: there is none, it cannot be read, others may read it, or it is no key without passphrase.
            The message names the file and its mode, never its content.
    """
    if path is None:
        hint = "Name one as `ssh_key` in [cluster.slurm]."
        raise Unreachable("the metadata of the beamtime name no private key.", hint)
    try:
        content, mode = _content(path)
    except OSError as error:
        hint = "Let the daemon's account read it, or name a copy as `ssh_key` in [cluster.slurm]."
        raise Unreachable(f"the private key {path} cannot be read: {error.strerror}.", hint) from None
    if not stat.S_ISREG(mode):
        raise Unreachable(f"the private key {path} is no plain file.")
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and not allow_open:
        hint = f"Do `chmod 600` on a copy and name it as `ssh_key`, or set `allow_open_key` in {_SECTION}."
        shown = f"{stat.S_IMODE(mode):04o}"
        raise Unreachable(f"the private key {path} may be read by others (mode {shown}).", hint)
    return _imported(content, path)


_SECTION = "[cluster.slurm]"


def _content(path: Path) -> tuple[bytes, int]:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        mode = os.fstat(file).st_mode
        return (os.read(file, MOST_BYTES) if stat.S_ISREG(mode) else b"", mode)
    finally:
        os.close(file)


def _imported(content: bytes, path: Path) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(content)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
        # No "from": the cause could quote what it read.
        raise Unreachable(f"{path} holds no private key without passphrase.") from None
