"""Scaling: known scales come back, and the order of the input does not matter."""

from dataclasses import replace

import gemmi
import numpy as np
import pytest

from beampace.analysis.rotation.curves import curves_of, in_gauge
from beampace.analysis.rotation.equivalents import group_equivalents, unique_keys
from beampace.analysis.rotation.harmonics import harmonics, term_count
from beampace.analysis.rotation.observations import observed
from beampace.analysis.rotation.scaled_data import scale
from beampace.analysis.rotation.scaling import Fit, Problem, fit, means, rows_of, shape_for
from beampace.analysis.rotation.smooth import Curve
from beampace.core.cell import UnitCell
from tests.support.rotation_observations import Scan, Truth, measured

WAVY = Scan(
    c=lambda z: 1 + 0.3 * np.sin(z / 60),
    b=lambda z: -0.01 * z - 2e-5 * z**2,
    b_error=0.03,
    d_min=2.5,
)


def same_gauge(truth: Truth, scan: Scan, frame) -> tuple[np.ndarray, np.ndarray]:
    """C and B that were put in, as the curves have them."""
    c, b = scan.c(frame - 0.5), scan.b(frame - 0.5)
    return c / c.mean(), b - b[0]


@pytest.fixture(scope="module")
def wavy():
    truth = measured("P43212", WAVY)
    return truth, scale(truth.observations, truth.group)


def test_known_scale_and_decay_are_recovered(wavy):
    truth, scaled = wavy
    curves = scaled.curves
    c, b = same_gauge(truth, WAVY, curves.frame)
    pull_c = (curves.c - c) / curves.c_esd
    pull_b = (curves.b - b)[10:] / curves.b_esd[10:]
    assert np.abs(curves.c / c - 1).max() < 0.02
    assert np.abs(curves.b - b).max() < 1.0
    assert np.sqrt(np.mean(pull_c**2)) < 2
    assert np.sqrt(np.mean(pull_b**2)) < 2


def test_curves_are_counted_and_gauged(wavy):
    _, scaled = wavy
    curves = scaled.curves
    assert curves.frame[0] == 1
    assert curves.frame[-1] == 360
    assert curves.c.mean() == pytest.approx(1)
    assert curves.b[0] == 0
    assert curves.b_esd[0] == 0


def test_scaled_intensities_are_right_within_their_errors(wavy):
    truth, scaled = wavy
    factor = np.median(scaled.scale / truth.g)
    pull = (scaled.intensity * factor - truth.intensity) / (scaled.sigma * factor)
    assert abs(pull.mean()) < 0.1
    assert pull.std() == pytest.approx(1, abs=0.05)
    assert not scaled.remarks


def test_weak_data_are_not_biased():
    """With weights from the counts as they fell the mean of the merged would be low by half a photon."""
    truth = measured("P43212", Scan(photons=3, background=1, d_min=2.5))
    scaled = scale(truth.observations, truth.group)
    grouping = group_equivalents(truth.observations, truth.group)
    order = grouping.order
    merged, _ = means(grouping, scaled.intensity[order], 1 / scaled.sigma[order] ** 2, np.ones(len(order)))
    true = truth.intensity[order][grouping.starts[:-1]]
    assert merged.sum() / true.sum() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", ["P21", "I23"])
def test_the_order_of_the_input_does_not_matter(name):
    truth = measured(name, replace(WAVY, d_min=3.5))
    shuffled = np.random.default_rng(1).permutation(len(truth.observations))
    one = scale(truth.observations, truth.group)
    two = scale(truth.observations.select(shuffled), truth.group)
    for field in ("intensity", "sigma", "scale", "outlier"):
        assert np.array_equal(getattr(one, field)[shuffled], getattr(two, field))
    assert one.error_model == two.error_model
    assert np.array_equal(one.curves.c, two.curves.c)


def test_absorption_is_recovered():
    def absorption(s1, source):
        return np.exp(0.08 * (s1[:, 2] + source[:, 2]) + 0.1 * s1[:, 0] * s1[:, 1])

    truth = measured("P43212", Scan(d_min=2.5, absorption=absorption, degrees=360))
    scaled = scale(truth.observations, truth.group)
    plain = scale(truth.observations, truth.group, absorption=False)
    spread = [np.std(np.log(one.scale / truth.g)) for one in (scaled, plain)]
    assert spread[0] < 0.012
    assert spread[1] > 2 * spread[0]


def test_nothing_to_scale_with():
    truth = measured("P1", Scan(degrees=5, d_min=3))
    scaled = scale(truth.observations, truth.group)
    assert np.all(scaled.scale == 1)
    assert scaled.curves is None
    assert len(scaled.remarks) == 2


def test_observations_that_cannot_be_used_have_no_result():
    truth = measured("P43212", replace(WAVY, d_min=3.5))
    sigma = truth.observations.sigma.copy()
    sigma[:5] = 0
    partiality = truth.observations.partiality.copy()
    partiality[5:10] = 0.2
    scaled = scale(replace(truth.observations, sigma=sigma, partiality=partiality), truth.group)
    assert not scaled.used[:10].any()
    assert np.isnan(scaled.intensity[:10]).all()
    assert np.isfinite(scaled.intensity[10:]).all()
    assert "10 of" in scaled.remarks[-1]
    none = scale(replace(truth.observations, sigma=0 * sigma), truth.group)
    assert not none.good.any()
    assert none.remarks


def test_the_gauge_leaves_the_factors_alike():
    """A constant in B is not to be told from the intensities; it must only not change ratios of g."""
    truth = measured("P43212", replace(WAVY, d_min=3.5))
    shape = shape_for(truth.observations, absorption=False)
    rows = rows_of(shape, truth.observations)
    p = np.random.default_rng(0).normal(0, 0.2, shape.size)
    ratio = rows.factors(p) / rows.factors(in_gauge(shape, p))
    order = group_equivalents(truth.observations, truth.group)
    for begin, end in zip(order.starts[:50], order.starts[1:51], strict=True):
        assert np.ptp(np.log(ratio[order.order[begin:end]])) < 1e-9


def test_the_gradient_by_finite_differences():
    truth = measured("P43212", replace(WAVY, d_min=4.5))
    chosen = truth.observations
    grouping = group_equivalents(chosen, truth.group)
    ordered = chosen.select(grouping.order)
    shape = shape_for(ordered)
    problem = Problem(shape, rows_of(shape, ordered), grouping, ordered.intensity, ordered.sigma**-2)
    from beampace.analysis.rotation.scaling import _cost, _equations

    p = np.random.default_rng(2).normal(0, 0.05, shape.size)
    restraints = shape.restraints()
    _, gradient = _equations(problem, restraints, p)
    for place in (0, 3, shape.c.size + 1, shape.size - 2):
        step = np.zeros(shape.size)
        step[place] = 1e-5
        slope = (_cost(problem, restraints, p + step) - _cost(problem, restraints, p - step)) / 2e-5
        assert -gradient[place] == pytest.approx(slope, rel=1e-4, abs=1e-3 * abs(gradient).max())


def test_a_fit_that_starts_right_stays():
    truth = measured("P43212", Scan(d_min=3.5))
    grouping = group_equivalents(truth.observations, truth.group)
    ordered = truth.observations.select(grouping.order)
    shape = shape_for(ordered, absorption=False)
    true = truth.intensity[grouping.order]
    problem = Problem(shape, rows_of(shape, ordered), grouping, true, ordered.sigma**-2)
    found = fit(problem, np.zeros(shape.size))
    assert np.abs(found.p).max() < 1e-9
    assert found.cycles == 1
    assert np.all(curves_of(shape, Fit(found.p, found.covariance, 1)).c == pytest.approx(1))


def test_smooth_curves_reproduce_parabolas():
    curve = Curve(2.0, 33.0, 7)
    z = np.linspace(2, 33, 200)
    wanted = 1 - 0.3 * z + 0.02 * z**2
    matrix = curve.matrix(z)
    found, *_ = np.linalg.lstsq(matrix, wanted, rcond=None)
    assert np.allclose(matrix @ found, wanted)
    assert np.allclose(matrix.sum(axis=1), 1)
    assert np.allclose(curve.matrix(np.array([-5.0, 50.0])), curve.matrix(np.array([2.0, 33.0])))


def test_harmonics_are_orthonormal():
    rng = np.random.default_rng(4)
    z, phi = np.polynomial.legendre.leggauss(12), np.arange(24) * 2 * np.pi / 24
    cosine, weight = np.repeat(z[0], 24), np.repeat(z[1], 24) * 2 * np.pi / 24
    sine, angle = np.sqrt(1 - cosine**2), np.tile(phi, 12)
    points = np.stack([sine * np.cos(angle), sine * np.sin(angle), cosine], axis=1)
    y = harmonics(points, 4)
    assert y.shape[1] == term_count(4) == 24
    assert np.allclose(y.T @ (weight[:, None] * y), np.eye(24), atol=1e-12)
    one = rng.standard_normal((1, 3))
    one /= np.linalg.norm(one)
    assert np.allclose(harmonics(one, 1), np.sqrt(3 / (4 * np.pi)) * one[:, [1, 2, 0]])


def test_equivalents_share_a_key_and_others_do_not():
    group = gemmi.SpaceGroup("P 43 21 2")
    truth = measured("P43212", Scan(d_min=4.5))
    hkl = truth.observations.hkl
    asu, operations = gemmi.ReciprocalAsu(group), group.operations()
    reduced = [tuple(asu.to_asu([int(i) for i in row], operations)[0]) for row in hkl]
    keys = unique_keys(hkl, group)
    assert len(set(zip(reduced, keys.tolist(), strict=True))) == len(set(reduced)) == len(set(keys.tolist()))
    apart = unique_keys(hkl, group, friedel=False)
    assert len(set(apart.tolist())) > len(set(keys.tolist()))
    with pytest.raises(ValueError, match="index"):
        unique_keys(np.array([[400_000, 0, 0]], dtype=np.int32), group)


def test_reindexing_and_choosing():
    cell = UnitCell(30, 40, 50, 90, 90, 90)
    one = observed(cell, np.array([[1, 2, 3], [0, 0, 2]]), np.ones(2), np.ones(2), np.array([0.5, 9.5]), 0.1)
    turned = one.reindexed(np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]]), UnitCell(40, 50, 30, 90, 90, 90))
    assert turned.hkl.tolist() == [[2, 3, 1], [0, 2, 0]]
    assert np.allclose(turned.d, one.d)
    assert one.degrees == pytest.approx(0.9)
    assert len(one.select(np.array([True, False]))) == 1
    assert one.select(np.array([1])).s1 is None
