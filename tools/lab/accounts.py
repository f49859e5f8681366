"""Unix accounts of the beamtime.

They are made when missing and kept afterwards: several laboratories use the same ones at once, and what they
own would become somebody else's. `tools/slurm-lab forget-accounts` removes those that were made here.
"""

from __future__ import annotations

import pwd
import subprocess

SIGN = "beampace laboratory"
"""In the account's comment field, so that only what was made here is ever removed."""


def make(name: str) -> None:
    """Make an account without password that may log in with a key.

    Raises:
        subprocess.CalledProcessError: useradd refused.
    """
    if exists(name):
        return
    # '*' in the shadow file means no password; '!', the default, means locked and sshd refuses keys too.
    command = [
        "/usr/sbin/useradd",
        "--create-home",
        "--shell",
        "/bin/bash",
        "--comment",
        SIGN,
        "--password",
        "*",
        name,
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode and not exists(name):  # another laboratory may have been faster
        raise subprocess.CalledProcessError(made.returncode, command, made.stdout, made.stderr)


def exists(name: str) -> bool:
    """Whether there is such an account."""
    return any(entry.pw_name == name for entry in pwd.getpwall())


def forget() -> list[str]:
    """Remove the accounts that were made here, with their homes, and return their names.

    Raises:
        subprocess.CalledProcessError: one is in use.
    """
    names = [entry.pw_name for entry in pwd.getpwall() if entry.pw_gecos.split(",")[0] == SIGN]
    for name in names:
        subprocess.run(["/usr/sbin/userdel", "--remove", name], capture_output=True, text=True, check=True)
    return names
