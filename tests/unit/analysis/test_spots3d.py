from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from beampace.analysis import Analyser, JoinSettings, Setup, join_spots, strong_refl
from beampace.analysis.spot_files import pack
from beampace.engines.xds.found import as_xds
from beampace.engines.xds.spot_xds import spots_text

SHAPE = (300, 320)


def _sweep(n_frames, n_spots, photons, background, seed):
    """Frames with gaussian spots in x, y and z; returns frames and true centres (x, y, z)."""
    rng = np.random.default_rng(seed)
    frames = rng.poisson(background, (n_frames, *SHAPE)).astype(np.uint32)
    side = int(np.ceil(np.sqrt(n_spots)))
    which = np.arange(n_spots)
    x = 20 + (which % side + 0.5) * (280 / side) + rng.uniform(-2, 2, n_spots)
    y = 20 + (which // side + 0.5) * (260 / side) + rng.uniform(-2, 2, n_spots)
    z = rng.uniform(3, n_frames - 3, n_spots)
    for k in range(n_spots):
        n = rng.poisson(photons)
        places = rng.normal((z[k], y[k], x[k]), (0.8, 0.9, 0.9), (n, 3))
        np.add.at(frames, tuple(np.floor(places).astype(int).T), 1)
    return frames, np.stack([x, y, z], axis=1)


def _analyse(frames, detector, beam):
    analyser = Analyser(Setup.make(detector(320, 300), beam))
    return [analyser.analyse(frame, number) for number, frame in enumerate(frames, start=1)]


@pytest.mark.parametrize("background", [0.02, 0.5, 5.0])
def test_reflections_are_where_they_were_put(background, detector, beam):
    frames, true = _sweep(20, 64, 250 + 100 * background, background, seed=3)
    found = join_spots(_analyse(frames, detector, beam))
    apart = np.abs(found.xyz[:, None, :] - true[None, :, :]).max(axis=2)
    assert (apart.min(axis=0) < 0.5).mean() >= 0.98
    assert len(found) <= 64 + 1
    offsets = found.xyz[apart.argmin(axis=0)] - true
    assert np.abs(offsets.mean(axis=0)).max() < 0.06
    assert np.all(found.variance >= 1 / 12)
    assert np.all(np.diff(found.xyz[:, 2]) >= 0)


def test_sums_and_moments_agree_with_all_voxels_at_once(detector, beam):
    frames, _ = _sweep(12, 1, 2000, 0.0, seed=8)
    (found,) = [join_spots(_analyse(frames, detector, beam))]
    assert len(found) == 1
    z, y, x = np.nonzero(frames)
    inside = frames[z, y, x].astype(float)
    centre = [np.average(axis + 0.5, weights=inside) for axis in (x, y, z)]
    spread = [
        np.average((axis + 0.5 - c) ** 2, weights=inside) for axis, c in zip((x, y, z), centre, strict=True)
    ]
    # Without background nearly every photon lies in the spot; a few single ones far out do not.
    assert found.intensity[0] == pytest.approx(inside.sum(), rel=0.01)
    np.testing.assert_allclose(found.xyz[0], centre, atol=0.02)
    np.testing.assert_allclose(found.variance[0] - 1 / 12, np.array(spread) / inside.sum(), rtol=0.05)
    x0, x1, y0, y1, z0, z1 = found.box[0]
    assert x0 <= found.xyz[0, 0] <= x1
    assert y0 <= found.xyz[0, 1] <= y1
    assert z0 <= found.xyz[0, 2] <= z1
    assert found.n_frames[0] == z1 - z0
    assert found.peak[0] == frames.max()


def test_order_of_frames_does_not_matter(detector, beam):
    analyses = _analyse(_sweep(10, 30, 300, 0.2, seed=5)[0], detector, beam)
    one, two = join_spots(analyses), join_spots(analyses[::-1])
    np.testing.assert_array_equal(one.xyz, two.xyz)


def test_a_missing_frame_ends_a_reflection(detector, beam):
    frames, true = _sweep(12, 1, 4000, 0.1, seed=2)
    analyses = _analyse(frames, detector, beam)
    middle = int(true[0, 2]) + 1
    settings = JoinSettings(max_separation=10)
    assert len(join_spots(analyses, settings)) == 1
    without = [analysis for analysis in analyses if analysis.number != middle]
    parts = join_spots(without, settings)
    assert len(parts) == 2
    assert all(box[5] <= middle - 1 or box[4] >= middle for box in parts.box)


def test_what_never_ends_is_no_reflection(detector, beam):
    frames = np.random.default_rng(1).poisson(0.1, (15, *SHAPE)).astype(np.uint32)
    frames[:, 100:102, 100:102] += 50
    analyses = _analyse(frames, detector, beam)
    assert all(analysis.n_spots >= 1 for analysis in analyses)
    assert len(join_spots(analyses, JoinSettings(most_frames=10))) == 0


def test_no_frames_and_no_spots(detector, beam):
    assert len(join_spots([])) == 0
    blank = np.zeros((3, *SHAPE), np.uint32)
    assert len(join_spots(_analyse(blank, detector, beam))) == 0
    assert spots_text(as_xds(join_spots([]))) == ""


def test_msgpack_by_hand():
    assert pack(5) == b"\x05"
    assert pack(300) == b"\xcf" + struct.pack(">Q", 300)
    assert pack("id") == b"\xda\x00\x02id"
    assert pack(b"\x01") == b"\xc6\x00\x00\x00\x01\x01"
    assert pack([1, "a"]) == b"\xdd\x00\x00\x00\x02\x01\xda\x00\x01a"
    assert pack({"k": 0}) == b"\xdf\x00\x00\x00\x01\xda\x00\x01k\x00"
    with pytest.raises(TypeError):
        pack(1.5)


READER = """
import sys
from dials.array_family import flex
table = flex.reflection_table.from_file(sys.argv[1])
assert table.get_flags(table.flags.strong).count(True) == len(table)
for xyz, variance, intensity, box in zip(table["xyzobs.px.value"], table["xyzobs.px.variance"],
                                         table["intensity.sum.value"], table["bbox"]):
    print(*[repr(value) for value in (*xyz, *variance, intensity, *box)])
"""


@pytest.mark.dials
def test_dials_reads_what_was_written(tmp_path: Path, detector, beam):
    found = join_spots(_analyse(_sweep(10, 20, 300, 0.2, seed=5)[0], detector, beam))
    path = tmp_path / "strong.refl"
    path.write_bytes(strong_refl(found))
    answer = subprocess.run(
        ["/usr/bin/python3", "-c", READER, str(path)], capture_output=True, text=True, check=True
    )
    read = np.array([line.split() for line in answer.stdout.splitlines()], dtype=float)
    expected = np.hstack([found.xyz, found.variance, found.intensity[:, None], found.box])
    np.testing.assert_array_equal(read, expected)


def test_spot_xds_counts_pixels_from_one(detector, beam):
    found = join_spots(_analyse(_sweep(10, 20, 300, 0.2, seed=5)[0], detector, beam))
    rows = np.array([line.split() for line in spots_text(as_xds(found)).splitlines()], dtype=float)
    assert rows.shape == (len(found), 4)
    assert np.all(np.diff(rows[:, 3]) <= 0)
    order = np.argsort(-found.intensity, kind="stable")
    np.testing.assert_allclose(rows[:, :3] - [0.5, 0.5, 0], found.xyz[order], atol=0.0051)
