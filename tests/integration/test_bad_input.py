"""Bad input ends with its code, the name of the file and a next step, and loses nothing."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from beampace.simulate.files import write_dataset
from beampace.simulate.options import Faults, WriteOptions
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan

SMALL = Scenario(name="bad", n_frames=6, crystal=None)


def run(master: Path, tmp_path: Path, *options: str):
    """The command as a user types it: (exit code, result record, what was said)."""
    command = [sys.executable, "-m", "beampace", "process", str(master), "--json", "--quiet", "1", *options]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert "Traceback" not in ended.stderr
    return ended.returncode, json.loads(ended.stdout), ended.stderr


def write(tmp_path: Path, faults: Faults, **options) -> Path:
    simulation = simulate_scan(SMALL)
    wanted = WriteOptions(images_per_file=2, faults=faults, **options)
    directory = tmp_path / "raw" / "rotational_001"
    return write_dataset(simulation.dataset, simulation.mask, simulation.frames, directory, wanted)


def check(ended, code: str, exit_code: int, names: Path | str):
    status, result, _ = ended
    assert (result["verdict"]["code"], status) == (code, exit_code)
    assert str(names) in result["verdict"]["words"]
    assert result["verdict"]["next_step"]


def test_no_such_file(tmp_path):
    master = tmp_path / "nothing_master.h5"
    check(run(master, tmp_path), "not_a_dataset", 2, master)


def test_not_hdf5(tmp_path):
    master = tmp_path / "text_master.h5"
    master.write_text("this is not HDF5")
    check(run(master, tmp_path), "not_a_dataset", 2, master)


def test_a_data_file_names_its_master(tmp_path):
    master = write(tmp_path, Faults())
    data = master.with_name("bad_data_000001.h5")
    ended = run(data, tmp_path)
    check(ended, "not_a_dataset", 2, data)
    said = ended[1]["verdict"]
    assert master.name in said["words"] + said["next_step"]


def test_an_empty_directory(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    check(run(empty, tmp_path), "not_a_dataset", 2, empty)


def test_no_data_files(tmp_path):
    master = write(tmp_path, Faults(missing=(1, 2, 3)))
    check(run(master, tmp_path), "frames_missing", 2, "bad_data_000001.h5")


def test_links_that_lead_outside(tmp_path):
    master = write(tmp_path, Faults(links_outside=True))
    check(run(master, tmp_path), "metadata_inconsistent", 2, "outside")


@pytest.mark.parametrize(
    ("faults", "names"),
    [(Faults(no_wavelength=True), "wavelength"), (Faults(zero_distance=True), "distance")],
)
def test_a_header_without_what_is_needed(tmp_path, faults, names):
    master = write(tmp_path, faults)
    ended = run(master, tmp_path)
    check(ended, "metadata_inconsistent", 2, names)
    assert master.name in ended[1]["verdict"]["words"]


def test_a_mask_of_another_size(tmp_path):
    master = write(tmp_path, Faults(wrong_mask=True))
    check(run(master, tmp_path), "metadata_inconsistent", 2, "mask")


def test_a_grid_scan_is_not_indexed(tmp_path):
    simulation = simulate_scan(replace(SMALL, width=0.0))
    directory = tmp_path / "raw" / "grid_001"
    master = write_dataset(simulation.dataset, simulation.mask, simulation.frames, directory)
    ended = run(master, tmp_path)
    check(ended, "not_a_rotation", 1, "grid")
    assert ended[1]["hashes"]["master"] == f"sha256:{hashlib.sha256(master.read_bytes()).hexdigest()}"


@pytest.mark.parametrize(
    "option",
    [
        ("--images", "5:2"),
        ("--images", "1:99"),
        ("--unit-cell", "1,2"),
        ("--space-group", "P99"),
        ("--engine", "x"),
    ],
)
def test_impossible_options(tmp_path, option):
    master = write(tmp_path, Faults())
    command = [sys.executable, "-m", "beampace", "process", str(master), "--quiet", "1", *option]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 2
    assert "bad_request" in ended.stdout + ended.stderr
    assert option[0] in ended.stdout + ended.stderr


def test_a_result_directory_that_is_not_empty(tmp_path):
    master = write(tmp_path, Faults())
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "precious.txt").write_text("keep me")
    check(run(master, tmp_path, "--out", str(tmp_path / "taken")), "bad_request", 2, tmp_path / "taken")
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["precious.txt"]


def test_json_is_promised_for_a_bad_option_too(tmp_path):
    status, result, _ = run(tmp_path / "x_master.h5", tmp_path, "--images", "3:")
    assert status == 2
    assert result["verdict"]["code"] == "bad_request"
