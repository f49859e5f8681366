"""Is DIALS there, which version, and can it decode a bitshuffle-LZ4 frame?"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.engines.dials.diagnosis import last_words
from beampace.engines.dials.installation import (
    HOW_TO_GET,
    HOW_TO_GET_FILTER,
    DialsInstallation,
    interpreter,
)

TIMEOUT_S = 60


def missing(installation: DialsInstallation) -> tuple[str, ...]:
    """What DIALS lacks, as sentences; empty when it is ready."""
    try:
        environment = installation.environment()
    except (OSError, subprocess.SubprocessError) as error:
        return (f"The set-up lines of DIALS fail: {error}.",)
    absent = installation.absent(environment)
    if absent:
        return (f"DIALS is not installed ({', '.join(absent)} not on PATH). {HOW_TO_GET}.",)
    if not can_decode(installation, environment):
        return (f"DIALS cannot decode bitshuffle-LZ4 frames: no HDF5 plug-in. {HOW_TO_GET_FILTER}.",)
    return ()


def versions(installation: DialsInstallation, environment: Mapping[str, str]) -> dict[str, str]:
    """Versions of DIALS and its Python.

    Raises:
        InfrastructureError: `dials.version` is absent or fails.
    """
    program = installation.find("dials.version", environment)
    if program is None:
        raise failure(Failure.ENGINE_MISSING, "dials.version is not on PATH.", HOW_TO_GET)
    done = _run([program], environment)
    if done.returncode != 0:
        raise failure(Failure.ENGINE_FAILED, f"dials.version: {last_words(done.stdout + done.stderr)}")
    found = dict(re.findall(r"^(DIALS|Python) (\S+)", done.stdout, re.MULTILINE))
    return {name.lower() if name == "DIALS" else "dials_python": value for name, value in found.items()}


def can_decode(installation: DialsInstallation, environment: Mapping[str, str]) -> bool:
    """Whether the Python of DIALS reads a one-frame file; True where its Python cannot be found out.

    A compiled launcher hides its interpreter; the first frame then shows what is missing.
    """
    program = installation.find("dials.import", environment)
    python = interpreter(Path(program)) if program else None
    if python is None:
        return True
    frame = np.arange(64 * 64, dtype=np.uint32).reshape(64, 64)
    with tempfile.TemporaryDirectory(prefix="beampace-probe-") as directory:
        path = Path(directory) / "frame.h5"
        _write(path, frame)
        script = str(Path(__file__).with_name("probe_read.py"))
        done = _run([python, script, str(path)], environment)
    return done.returncode == 0 and done.stdout.strip() == str(int(frame.sum()))


def _write(path: Path, frame: np.ndarray[tuple[int, int], np.dtype[np.uint32]]) -> None:
    # DIALS of Debian reads with HDF5 1.10: nothing newer may be in the file.
    with h5py.File(path, "w", libver=("earliest", "v110"), locking=False) as file:
        file.create_dataset("data", data=frame, chunks=frame.shape, **hdf5plugin.Bitshuffle(cname="lz4"))


def _run(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
