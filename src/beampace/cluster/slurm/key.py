"""The beamtime's private key: read at use, refused when others may read it, never shown."""

from __future__ import annotations

from pathlib import Path

import asyncssh

from beampace.cluster.slurm.secret import Secret
from beampace.cluster.slurm.transport import Unreachable

_KEY_FILE = Secret(
    "the private key",
    "Let the daemon's account read it, or name a copy as `ssh_key` in [cluster.slurm].",
    "Do `chmod 600` on a copy and name it as `ssh_key`, or set `allow_open_key` in [cluster.slurm].",
)


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
    return _imported(_KEY_FILE.read(path, allow_open=allow_open), path)


def _imported(content: bytes, path: Path) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(content)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
        # No "from": the cause could quote what it read.
        raise Unreachable(f"{path} holds no private key without passphrase.") from None
