"""The bundle installs as an ordinary user without a network, and works."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOBODY = 65534


def as_nobody_offline(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run with no network, no privileges and a home of its own."""
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "TMPDIR": str(home)}
    alone = ["unshare", "-n", "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return subprocess.run(
        [*alone, *command], cwd=home, env=environ, capture_output=True, text=True, timeout=900, check=False
    )


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
def test_bundle_installs_without_network_as_ordinary_user():
    subprocess.run(["make", "bundle"], cwd=ROOT, check=True)
    archive = max((ROOT / "dist").glob("beampace-*.tar.gz"), key=lambda path: path.stat().st_mtime)
    home = Path("/var/tmp") / f"beampace-bundle-{os.getpid()}"
    home.mkdir(mode=0o755)
    try:
        shutil.unpack_archive(archive, home, filter="data")
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(home)], check=True)
        installer = next(home.glob("beampace-*/install"))
        installed = as_nobody_offline(
            home, "env", "PYTHON=/usr/bin/python3", str(installer), str(home / "app")
        )
        assert installed.returncode == 0, installed.stdout + installed.stderr
        program = str(home / "app" / "bin" / "beampace")
        kernels = list((home / "app" / "share" / "beampace" / "numba").rglob("*.nbc"))
        assert kernels, "no compiled kernels were kept"
        made = as_nobody_offline(home, program, "simulate", str(home / "data"), "--frames", "3")
        assert made.returncode == 0, made.stderr
        # a user who may not write to the installation gets a copy of the kernels
        subprocess.run(["chown", "-R", "root:root", str(home / "app")], check=True)
        again = as_nobody_offline(home, program, "simulate", str(home / "data2"), "--frames", "3")
        assert again.returncode == 0, again.stderr
        assert list((home / ".cache" / "beampace" / "numba").rglob("*.nbc"))
        print(f"\nbundle: {archive.stat().st_size / 1e6:.0f} MB, {len(kernels)} compiled kernels")
    finally:
        shutil.rmtree(home)
