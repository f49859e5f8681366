"""Merging statistics against hand-worked values, gemmi, enumeration and random half sets."""

from __future__ import annotations

import math

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from beampace.core.errors import InfrastructureError, ScienceError
from beampace.results.merging import merge
from beampace.results.reflections import absent, pack, possible, representatives, unpack
from beampace.results.statistics import (
    critical_t,
    is_significant,
    shell_edges,
    sigma_tau,
    statistics,
    statistics_of,
)
from beampace.results.unmerged import Observations

GROUPS = ["P 43 21 2", "P 21 21 21", "C 1 2 1", "P 32 2 1", "R 3:H", "I 2 3", "P 1"]


def small(hkl: list[tuple[int, int, int]], intensity: list[float], group: str = "P 1") -> Observations:
    cell = gemmi.UnitCell(10, 11, 12, 90, 90, 90)
    n = len(hkl)
    return Observations(
        cell,
        gemmi.SpaceGroup(group),
        np.array(hkl, dtype=np.int32),
        np.array(intensity, dtype=float),
        np.ones(n),
        np.arange(1, n + 1),
    )


def gemmi_intensities(observed: Observations) -> gemmi.Intensities:
    found = gemmi.Intensities()
    found.set_data(observed.cell, observed.group, observed.hkl, observed.intensity, observed.sigma)
    found.sort()
    found.remove_systematic_absences()
    return found


def test_three_reflections_by_hand() -> None:
    hkl = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 1), (0, 0, -1)]
    overall = statistics(small(hkl, [10, 14, 20, 30, 33, 36])).overall
    # means 12, 20, 33; deviations 2+2 and 3+0+3; intensities observed more than once 24 + 99
    assert (overall.n_observations, overall.n_unique) == (6, 3)
    assert overall.n_repeated == 2
    assert overall.multiplicity == 2
    assert overall.r_merge == pytest.approx(10 / 123)
    assert overall.r_meas == pytest.approx((4 * math.sqrt(2) + 6 * math.sqrt(1.5)) / 123)
    assert overall.r_pim == pytest.approx((4 + 6 * math.sqrt(0.5)) / 123)
    # var(12, 33) = 220.5; mean of 8/2 and 9/3 = 3.5
    assert overall.cc_half == pytest.approx(217 / 224)
    assert not overall.cc_half_significant
    assert overall.mean_i_over_sigma == pytest.approx((12 * math.sqrt(2) + 20 + 33 * math.sqrt(3)) / 3)
    assert overall.d_max == pytest.approx(12) and overall.d_min == pytest.approx(10)
    assert (overall.n_possible, overall.completeness) == (3, 1.0)


def test_anomalous_differences_by_hand() -> None:
    hkl = [(1, 2, 3)] * 2 + [(-1, -2, -3)] * 2 + [(2, 1, 3)] * 2 + [(-2, -1, -3)] * 2
    merged = merge(small(hkl, [10, 12, 5, 7, 20, 24, 30, 30]))
    sign = np.sign(merged.difference)
    assert sorted(np.abs(merged.difference)) == [5, 8]
    assert sign[0] == -sign[1]
    assert sorted(merged.difference_error) == pytest.approx([2.0, 4.0])


def test_centric_reflections_have_no_anomalous_difference() -> None:
    hkl = [(1, 0, 2)] * 2 + [(-1, 0, -2)] * 2
    assert np.isnan(merge(small(hkl, [1, 2, 3, 4], "P 1 2 1")).difference).all()
    assert np.isfinite(merge(small(hkl, [1, 2, 3, 4], "P 1")).difference).all()


@pytest.mark.parametrize("name", GROUPS)
def test_agrees_with_gemmi(name: str, synthetic) -> None:
    observed = synthetic(name)
    overall, theirs = statistics(observed).overall, gemmi_intensities(observed)
    expected = theirs.calculate_merging_stats(None, "Y")[0]
    merged = merge(observed)
    assert overall.n_observations == expected.all_refl
    assert overall.n_unique == expected.unique_refl
    assert overall.cc_half == pytest.approx(expected.cc_half(), abs=1e-9)
    # gemmi divides by the sum of n <I>, we by the sum of I
    several = merged.count > 1
    ratio = merged.total[several].sum() / (merged.count * merged.mean)[several].sum()
    for ours, value in (
        (overall.r_merge, expected.r_merge()),
        (overall.r_meas, expected.r_meas()),
        (overall.r_pim, expected.r_pim()),
    ):
        assert ours * ratio == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("name", GROUPS)
def test_means_and_sigmas_agree_with_gemmi(name: str, synthetic) -> None:
    observed = synthetic(name)
    merged, theirs = merge(observed), gemmi_intensities(observed)
    theirs.merge_in_place(gemmi.DataType.Mean)
    keys = representatives(np.array(theirs.miller_array, dtype=np.int32), observed.group).keys
    order = np.argsort(keys)
    assert (keys[order] == merged.keys).all()
    np.testing.assert_allclose(merged.mean, theirs.value_array[order], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(merged.sigma, theirs.sigma_array[order], rtol=1e-9)


@pytest.mark.parametrize("name", GROUPS)
def test_possible_reflections_by_brute_force(name: str, synthetic) -> None:
    observed = synthetic(name)
    d_min = 5.003
    axis = np.arange(-18, 19)
    hkl = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(-1, 3).astype(np.int32)
    s2 = observed.cell.calculate_1_d2_array(hkl)
    inside = (s2 > 0) & (s2 <= 1 / d_min**2) & ~absent(hkl, observed.group)
    expected = len(np.unique(representatives(hkl[inside], observed.group).keys))
    assert len(possible(observed.cell, observed.group, d_min, 1000.0)) == expected


def test_shells_hold_everything_once(synthetic) -> None:
    found = statistics(synthetic("P 21 21 21"), n_shells=7)
    assert len(found.shells) == 7
    assert found.outer == found.shells[-1]
    for count in ("n_observations", "n_unique", "n_possible"):
        assert sum(getattr(shell, count) for shell in found.shells) == getattr(found.overall, count)
    for low, high in zip(found.shells, found.shells[1:], strict=False):
        assert low.d_min == high.d_max


def test_shells_have_equal_volume() -> None:
    edges = shell_edges(0.02, 0.5, 20)
    volumes = np.diff(edges**3)
    np.testing.assert_allclose(volumes, volumes[0])


def test_resolution_limit_is_obeyed(synthetic) -> None:
    cut = statistics(synthetic("P 43 21 2"), d_min=4.0).overall
    assert 4.0 <= cut.d_min < 4.05
    assert cut.n_unique < statistics(synthetic("P 43 21 2")).overall.n_unique


def test_absences_count_nowhere() -> None:
    absences = [(0, 0, 1), (0, 0, 3)]
    hkl = [(1, 1, 1), (1, 1, -1), (1, 2, 1), *absences]
    overall = statistics(small(hkl, [1, 2, 3, 900, 900], "P 21 21 21")).overall
    assert overall.n_observations == 3
    assert overall.n_unique == 2


def test_few_reflections_give_no_nan() -> None:
    overall = statistics(small([(1, 0, 0)], [5])).overall
    assert overall.r_merge is None and overall.cc_half is None and overall.cc_anom is None
    assert overall.mean_i_over_sigma == 5


def test_no_reflections_is_an_error(tmp_path, write_mtz, synthetic) -> None:
    with pytest.raises(ScienceError, match="No observation"):
        statistics(small([(0, 0, 1)], [5], "P 21 21 21"))
    path = tmp_path / "x.mtz"
    path.write_bytes(b"not a reflection file")
    with pytest.raises(InfrastructureError, match="readable MTZ"):
        statistics_of(path)


def test_noise_has_no_correlation() -> None:
    rng = np.random.default_rng(5)
    observed = small([(h, k, 1) for h in range(30) for k in range(30) for _ in range(4)], [0] * 3600)
    noise = Observations(
        observed.cell, observed.group, observed.hkl, rng.normal(0, 1, 3600), np.ones(3600), observed.frame
    )
    overall = statistics(noise).overall
    assert abs(overall.cc_half) < 0.1
    assert not overall.cc_half_significant


def test_sigma_tau_is_the_mean_of_random_half_sets() -> None:
    rng = np.random.default_rng(3)
    values = rng.exponential(1.0, 800)[:, None] + rng.normal(0, 1.2, (800, 6))
    halves = []
    for _ in range(100):
        shuffled = rng.permuted(values, axis=1)
        halves.append(np.corrcoef(shuffled[:, :3].mean(1), shuffled[:, 3:].mean(1))[0, 1])
    ours = sigma_tau(values.mean(1), values.var(1, ddof=1) / 6)
    assert ours == pytest.approx(np.mean(halves), abs=0.005)


@pytest.mark.parametrize("n", [10, 12, 30, 100, 1000])
def test_significance_agrees_with_students_t(n: int) -> None:
    t = scipy_stats.t.isf(0.001, n - 2)
    assert critical_t(n - 2) == pytest.approx(t, rel=0.01)
    critical = t / math.sqrt(n - 2 + t * t)
    assert is_significant(min(1.0, critical + 0.003), n)
    assert not is_significant(critical - 0.003, n)


def test_few_pairs_are_never_significant() -> None:
    assert not is_significant(0.9999, 9)
    assert not is_significant(None, 100)
    assert not is_significant(-0.99, 100)


def test_anomalous_signal_is_seen(synthetic) -> None:
    with_signal = synthetic("P 43 21 2", multiplicity=8)
    assert statistics(with_signal).overall.cc_anom > 0.4


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hkl = rng.integers(-4, 5, (200, 3))
    hkl = hkl[(hkl != 0).any(axis=1)]
    observed = small([tuple(row) for row in hkl], list(rng.exponential(10, len(hkl))), "P 1 2 1")
    shuffled = observed.select(rng.permutation(len(observed)))
    assert statistics(shuffled) == statistics(observed)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(GROUPS))
def test_equivalents_have_one_representative(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    group = gemmi.SpaceGroup(name)
    hkl = rng.integers(-30, 31, (50, 3)).astype(np.int32)
    operation = rng.choice(list(group.operations().sym_ops))
    moved = np.array([operation.apply_to_hkl(list(map(int, row))) for row in hkl], dtype=np.int32)
    first, second, mate = (representatives(each, group) for each in (hkl, moved, -hkl))
    assert (first.keys == second.keys).all() and (first.keys == mate.keys).all()
    assert (first.plus == second.plus).all()
    assert ((first.plus != mate.plus) | first.centric).all()
    assert (first.centric == group.operations().centric_flag_array(hkl)).all()
    assert (unpack(pack(hkl)) == hkl).all()


def test_file_gives_the_same_as_memory(tmp_path, write_mtz, synthetic) -> None:
    observed = synthetic("P 32 2 1")
    ours, read = statistics(observed), statistics_of(write_mtz(tmp_path / "u.mtz", observed))
    assert read.overall.n_unique == ours.overall.n_unique
    assert read.overall.cc_half == pytest.approx(ours.overall.cc_half, abs=1e-6)
    assert read.overall.cc_anom == pytest.approx(ours.overall.cc_anom, abs=1e-4)
    assert read.overall.r_pim == pytest.approx(ours.overall.r_pim, rel=1e-5)
