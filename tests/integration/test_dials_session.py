"""The `dials` engine in one process, against its steps as plain programs, on one core and two."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from beampace.core.cell import UnitCell
from beampace.engines.dials import DialsEngine, DialsInstallation, session
from beampace.engines.dials.installation import interpreter
from beampace.engines.dials.reflections import read_table
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.files import write_dataset
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.work import ProcessOptions, Switch, process

pytestmark = [
    pytest.mark.dials,
    pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed"),
]
CRYSTAL = CrystalSpec(UnitCell(58, 58, 38, 90, 90, 90), "P43212", b_factor=20)


class Run:
    """One way to process the sweep."""

    def __init__(self, master, out, *, cores, in_one_process):
        engine = DialsEngine(in_one_process=in_one_process)
        self.finished = process(
            ProcessOptions(master, out=out, patience_s=0.0, cores=cores), {"dials": engine}, Switch()
        )
        assert self.finished.result.verdict.code in ("good", "merged", "little_data")
        self.directory = out / "dials_1"
        self.log = (out / "log.txt").read_text()

    def intensities(self):
        """As `observations`."""
        return observations(self.directory / "integrated.refl")


def observations(path):
    """(h, k, l, frame to the nearest) -> profile-fitted intensity."""
    table = read_table(path)
    used = table.flagged(1 << 9)
    z = np.round(table["xyzcal.px"][:, 2]).astype(int)
    keys = [(*row, at) for row, at in zip(table["miller_index"].tolist(), z.tolist(), strict=True)]
    values = table["intensity.prf.value"]
    return {key: values[n] for n, key in enumerate(keys) if used[n]}


def assert_the_same(ours, theirs):
    """Same number within 0.5 %, correlation at least 0.999."""
    shared = sorted(ours.keys() & theirs.keys())
    assert len(theirs) == pytest.approx(len(ours), rel=0.005)
    assert len(shared) > 0.98 * len(ours) > 500
    pair = np.array([[ours[key], theirs[key]] for key in shared])
    assert np.corrcoef(pair.T)[0, 1] > 0.999


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("session")
    made = simulate_scan(Scenario(name="sim", crystal=CRYSTAL, n_frames=60, width=0.3))
    master = write_dataset(made.dataset, made.mask, made.frames, root / "raw")
    return {
        "master": master,
        "one": Run(master, root / "one", cores=1, in_one_process=True),
        "two": Run(master, root / "two", cores=2, in_one_process=True),
        "plain": Run(master, root / "plain", cores=2, in_one_process=False),
    }


@pytest.mark.parametrize("other", ["two", "plain"])
def test_the_same_observations(runs, other):
    assert_the_same(runs["one"].intensities(), runs[other].intensities())


def test_the_same_lattice(runs):
    found = [run.finished.result.crystal for run in runs.values() if isinstance(run, Run)]
    assert {crystal.laue_group for crystal in found} == {"4/mmm"}
    assert min(crystal.indexed_fraction for crystal in found) > 0.95


def test_the_plain_programs_are_used_only_when_asked_for(runs):
    both = runs["one"].log + runs["two"].log
    assert "program of its own" not in both
    assert "frames are read by dxtbx" not in both
    assert "learn" in runs["one"].finished.result.timing
    assert "strong_pixels" in runs["two"].finished.result.timing
    assert not {"learn", "strong_pixels"} & runs["plain"].finished.result.timing.keys()


BLOCKS = """
import os, sys
sys.path.append(sys.argv[1])
from inside import blocks, shortcuts
from dials.command_line import integrate
shortcuts.install()
blocks.BYTES = float(sys.argv[2])
blocks.install(blocks.Plan(2))
integrate.run(["refined.expt", "refined.refl", "profile.gaussian_rs.fitting.grid_size=4", *sys.argv[3:]])
"""


def in_blocks(directory, most, name):
    """Integrate what a run refined, in blocks of so many bytes; their number and the intensities."""
    python = interpreter(Path(shutil.which("dials.import")))
    done = subprocess.run(
        [
            python,
            "-c",
            BLOCKS,
            str(Path(session.__file__).parent),
            str(most),
            f"output.reflections={name}.refl",
            f"output.experiments={name}.expt",
        ],
        env=DialsInstallation().environment(),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    number = int(done.stdout.split(" blocks of frames")[0].split()[-1])
    return number, observations(directory / f"{name}.refl")


def test_one_block_or_ten(runs):
    """Number within 0.5 %, correlation at least 0.999, no reflection twice."""
    directory = runs["one"].directory
    (few, whole), (many, parts) = (in_blocks(directory, most, f"b{most:.0f}") for most in (1e12, 6e6))
    assert few <= 2
    assert 9 <= many <= 12
    assert_the_same(whole, parts)


STRAGGLER = """
import io, json, os, signal, sys, time
sys.path.append(sys.argv[1])
from inside import host
host.adopt_orphans()

def do():
    if os.fork() == 0:
        print("worker", os.getpid(), flush=True)
        time.sleep(600)
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)

answers = open(sys.argv[2], "wb", buffering=0)
end = host._in_child({"directory": "/"}, do, answers)
print(json.dumps(end), open(sys.argv[2]).read())
"""


def test_a_step_that_is_killed_ends_with_its_workers(tmp_path):
    """A worker that outlives its parent holds the pipe open: it is not waited for, and it is ended."""
    python = interpreter(Path(shutil.which("dials.import")))
    inside = Path(session.__file__).parent
    done = subprocess.run(
        [python, "-c", STRAGGLER, str(inside), str(tmp_path / "answers")],
        env=DialsInstallation().environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    end, line = done.stdout.strip().split("} ", 1)
    assert json.loads(end + "}")["end"] == -9
    worker = json.loads(line)["line"].split()[1]
    assert not Path(f"/proc/{worker}").exists()


def test_nothing_is_imported_from_the_working_directory(tmp_path):
    (tmp_path / "dials.py").write_text("raise SystemExit('planted')")
    (tmp_path / "h5py.py").write_text("raise SystemExit('planted')")
    installation = DialsInstallation()
    one = session.start(installation, installation.environment(), tmp_path, lambda: None)
    one.close()
    assert one.version.startswith("3.12")


def test_a_linked_master_is_processed(runs, tmp_path):
    """People link to data from their home; the frames lie where the master truly is."""
    (tmp_path / "linked_master.h5").symlink_to(runs["master"])
    run = Run(tmp_path / "linked_master.h5", tmp_path / "out", cores=2, in_one_process=True)
    assert "program of its own" not in run.log


def test_a_step_that_crashes_in_the_session_is_done_without_it(tmp_path, monkeypatch):
    """The pixels for the spot finder are none: the step fails in the session, DIALS's own finder is asked."""
    made = simulate_scan(Scenario(name="sim", crystal=CRYSTAL, n_frames=30, width=0.5))
    master = write_dataset(made.dataset, made.mask, made.frames, tmp_path / "raw")
    monkeypatch.setattr(
        "beampace.engines.dials.strong.StrongPixels.write", lambda self, path: path.write_bytes(b"nothing")
    )
    run = Run(master, tmp_path / "out", cores=2, in_one_process=True)
    assert "once more as a program of its own" in run.log
