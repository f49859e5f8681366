"""P11 patches the master in place, r+ and with locks, while every reader of ours and DIALS runs."""

import subprocess
import sys
import time

from beampace.core.cell import UnitCell
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.scenario import Lattice, Scenario
from tests.support.processing import simulate

SCENARIO = Scenario(
    name="patched",
    width=1.0,
    n_frames=40,
    distance=130.0,
    crystal=CrystalSpec(UnitCell(40, 40, 30, 90, 90, 90), "P43212", b_factor=20),
    lattices=(Lattice(seed=4),),
)
PATCH = """
import sys, h5py
with h5py.File(sys.argv[1], "r+") as master:
    master["entry/instrument"].attrs["patched"] = float(sys.argv[2])
"""


def test_every_patch_succeeds_while_a_dataset_is_processed(tmp_path):
    master = simulate(SCENARIO, tmp_path / "raw")
    command = [sys.executable, "-m", "beampace", "process", str(master), "--out", str(tmp_path / "out")]
    patches = failed = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        while running.poll() is None:
            patch = [sys.executable, "-c", PATCH, str(master), str(patches)]
            ended = subprocess.run(patch, capture_output=True, text=True, timeout=60, check=False)
            patches += 1
            failed += ended.returncode != 0
            time.sleep(0.2)
        said = "".join(running.communicate())
    print(f"\n{patches} patches while processing, {failed} failed")
    assert running.returncode == 0, said
    assert patches > 20
    assert failed == 0
