"""The unmerged file: what was written is read back, and merges to the same numbers."""

from dataclasses import replace

import gemmi
import numpy as np
import pytest

from beampace.analysis.rotation.model import Drift, Model
from beampace.analysis.rotation.scaled_data import scale
from beampace.analysis.rotation.unmerged_mtz import mosflm_frame, unmerged_mtz, write_unmerged
from beampace.core.geometry import Beam, Detector, Goniometer
from beampace.results.unmerged import read_unmerged
from beampace.simulate.crystal import orthogonalisation_b
from beampace.simulate.groups import CRYSTALS
from tests.support.rotation_observations import Scan, measured, orientation


def model_of(name: str, detector: Detector) -> Model:
    """An experiment with a crystal in a random orientation."""
    turned = orientation(np.random.default_rng(1)) @ orthogonalisation_b(CRYSTALS[name].unit_cell)
    axis = (0.9998, 0.02, 0.0)
    return Model(detector, Beam(0.97), Goniometer(axis), 12.0, 0.5, turned, sigma_m=0.07)


@pytest.fixture
def written(tmp_path, detector):
    truth = measured("P43212", Scan(d_min=3.5, b_error=0.03, c=lambda z: 1 + 0.2 * np.sin(z / 40)))
    intensity = truth.observations.intensity.copy()
    intensity[100] += 1e6
    observations = replace(truth.observations, intensity=intensity)
    scaled = scale(observations, truth.group)
    path = tmp_path / "unmerged.mtz"
    write_unmerged(path, scaled, model_of("P43212", detector(2000, 2100)), "lyso")
    return scaled, path


def sorted_rows(hkl, frame, *values):
    """As rows in an order that the file's does not matter for."""
    rows = np.column_stack([hkl, frame, *values])
    return rows[np.lexsort(rows.T[::-1])]


def floats(mtz: gemmi.Mtz, batch: int, start: int, count: int) -> np.ndarray:
    """Numbers of a batch header."""
    return np.array([mtz.batches[batch].floats[start + i] for i in range(count)])


def test_the_file_reads_back_as_it_was_written(written):
    scaled, path = written
    good = scaled.good
    assert not scaled.good[100]
    found = read_unmerged(path)
    frame = np.floor(scaled.observations.z[good]) + 1
    wanted = (scaled.intensity[good], scaled.sigma[good], scaled.scale[good])
    single = [value.astype(np.float32).astype(np.float64) for value in wanted]
    one = sorted_rows(scaled.observations.hkl[good], frame, *single)
    two = sorted_rows(found.hkl, found.frame, found.intensity, found.sigma, found.scale)
    assert np.array_equal(one, two)
    assert found.group.hm == scaled.group.hm
    assert np.allclose(found.cell.parameters, scaled.observations.cell.parameters, atol=1e-4)


def test_gemmi_merges_the_file_to_the_same_statistics(written):
    scaled, path = written
    before = gemmi.Intensities()
    data = scaled.scaled
    cell = gemmi.UnitCell(*scaled.observations.cell.parameters)
    before.set_data(cell, scaled.group, data.hkl, data.intensity, data.sigma)
    before.sort()
    after = gemmi.Intensities()
    after.import_mtz(gemmi.read_mtz_file(str(path)), gemmi.DataType.Unmerged)
    after.sort()
    one, two = (each.calculate_merging_stats(None, "Y")[0] for each in (before, after))
    assert (one.all_refl, one.unique_refl, one.stats_refl) == (two.all_refl, two.unique_refl, two.stats_refl)
    for name in ("r_merge", "r_meas", "r_pim", "cc_half"):
        assert getattr(one, name)() == pytest.approx(getattr(two, name)(), rel=1e-5)


def test_every_batch_has_a_header_and_the_hkl_are_in_the_asymmetric_unit(written):
    _, path = written
    mtz = gemmi.read_mtz_file(str(path))
    numbers = [batch.number for batch in mtz.batches]
    assert numbers == list(range(1, 361))
    assert set(np.unique(mtz.column_with_label("BATCH").array)) <= set(numbers)
    assert mtz.sort_order[:3] == [1, 2, 3]
    assert np.asarray(mtz.column_with_label("M/ISYM").array).min() >= 1
    asu = gemmi.ReciprocalAsu(mtz.spacegroup)
    assert all(asu.is_in([int(i) for i in row]) for row in mtz.make_miller_array()[::50])
    assert mtz.datasets[-1].wavelength == pytest.approx(0.97)
    assert mtz.batches[0].floats[36] == pytest.approx(12.0)
    assert mtz.batches[9].floats[37] == pytest.approx(17.0)
    assert mtz.batches[9].floats[47] == pytest.approx(0.5)


def test_orientation_in_the_header_is_that_of_the_crystal(detector):
    truth = measured("C2", Scan(d_min=5.0))
    scaled = scale(truth.observations, truth.group)
    model = model_of("C2", detector(1000, 1000))
    drift = Drift(np.array([0.0, 360.0]), np.array([[0.0, 0, 0], [0.01, -0.02, 0.005]]))
    mtz = unmerged_mtz(scaled, replace(model, drift=drift))
    b = orthogonalisation_b(CRYSTALS["C2"].unit_cell)
    star = gemmi.UnitCell(*CRYSTALS["C2"].unit_cell.parameters).reciprocal()
    metric = b.T @ b
    levy = np.linalg.cholesky(metric).T
    assert levy[0, 0] == pytest.approx(star.a)
    frame = mosflm_frame(model)
    for place, share in ((0, 0.5 / 360), (359, 359.5 / 360)):
        u = floats(mtz, place, 6, 9).reshape(3, 3).T
        axis = share * np.array([0.01, -0.02, 0.005])
        turn = np.eye(3) + np.cross(np.eye(3), axis)
        assert np.linalg.det(u) == pytest.approx(1, abs=1e-5)
        assert np.allclose(frame.T @ u @ levy, turn @ model.a_matrix, atol=1e-4 * np.abs(levy).max() + 1e-5)
    assert np.allclose(floats(mtz, 0, 83, 3) @ [1, 0, 0], -1, atol=1e-3)
    assert np.allclose(frame @ frame.T, np.eye(3))


def test_nothing_is_not_written(tmp_path, detector):
    truth = measured("P43212", Scan(d_min=6.0))
    bad = replace(truth.observations, sigma=np.zeros(len(truth.observations)))
    with pytest.raises(ValueError, match="no scaled"):
        write_unmerged(tmp_path / "x.mtz", scale(bad, truth.group), model_of("P43212", detector(10, 10)))
