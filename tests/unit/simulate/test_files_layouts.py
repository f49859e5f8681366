"""What the writer writes, the reader reads: header, mask and every pixel."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.geometry import Goniometer, apply, rotation
from beampace.eiger import FrameReader, open_container, survey
from beampace.simulate.detectors import CATALOGUE
from beampace.simulate.files import write_dataset
from beampace.simulate.options import Codec, FileLayout, InfoFile, WriteOptions
from tests.support.eiger_data import small_dataset, small_frame, small_frames, small_mask


def written(tmp_path, dataset, **options):
    return write_dataset(
        dataset, small_mask(), small_frames(dataset.n_announced), tmp_path, WriteOptions(**options)
    )


@pytest.mark.parametrize("layout", list(FileLayout))
@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("depth", [16, 32])
def test_every_pixel_comes_back(tmp_path, layout, codec, depth):
    dataset = small_dataset(depth=depth)
    master = written(tmp_path, dataset, layout=layout, codec=codec, images_per_file=3)
    container = open_container(master)
    assert survey(container, thorough=True).usable == 7
    with FrameReader(container) as reader:
        for number in range(1, 8):
            frame = reader.read(number)
            assert frame.dtype == np.dtype(f"u{depth // 8}")
            np.testing.assert_array_equal(frame, small_frame(number))
    assert len(list(tmp_path.glob("*_data_*.h5"))) == 3


@pytest.mark.parametrize("layout", list(FileLayout))
@pytest.mark.parametrize("width", [0.1, 0.125, 0.025, 0.0333333, -0.1])
def test_the_header_comes_back(tmp_path, layout, width):
    dataset = small_dataset(width=width, start=123.4)
    found = open_container(written(tmp_path, dataset, layout=layout)).dataset
    assert found.scan.width == width
    assert found.scan.starts == pytest.approx(dataset.scan.starts, abs=1e-6)
    assert found.detector.origin == pytest.approx(dataset.detector.origin, abs=1e-6)
    assert found.detector.fast == pytest.approx(dataset.detector.fast, abs=1e-12)
    assert found.detector.slow == pytest.approx(dataset.detector.slow, abs=1e-12)
    assert found.detector.pixel_size == dataset.detector.pixel_size
    assert found.detector.image_size == dataset.detector.image_size
    assert found.detector.saturation == 60000
    assert found.detector.sensor_thickness == 0.45
    assert found.beam.wavelength == dataset.beam.wavelength
    assert found.goniometer == dataset.goniometer
    assert (found.scan.exposure_time, found.scan.frame_time) == (0.0099, 0.01)
    assert found.collected == dataset.collected
    assert found.kind is DatasetKind.ROTATION
    assert found.n_announced == 7


def test_the_mask_comes_back(tmp_path):
    container = open_container(written(tmp_path, small_dataset()))
    np.testing.assert_array_equal(container.raw_mask(), small_mask())
    assert container.mask().sum() == (small_mask() != 0).sum()


def test_nxmx_carries_a_two_theta_arm_and_a_kappa_like_goniometer(tmp_path):
    dataset = small_dataset()
    arm = rotation((1.0, 0.0, 0.0), 30.0)
    detector = replace(
        dataset.detector,
        origin=apply(arm, dataset.detector.origin),
        fast=apply(arm, dataset.detector.fast),
        slow=apply(arm, dataset.detector.slow),
    )
    goniometer = Goniometer((1.0, 0.0, 0.0), rotation((0, 1, 0), 20.0), rotation((0.6, 0, 0.8), 120.0))
    dataset = replace(dataset, detector=detector, goniometer=goniometer)
    found = open_container(written(tmp_path, dataset, layout=FileLayout.NXMX)).dataset
    assert found.detector.origin == pytest.approx(detector.origin, abs=1e-9)
    assert found.detector.fast == pytest.approx(detector.fast, abs=1e-12)
    assert found.detector.slow == pytest.approx(detector.slow, abs=1e-12)
    np.testing.assert_allclose(found.goniometer.setting, goniometer.setting, atol=1e-10)
    np.testing.assert_allclose(found.goniometer.fixed, goniometer.fixed, atol=1e-10)
    assert found.scan.starts == pytest.approx(dataset.scan.starts)


def test_a_vertical_axis_is_written_by_every_layout(tmp_path):
    for layout in FileLayout:
        dataset = replace(small_dataset(), goniometer=Goniometer((0.0, 1.0, 0.0)))
        found = open_container(written(tmp_path / layout, dataset, layout=layout)).dataset
        assert found.goniometer.axis == pytest.approx((0.0, 1.0, 0.0))


def test_a_spindle_the_other_way_round_is_kept_in_a_rotation(tmp_path):
    for layout in FileLayout:
        dataset = replace(small_dataset(), goniometer=Goniometer((-1.0, 0.0, 0.0)))
        found = open_container(written(tmp_path / layout, dataset, layout=layout)).dataset
        assert found.goniometer.axis == (-1.0, 0.0, 0.0)


def test_dectris_layouts_refuse_what_they_cannot_say(tmp_path):
    dataset = small_dataset()
    turned = replace(dataset, detector=replace(dataset.detector, fast=(0.0, 1.0, 0.0), slow=(1.0, 0.0, 0.0)))
    with pytest.raises(ValueError, match="layout legacy"):
        written(tmp_path, turned)


def test_the_newer_layout_swaps_the_module_size_as_the_detector_does(tmp_path):
    with h5py.File(written(tmp_path, small_dataset(), layout=FileLayout.FW18)) as handle:
        assert tuple(handle["entry/instrument/detector/module/data_size"]) == (80, 96)


@pytest.mark.parametrize("layout", [FileLayout.LEGACY, FileLayout.FW18])
@pytest.mark.parametrize(("rewrite", "bare"), [(True, True), (True, False), (False, False)])
def test_test_shots_before_and_after_the_patch(tmp_path, layout, rewrite, bare):
    dataset = small_dataset(width=0.1, starts=(0.0, 90.0, 180.0), kind=DatasetKind.SCREENING)
    for patch in (False, True):
        master = written(
            tmp_path / f"screening_00{int(patch)}",
            dataset,
            layout=layout,
            patch=patch,
            patch_delay=0.0,
            info=InfoFile.BEFORE,
            rewrite_axis=rewrite,
            bare_axis=bare,
        )
        found = open_container(master).dataset
        assert found.kind is DatasetKind.SCREENING
        assert found.scan.width == 0.1
        assert found.scan.starts == (0.0, 90.0, 180.0)
        assert found.goniometer.axis == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("layout", [FileLayout.LEGACY, FileLayout.FW18, FileLayout.NXMX])
@pytest.mark.parametrize("known", [0.125, 1.0, None])
def test_the_transmission_is_there_after_the_patch(tmp_path, layout, known):
    dataset = replace(small_dataset(), transmission=known)
    before = open_container(written(tmp_path / "before", dataset, layout=layout)).dataset
    after = open_container(written(tmp_path / "after", dataset, layout=layout, patch=True, patch_delay=0.0))
    assert before.transmission is None
    assert after.dataset.transmission == known
    assert after.dataset.remarks == before.remarks


@pytest.mark.parametrize("info", [InfoFile.BEFORE, InfoFile.AFTER])
def test_a_grid_is_recognised(tmp_path, info):
    dataset = small_dataset(width=0.0, kind=DatasetKind.GRID)
    dataset = replace(dataset, hint=replace(dataset.hint, grid=(7, 1)))
    found = open_container(written(tmp_path, dataset, info=info)).dataset
    assert (found.kind, found.hint.grid, found.scan.turns) == (DatasetKind.GRID, (7, 1), False)


def test_a_clamped_energy_is_taken_from_the_hint(tmp_path):
    dataset = replace(small_dataset(), beam=replace(small_dataset().beam, wavelength=12398.419843 / 5500))
    master = written(tmp_path, dataset)
    (tmp_path / "info.txt").write_text("run type: regular\nwavelength: 2.480A\n")
    found = open_container(master).dataset
    assert found.beam.wavelength == 2.48
    assert any("5500" in remark for remark in found.remarks)


def test_crystalcontrols_rewritten_directions_mean_the_same(tmp_path):
    dataset = small_dataset()
    master = written(tmp_path, dataset, layout=FileLayout.FW18)
    with h5py.File(master, "r+") as handle:
        module = handle["entry/instrument/detector/module"]
        module["fast_pixel_direction"].attrs["vector"] = (1.0, 0.0, 0.0)
        module["slow_pixel_direction"].attrs["vector"] = (0.0, 1.0, 0.0)
        handle["entry/sample/transformations/omega"].attrs["vector"] = (1.0, 0.0, 0.0)
    found = open_container(master).dataset
    assert found.goniometer.axis == (1.0, 0.0, 0.0)
    assert found.detector.origin == pytest.approx(dataset.detector.origin, abs=1e-6)
    assert found.remarks


@pytest.mark.parametrize(
    ("name", "size", "live"),
    [
        ("EIGER2 X 1M", (1028, 1062), 2 * 1028 * 512),
        ("EIGER2 X 4M", (2068, 2162), 8 * 1028 * 512),
        ("EIGER2 X 9M", (3108, 3262), 18 * 1028 * 512),
        ("EIGER2 X 16M", (4148, 4362), 32 * 1028 * 512),
        ("PILATUS3 2M", (1475, 1679), 24 * 487 * 195),
        ("PILATUS3 6M", (2463, 2527), 60 * 487 * 195),
    ],
)
def test_detectors_have_their_size_and_every_pixel_of_their_modules(name, size, live):
    model = CATALOGUE[name]
    assert model.image_size == size
    assert (~model.gap_mask()).sum() == live
