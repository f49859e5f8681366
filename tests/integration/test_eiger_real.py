"""Real containers: our geometry against DIALS's, every pixel, and the companion through DIALS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest

from beampace.core.dataset import Dataset, DatasetKind
from beampace.core.geometry import multiply, rotation
from beampace.eiger import CHILD_ENVIRONMENT, FrameReader, open_container, survey, write_companion
from tests.support.eiger_data import REAL, REAL_MASTERS

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not REAL.is_dir(), reason=f"the real data are not at {REAL}"),
]


def run(directory: Path, *arguments: str) -> str:
    environment = os.environ | CHILD_ENVIRONMENT | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        arguments, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def imported(directory: Path, master: Path) -> dict:
    output = run(directory, "dials.import", str(master))
    models = json.loads((directory / "imported.expt").read_text())
    return models | {"output": output}


def assert_same_models(models: dict, record: Dataset, n_frames: int) -> None:
    panel = models["detector"][0]["panels"][0]
    assert panel["origin"] == pytest.approx(record.detector.origin, abs=1e-6)
    assert panel["fast_axis"] == pytest.approx(record.detector.fast, abs=1e-6)
    assert panel["slow_axis"] == pytest.approx(record.detector.slow, abs=1e-6)
    assert panel["pixel_size"] == pytest.approx(record.detector.pixel_size, abs=1e-9)
    assert tuple(panel["image_size"]) == record.detector.image_size
    assert panel["trusted_range"][1] == record.detector.saturation
    assert panel["thickness"] == pytest.approx(record.detector.sensor_thickness)
    assert models["beam"][0]["wavelength"] == pytest.approx(record.beam.wavelength, abs=1e-9)
    if record.scan.turns:
        scan = models["scan"][0]
        assert scan["image_range"] == [1, n_frames]
        assert scan["oscillation"] == pytest.approx([record.scan.starts[0], record.scan.width], abs=1e-6)
        total = rotation_of(models["goniometer"][0])
        expected = multiply(
            multiply(record.goniometer.setting, rotation(record.goniometer.axis, record.scan.starts[0])),
            record.goniometer.fixed,
        )
        if total is not None:
            np.testing.assert_allclose(total, expected, atol=1e-6)
        else:
            axis = models["goniometer"][0]["rotation_axis"]
            assert axis == pytest.approx(record.goniometer.axis, abs=1e-6)


def rotation_of(goniometer: dict) -> object:
    """Total rotation of a dxtbx multi-axis goniometer at its first angle, crystal axis first."""
    if "axes" not in goniometer:
        return None
    total = rotation((0.0, 0.0, 1.0), 0.0)
    for axis, angle in zip(goniometer["axes"], goniometer["angles"], strict=True):
        total = multiply(rotation(tuple(axis), angle), total)
    return total


@pytest.mark.parametrize("name", sorted(REAL_MASTERS))
def test_every_frame_is_read_pixel_by_pixel(name):
    container = open_container(REAL / REAL_MASTERS[name])
    n_frames = container.dataset.n_announced
    assert survey(container, thorough=True).usable == n_frames
    assert hdf5plugin.version
    reader, number = FrameReader(container), 0
    for link in container.links:
        with h5py.File(link.file, "r", locking=False) as handle:
            for frame in handle[link.dataset]:
                number += 1
                np.testing.assert_array_equal(reader.read(number), frame)
    assert number == n_frames


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("l-cysteine_rotational_001", DatasetKind.ROTATION),
        ("project_x_screening_001", DatasetKind.SCREENING),
        ("project_x_2", DatasetKind.SCREENING),
        ("thaumatin_grid_001", DatasetKind.GRID),
    ],
)
def test_kinds(name, kind):
    assert open_container(REAL / REAL_MASTERS[name]).dataset.kind is kind


def test_both_containers_of_project_x_say_the_same():
    one, two = (open_container(REAL / REAL_MASTERS[n]) for n in ("project_x_screening_001", "project_x_2"))
    assert one.dataset.scan == two.dataset.scan
    assert one.dataset.scan.starts == (1191.4, 1191.9)
    assert one.dataset.scan.width == 0.1
    assert one.dataset.goniometer.axis == two.dataset.goniometer.axis == (0.0, 1.0, 0.0)
    assert one.dataset.detector.origin == pytest.approx(two.dataset.detector.origin, abs=1e-6)
    np.testing.assert_array_equal(one.raw_mask(), two.raw_mask())
    assert one.dataset.id == two.dataset.id


def test_the_direct_beam_of_a_two_theta_arm():
    record = open_container(REAL / REAL_MASTERS["l-cysteine_rotational_001"]).dataset
    # dials.show says 192.73: 0.20 pixels of parallax less than where the ray meets the plane, 33.18396 mm.
    assert record.detector.pixel(record.beam.direction) == pytest.approx(
        (33.1839569 / 0.172, 865.0), abs=1e-5
    )


@pytest.mark.dials
@pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed")
@pytest.mark.parametrize("name", ["l-cysteine_rotational_001", "l-cysteine_rotational_002"])
def test_our_record_is_what_dials_reads_from_the_same_master(tmp_path, name):
    master = REAL / REAL_MASTERS[name]
    assert_same_models(imported(tmp_path, master), open_container(master).dataset, 15)


@pytest.mark.dials
@pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed")
def test_our_geometry_of_a_legacy_master_is_dialss(tmp_path):
    master = REAL / REAL_MASTERS["project_x_screening_001"]
    models, record = imported(tmp_path, master), open_container(master).dataset
    panel = models["detector"][0]["panels"][0]
    # DIALS takes the distances from float32 values: 1e-7 of 300 mm.
    assert panel["origin"] == pytest.approx(record.detector.origin, abs=5e-5)
    assert panel["fast_axis"] == pytest.approx(record.detector.fast, abs=1e-6)
    assert panel["slow_axis"] == pytest.approx(record.detector.slow, abs=1e-6)
    assert models["goniometer"][0]["rotation_axis"] == pytest.approx(record.goniometer.axis, abs=1e-6)


@pytest.mark.dials
@pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed")
@pytest.mark.parametrize("name", sorted(REAL_MASTERS))
def test_dials_imports_every_companion_with_our_models(tmp_path, name):
    container = open_container(REAL / REAL_MASTERS[name])
    companion = write_companion(container, survey(container), tmp_path)
    models = imported(tmp_path, companion.path)
    assert "FormatNXmx'" in models["output"]
    assert_same_models(models, container.dataset, container.dataset.n_announced)


@pytest.mark.dials
@pytest.mark.skipif(shutil.which("dials.find_spots") is None, reason="DIALS is not installed")
def test_dials_reads_the_second_data_file_and_the_mask_through_the_companion(tmp_path):
    container = open_container(REAL / REAL_MASTERS["project_x_2"])
    companion = write_companion(container, survey(container), tmp_path)
    imported(tmp_path, companion.path)
    output = run(tmp_path, "dials.find_spots", "imported.expt", "nproc=1", "scan_range=2,2")
    assert "Saved 124 reflections" in output
