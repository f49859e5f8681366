"""Kernels are loaded before a frame comes, and no thread is left that a fork would lose."""

from __future__ import annotations

import subprocess
import sys

LOADS = """
import os
import numba, numpy as np
from beampace.analysis import Analyser, Setup
from beampace.core.geometry import Beam
from beampace.work import kernels
kernels.load_kernels()
from beampace.analysis import frame, grid, health, radial, spot_kernel, spots, spots3d
modules = (frame, grid, health, radial, spot_kernel, spots, spots3d)
found = {f"{m.__name__}.{n}": d for m in modules for n, d in vars(m).items()
         if isinstance(d, numba.core.dispatcher.Dispatcher)}
before = {name: len(kernel.signatures) for name, kernel in found.items()}
for kind in ("u2", "u4"):
    setup = Setup.make(kernels._BLANK, Beam(1.0))
    Analyser(setup).analyse(np.ones(setup.shape, kind), 1)
after = {name: len(kernel.signatures) for name, kernel in found.items()}
assert sum(before.values()) > 1, before
assert before == after, (before, after)
print(len(os.listdir("/proc/self/task")))
"""


def test_nothing_is_left_to_load():
    environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    said = subprocess.run(
        [sys.executable, "-c", LOADS],
        capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": "/usr/bin:/bin", **environment},
    )  # fmt: skip
    assert (said.returncode, said.stdout.strip()) == (0, "1"), said.stderr
