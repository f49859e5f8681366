"""Unix accounts of the beamtime.

They are made when missing and kept afterwards: several laboratories use the same ones at once, and what they
own would become somebody else's. `tools/slurm-lab forget-accounts` removes those that were made here.
"""

from __future__ import annotations

import fcntl
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.lab.processes import LabError, until

SBIN = "/usr/sbin"
LOCK = Path("/run/beampace-lab.lock")
"""One laboratory at a time: two useradd of one name both succeed, and the account changes its number."""
PASSING = (1, 9, 10)
"""Exit statuses of useradd when another one is at work: the files are locked, or the name is there by now."""
SIGN = "beampace laboratory"
"""In the account's comment field, so that only what was made here is ever removed."""


def make(name: str) -> None:
    """Make an account without password that may log in with a key, unless there is one of this name.

    Raises:
        LabError: useradd refused.
    """
    # '*' in the shadow file means no password; '!', the default, means locked and sshd refuses keys too.
    command = [f"{SBIN}/useradd", "--create-home", "--shell=/bin/bash", f"--comment={SIGN}", "--password=*"]
    said: list[str] = []

    def made() -> bool:
        if not exists(name):
            done = subprocess.run([*command, name], capture_output=True, text=True, check=False)
            said[:] = [done.stderr.strip()]
            if done.returncode and done.returncode not in PASSING:
                raise LabError(f"useradd {name}: {done.stderr.strip()}")
        return exists(name)

    try:
        with _alone():
            until(made, f"account {name} is made")
    except LabError as error:
        raise LabError(f"{error} {' '.join(said)}") from error


@contextmanager
def _alone() -> Iterator[None]:
    with LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def exists(name: str) -> bool:
    """Whether there is such an account."""
    return any(entry.pw_name == name for entry in pwd.getpwall())


def forget() -> list[str]:
    """Remove the accounts that were made here, with their homes, and return their names.

    Raises:
        LabError: one is in use.
    """
    command = [f"{SBIN}/userdel", "--remove"]
    with _alone():
        names = [entry.pw_name for entry in pwd.getpwall() if entry.pw_gecos.split(",")[0] == SIGN]
        for name in names:
            done = subprocess.run([*command, name], capture_output=True, text=True, check=False)
            if exists(name):
                raise LabError(f"userdel {name}: {done.stderr.strip()}")
    return names
