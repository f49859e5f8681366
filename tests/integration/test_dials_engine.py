"""DIALS through `process`: real sweeps, and every way it can be missing, refused or stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import gemmi
import pytest

from beampace.core.cell import UnitCell
from beampace.core.taxonomy import Exit, Failure
from beampace.engines.dials import DialsEngine, DialsInstallation
from beampace.engines.dials.probe import missing
from beampace.simulate.files import write_dataset
from beampace.simulate.scenario import HeaderErrors, Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.work import ProcessOptions, Switch, process
from tests.support.eiger_data import REAL, REAL_MASTERS
from tests.support.programs import programs_in, wait_until

pytestmark = [
    pytest.mark.dials,
    pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed"),
]
real = pytest.mark.skipif(not REAL.is_dir(), reason=f"no real data at {REAL}")


def simulated(directory: Path, **scenario) -> Path:
    made = simulate_scan(Scenario(name="sim", **scenario))
    return write_dataset(made.dataset, made.mask, made.frames, directory)


def run(master: Path, out: Path, engine: DialsEngine | None = None, switch: Switch | None = None, **options):
    wanted = ProcessOptions(master, out=out, patience_s=0.0, **options)
    return process(wanted, {"dials": engine or DialsEngine()}, switch or Switch())


@pytest.mark.real
@real
@pytest.mark.parametrize("name", ["l-cysteine_rotational_001", "l-cysteine_rotational_002"])
def test_real_sweep_of_a_degree_and_a_half(tmp_path, name):
    """DIALS alone stops at integration; the second try takes over the lattice and says how little it is."""
    finished = run(REAL / REAL_MASTERS[name], tmp_path / "out")
    result, crystal = finished.result, finished.result.crystal
    assert (finished.exit, result.verdict.code) == (Exit.RESULT, "little_data")
    assert "1.5 degrees" in result.verdict.words
    expected = UnitCell(5.42, 8.13, 12.02, 90, 90, 90)
    assert UnitCell(*crystal.unit_cell).worst_deviation(expected) < 0.01
    assert crystal.laue_group == "mmm"
    assert all(group.startswith("P ") for group in crystal.space_group_candidates)
    assert not crystal.space_group_sure
    assert 0.7 < crystal.indexed_fraction < 0.95
    assert [t.outcome for t in result.tries] == ["not_integrated", "merged"]
    # The second try begins where the first one stopped.
    assert not (tmp_path / "out" / "dials_2" / "strong.refl").exists()
    merged = gemmi.read_mtz_file(str(tmp_path / "out" / result.files["merged"]))
    assert merged.nreflections > 20
    written = json.loads((tmp_path / "out" / "result.json").read_text())
    assert written["verdict"]["code"] == "little_data"
    assert "Try 2" in (tmp_path / "out" / "log.txt").read_text()


@pytest.mark.real
@real
@pytest.mark.parametrize(
    ("name", "words"), [("thaumatin_grid_001", "grid"), ("project_x_screening_001", "test shots")]
)
def test_what_is_not_a_rotation_is_not_indexed(tmp_path, name, words):
    finished = run(REAL / REAL_MASTERS[name], tmp_path / "out")
    assert (finished.exit, finished.result.verdict.code) == (Exit.SCIENCE, "not_a_rotation")
    assert words in finished.result.verdict.words
    assert not finished.result.tries


def test_wrong_sign_of_the_spindle_is_found(tmp_path):
    master = simulated(tmp_path / "raw", n_frames=20, header=HeaderErrors(axis_flipped=True))
    finished = run(master, tmp_path / "out", d_min=2.5)
    crystal = finished.result.crystal
    assert finished.exit is Exit.RESULT
    assert finished.result.tries[-1].tweaks == ("flipped_axis",)
    assert all(t.outcome == "not_indexed" for t in finished.result.tries[:-1])
    assert UnitCell(*crystal.unit_cell).worst_deviation(UnitCell(78.5, 78.5, 37.5, 90, 90, 90)) < 0.005
    assert any("turns the other way" in warning for warning in finished.result.verdict.warnings)


def test_blank_frames_are_no_diffraction(tmp_path):
    finished = run(simulated(tmp_path / "raw", n_frames=4, crystal=None), tmp_path / "out")
    assert (finished.exit, finished.result.verdict.code) == (Exit.SCIENCE, "no_diffraction")


def test_names_of_directories_are_no_options_of_dials(tmp_path):
    """DIALS takes an argument with `=` for a definition; it must come as far as anywhere else."""
    master = simulated(tmp_path / "raw", n_frames=4, crystal=None)
    finished = run(master, tmp_path / "a=b" / "o=1")
    assert (finished.exit, finished.result.verdict.code) == (Exit.SCIENCE, "no_diffraction")


def test_a_limit_that_leaves_no_spot_is_named(tmp_path, small):
    finished = run(small, tmp_path / "out", d_min=40.0)
    assert (finished.exit, finished.result.verdict.code) == (Exit.SCIENCE, "no_diffraction")
    assert "40 angstrom" in finished.result.verdict.words
    assert "--d-min" in finished.result.verdict.next_step


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return simulated(tmp_path_factory.mktemp("raw"), n_frames=6)


def test_dials_absent(tmp_path, small):
    engine = DialsEngine(DialsInstallation(variables={"PATH": str(tmp_path)}))
    assert "apt-get install dials" in engine.missing()[0]
    finished = run(small, tmp_path / "out", engine)
    assert (finished.exit, finished.result.verdict.code) == (Exit.INFRASTRUCTURE, "engine_missing")


def test_bitshuffle_plug_in_absent(tmp_path, small):
    installation = DialsInstallation(variables={"HDF5_PLUGIN_PATH": "/nonexistent"})
    assert missing(DialsInstallation()) == ()
    assert "bitshuffle" in missing(installation)[0]
    finished = run(small, tmp_path / "out", DialsEngine(installation))
    assert (finished.exit, finished.result.verdict.code) == (Exit.INFRASTRUCTURE, "engine_missing")


def test_bitshuffle_plug_in_that_goes_away_while_working(tmp_path, small, monkeypatch):
    """The probe passed, the program then cannot decode: its own words must be understood."""
    engine = DialsEngine(DialsInstallation(variables={"HDF5_PLUGIN_PATH": "/nonexistent"}))
    monkeypatch.setattr(DialsEngine, "missing", lambda self: ())
    finished = run(small, tmp_path / "out", engine)
    assert finished.result.verdict.code == "engine_missing"
    assert "HDF5_PLUGIN_PATH" in finished.result.verdict.next_step


def test_disk_full(tmp_path, small):
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        finished = run(small, disk / "out")
        assert (finished.exit, finished.result.verdict.code) == (Exit.INFRASTRUCTURE, Failure.DISK_FULL.value)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_output_that_cannot_be_written(tmp_path, small):
    finished = run(small, Path("/proc/beampace"))
    assert (finished.exit, finished.result.verdict.code) == (Exit.INFRASTRUCTURE, "not_writable")
    assert finished.directory is None


def test_cancelling_leaves_a_clean_result_and_no_program(tmp_path, small):
    switch, out = Switch(), tmp_path / "out"
    ended = []
    worker = threading.Thread(target=lambda: ended.append(run(small, out, switch=switch)))
    worker.start()
    wait_until(lambda: (out / "dials_1" / "import.out.txt").exists())
    assert programs_in(out)
    switch.switch_off("Stopped by Ctrl-C.")
    worker.join(30)
    assert not worker.is_alive()
    assert (ended[0].exit, ended[0].result.verdict.code) == (Exit.CANCELLED, "cancelled")
    assert json.loads((out / "result.json").read_text())["verdict"]["code"] == "cancelled"
    assert not programs_in(out)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_signals_end_the_program_and_every_program_it_started(tmp_path, small, number):
    """SIGHUP comes when the terminal is closed: writing to it then fails, too."""
    out, controller = tmp_path / "out", os.openpty()
    command = [sys.executable, "-m", "beampace", "process", str(small), "--out", str(out), "--quiet", "0"]
    imported = out / "dials_1" / "import.out.txt"
    os.set_blocking(controller[0], False)
    terminal = os.fdopen(controller[0], "rb", buffering=0)

    def heard() -> bool:
        """Read the terminal's text away: a full one would hold up the program for ever."""
        with suppress(OSError):  # The program has ended.
            while not terminal.closed and terminal.read(1 << 16):
                pass
        return True

    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=controller[1],
        stderr=controller[1],
        start_new_session=True,
        preexec_fn=_heed_signals,
    ) as program:
        os.close(controller[1])
        try:
            wait_until(lambda: heard() and imported.exists() and programs_in(out))
            if number == signal.SIGHUP:
                terminal.close()
            program.send_signal(number)
            wait_until(lambda: heard() and program.poll() is not None)
        finally:
            program.kill()
            terminal.close()
    assert program.returncode == Exit.CANCELLED
    assert json.loads((out / "result.json").read_text())["verdict"]["code"] == "cancelled"
    assert not programs_in(out)


def _heed_signals() -> None:
    """A test run in the background ignores Ctrl-C, and its programs would inherit that."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGHUP else signal.default_int_handler)
