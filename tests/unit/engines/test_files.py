"""Experiment lists and reflection tables."""

import math
import struct
from pathlib import PurePath

import numpy as np
import pytest

from beampace.analysis import spot_list
from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset, DatasetKind
from beampace.core.engine import Request, Tweak
from beampace.core.errors import ScienceError
from beampace.core.geometry import Beam, Detector, Goniometer, apply, multiply, rotation
from beampace.core.scan import Scan
from beampace.core.taxonomy import Failure
from beampace.engines.dials import expt, lattice, reflections, steps

DETECTOR = Detector(
    "1",
    "EIGER",
    (1028, 1062),
    (0.075, 0.075),
    (-38.0, 40.0, -100.0),
    (1, 0, 0),
    (0, -1, 0),
    0.45,
    "Si",
    1000,
    32,
)


def dataset(n=100, width=0.5) -> Dataset:
    scan = Scan.even(10.0, width, n, 0.01, 0.01)
    beam = Beam(1.0332)
    return Dataset(
        "id", "x", PurePath("x_master.h5"), DatasetKind.ROTATION, "", DETECTOR, beam, Goniometer(), scan, n
    )


def experiments(data: Dataset) -> expt.Expt:
    panel = {
        "origin": list(data.detector.origin),
        "fast_axis": [1.0, 0.0, 0.0],
        "slow_axis": [0.0, -1.0, 0.0],
        "pixel_size": [0.075, 0.075],
    }
    n = data.scan.n_frames
    return {
        "beam": [{"direction": [0.0, 0.0, 1.0], "wavelength": data.beam.wavelength}],
        "detector": [{"panels": [panel]}],
        "goniometer": [{"axes": [[1.0, 0, 0]], "angles": [0.0], "names": ["omega"], "scan_axis": 0}],
        "scan": [
            {
                "image_range": [1, n],
                "oscillation": [data.scan.starts[0], data.scan.width],
                "exposure_time": [0.01] * n,
                "epochs": list(range(n)),
            }
        ],
        "imageset": [{"single_file_indices": list(range(n))}],
    }


def test_what_agrees_is_left_alone():
    assert expt.differences(experiments(dataset()), dataset()) == ()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda e: e["scan"][0].update(oscillation=[10.0, 0.49]), "width"),
        (lambda e: e["scan"][0].update(oscillation=[0.0, 0.5]), "start"),
        (lambda e: e["beam"][0].update(wavelength=1.1), "wavelength"),
        (lambda e: e["detector"][0]["panels"][0].update(origin=[-38, 40, -101.0]), "detector"),
        (lambda e: e["goniometer"][0].update(axes=[[-1.0, 0, 0]]), "spindle"),
    ],
)
def test_what_dials_misread_is_named_and_corrected(change, word):
    data, wrong = dataset(), experiments(dataset())
    change(wrong)
    said = expt.differences(wrong, data)
    assert len(said) == 1
    assert word in said[0]
    assert expt.differences(expt.corrected(wrong, data), data) == ()


def test_kappa_goniometer_is_multiplied_from_the_base():
    """R = omega * kappa * phi; scanning phi, the setting is omega * kappa."""
    kappa, omega = (0.64, 0.0, 0.77), (1.0, 0.0, 0.0)
    model = {"axes": [[1.0, 0, 0], list(kappa), list(omega)], "angles": [0.0, 40.0, 25.0], "scan_axis": 0}
    found = expt.goniometer_of({"goniometer": [model]})
    expected = multiply(rotation(omega, 25.0), rotation(kappa, 40.0))
    assert np.allclose(found.setting, expected)
    assert np.allclose(found.lab_axis, apply(expected, (1.0, 0.0, 0.0)))


def test_turning_the_axis_twice_changes_nothing():
    once = expt.flipped(experiments(dataset()))
    assert expt.goniometer_of(once).lab_axis == (-1.0, 0.0, 0.0)
    assert expt.goniometer_of(expt.flipped(once)).lab_axis == (1.0, 0.0, 0.0)


def test_slicing_keeps_the_angle_of_each_frame():
    part = expt.sliced(experiments(dataset()), (11, 20))
    scan = part["scan"][0]
    assert scan["oscillation"] == [15.0, 0.5]
    assert scan["image_range"] == [11, 20]
    assert len(scan["epochs"]) == 10
    assert part["imageset"][0]["single_file_indices"] == list(range(10, 20))


def test_cell_from_axes():
    made = UnitCell(50, 60, 70, 90, 100, 90)
    beta = math.radians(100)
    crystal = {
        "real_space_a": [50, 0, 0],
        "real_space_b": [0, 60, 0],
        "real_space_c": [70 * math.cos(beta), 0, 70 * math.sin(beta)],
    }
    assert expt.cell_of({"crystal": [crystal]}).worst_deviation(made) < 1e-9


def packed(value) -> bytes:
    """The subset of msgpack that DIALS writes."""
    if isinstance(value, int):
        return struct.pack(">BI", 0xCE, value)
    if isinstance(value, str):
        return struct.pack(">BB", 0xD9, len(value)) + value.encode()
    if isinstance(value, bytes):
        return struct.pack(">BI", 0xC6, len(value)) + value
    if isinstance(value, list):
        return struct.pack(">BH", 0xDC, len(value)) + b"".join(map(packed, value))
    return struct.pack(">BH", 0xDE, len(value)) + b"".join(packed(k) + packed(v) for k, v in value.items())


def table_bytes(**columns) -> bytes:
    data = {name: [kind, [len(values), values.tobytes()]] for name, (kind, values) in columns.items()}
    n = len(next(iter(columns.values()))[1])
    return packed(["dials::af::reflection_table", 1, {"identifiers": {0: "x"}, "nrows": n, "data": data}])


def write_table(path, n=10, n_indexed=8, z_error=0.0):
    obs = np.column_stack([np.arange(n), np.arange(n), np.arange(n) + 0.5]).astype("<f8")
    flags = np.where(np.arange(n) < n_indexed, 4 | 8, 32).astype("<u8")
    path.write_bytes(
        table_bytes(
            flags=("std::size_t", flags),
            **{
                "xyzobs.px.value": ("vec3<double>", obs),
                "xyzcal.px": ("vec3<double>", obs + np.array([0.1, 0.2, z_error])),
                "shoebox": ("Shoebox<>", np.zeros(n, "u1")),
            },
        )
    )
    return path


def test_tables_are_read_without_what_is_not_known(tmp_path):
    table = reflections.read_table(write_table(tmp_path / "a.refl"))
    assert len(table) == 10
    assert "shoebox" not in table
    assert table["xyzobs.px.value"].shape == (10, 3)
    found = lattice.lattice_of(table)
    assert found.fraction == 0.8
    assert found.rmsd == pytest.approx((0.1, 0.2, 0.0))
    assert sum(lattice.indexed_per_frame(table, (1, 10))) == 8


def test_a_table_cut_short_is_refused(tmp_path):
    path = write_table(tmp_path / "a.refl")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="cut short"):
        reflections.read_table(path)


def test_a_lattice_is_doubted_only_where_it_can_be_tested(tmp_path):
    poor = lattice.lattice_of(reflections.read_table(write_table(tmp_path / "a", n_indexed=2)))
    off = lattice.lattice_of(reflections.read_table(write_table(tmp_path / "b", z_error=3.0)))
    assert poor.doubt(1.5, 0.1) == ""
    assert "20%" in poor.doubt(20, 0.5)
    assert "1.50 degrees" in off.doubt(20, 0.5)


def test_spots_on_ice_rings_only_are_ice():
    data = dataset()
    rng = np.random.default_rng(5)
    sine = 1.0332 / (2 * rng.choice([3.897, 3.669, 3.441, 2.249], 300))
    radius = 100.0 * np.tan(2 * np.arcsin(sine))
    angle = rng.uniform(0, 2 * np.pi, 300)
    x, y = (38 + radius * np.cos(angle)) / 0.075, (40 + radius * np.sin(angle)) / 0.075
    ring = np.column_stack([x, y, np.zeros(300)])
    with pytest.raises(ScienceError) as caught:
        spot_list.judge(data, ring, 100)
    assert caught.value.code is Failure.ICE_ONLY
    anywhere = np.column_stack([rng.uniform(0, 1028, 300), rng.uniform(0, 1062, 300), np.zeros(300)])
    spot_list.judge(data, anywhere, 100)


@pytest.mark.parametrize(
    ("n", "frames", "code"),
    [
        (0, 100, Failure.NO_DIFFRACTION),
        (7, 100, Failure.NO_DIFFRACTION),
        (7, 3, Failure.TOO_FEW_SPOTS),
    ],
)
def test_few_spots(n, frames, code):
    with pytest.raises(ScienceError) as caught:
        spot_list.judge(dataset(), np.full((n, 3), 100.0) + np.arange(n)[:, None] * 37, frames)
    assert caught.value.code is code


def test_pixels_that_flicker_are_no_diffraction():
    """Eight bad pixels that give ten spots each over a hundred blank frames."""
    rng = np.random.default_rng(2)
    places = np.repeat(rng.uniform(0, 1000, (8, 2)).round(), 10, axis=0) + 0.5
    flicker = np.column_stack([places, rng.uniform(0, 100, 80)])
    with pytest.raises(ScienceError) as caught:
        spot_list.judge(dataset(), flicker, 100)
    assert caught.value.code is Failure.NO_DIFFRACTION


def request(tmp_path, **kw) -> Request:
    return Request(dataset(), tmp_path / "m.h5", tmp_path, kw.pop("images", (1, 100)), 2, **kw)


def test_arguments_follow_the_tweaks(tmp_path):
    quick = steps.index(request(tmp_path), 5000)
    assert "indexing.method=fft1d" in quick
    other = steps.index(request(tmp_path, tweaks=frozenset({Tweak.OTHER_INDEXING})), 5000)
    assert "indexing.method=fft3d" in other
    assert not any("max_refine" in argument for argument in other)
    few = steps.index(request(tmp_path, images=(1, 5)), 5000)
    assert {"indexing.method=fft3d", "basis_vector_combinations.max_refine=10"} <= set(few)
    small = steps.integrate(request(tmp_path, tweaks=frozenset({Tweak.SMALL_SWEEP})))
    assert "profile.gaussian_rs.min_spots.overall=0" in small
    assert steps.integrate(request(tmp_path)) == ("profile.gaussian_rs.fitting.grid_size=4",)


def test_a_cell_alone_is_only_imposed_by_its_tweak(tmp_path):
    cell = UnitCell(50, 60, 70, 90, 90, 90)
    imposed = "indexing.known_symmetry.unit_cell=50,60,70,90,90,90"
    assert imposed not in steps.known_symmetry(request(tmp_path, unit_cell=cell))
    assert imposed in steps.known_symmetry(
        request(tmp_path, unit_cell=cell, tweaks=frozenset({Tweak.KNOWN_CELL}))
    )
    both = steps.known_symmetry(request(tmp_path, unit_cell=cell, space_group="P 21 21 21"))
    assert imposed in both
    assert "indexing.known_symmetry.space_group=P212121" in both
