"""A Python with beampace that every account can run: the one of the tests may lie in somebody's home."""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from beampace.cli.numba_cache import choose, shipped_directory
from tools.lab.lab import Lab
from tools.lab.processes import LabError

SYSTEM = Path("/usr/bin/python3")


def shared_python(lab: Lab) -> Path:
    """The interpreter; made on the first call.

    Raises:
        LabError: neither the environment of this process nor its packages can be read by the account.
    """
    if _works(lab, Path(sys.executable)):
        return Path(sys.executable)
    made = lab.place.root / "python/bin/python"
    if not made.exists():
        _make(lab, made)
    if not _works(lab, made):
        said = lab.run([str(made), "-c", "import beampace"], lab.user, check=False).stderr
        words = f"{lab.user} can run beampace neither with {sys.executable} nor with {made}: {said}"
        raise LabError(words + " The repository and its .venv must be readable by every account.")
    return made


def kernels(lab: Lab) -> Path:
    """Compiled kernels for the first account, as an installation has them.

    Without, many first jobs at once would each compile them for a quarter of a minute.
    """
    place = lab.place.root / "python/numba"
    if not place.exists():
        shutil.copytree(_compiled(), place)
        account = pwd.getpwnam(lab.user)
        for path in (place, *place.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)
    return place


@functools.cache
def _compiled() -> Path:
    """Where this process's environment keeps its kernels, compiled if need be."""
    subprocess.run([sys.executable, "-m", "beampace", "warm"], check=True, capture_output=True)
    return choose(dict(os.environ), shipped_directory())


def _make(lab: Lab, python: Path) -> None:
    """An environment of the system's Python that takes its packages from ours."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    lab.run([str(SYSTEM), "-m", "venv", "--without-pip", str(python.parent.parent)])
    packages = python.parent.parent / f"lib/python{version}/site-packages"
    if not packages.is_dir():
        raise LabError(f"{SYSTEM} is not Python {version}, for which the packages are.")
    # addsitedir, because a plain line would not follow the files that lead on to beampace's sources.
    line = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (packages / "beampace-lab.pth").write_text(line, encoding="utf-8")


def _works(lab: Lab, python: Path) -> bool:
    return lab.run([str(python), "-c", "import beampace"], lab.user, check=False).returncode == 0
