"""Refinement: every derivative against finite differences, and perturbed models recovered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beampace.analysis.rotation import derivatives as kernel
from beampace.analysis.rotation import freedom as free
from beampace.analysis.rotation import refine as refinement
from beampace.analysis.rotation.basis import cell_of
from beampace.analysis.rotation.freedom import Freedom
from beampace.analysis.rotation.lattice_symmetry import lattice_symmetries
from beampace.analysis.rotation.model import Drift
from beampace.analysis.rotation.reciprocal import turned_by
from beampace.analysis.rotation.refine import Observed, refine, residuals_of
from beampace.analysis.rotation.restraints import shares
from beampace.core.cell import UnitCell
from tests.support.rotation_spots import axes_of, drifting, exact, model_for, random_axes, random_turn

ALL = Freedom(beam=1.0, shift=1.0, distance=1.0, tilt=1.0)


def observed_in(model, n_frames=40, noise=0.0, seed=0, every=1):
    hkl, xyz = exact(model, n_frames)
    rng = np.random.default_rng(seed)
    hkl, xyz = hkl[::every], xyz[::every]
    return Observed(hkl, xyz + noise * rng.normal(size=xyz.shape), np.full(xyz.shape, 1 / 12))


@pytest.fixture(scope="module")
def model():
    return model_for(random_axes(np.random.default_rng(3), 30, 60))


@pytest.mark.parametrize("knots", [0, 3])
def test_every_derivative_is_that_of_finite_differences(model, knots):
    rng = np.random.default_rng(1)
    # Parallax is taken off the observations at the present geometry: it is no part of the derivatives.
    model = replace(model, detector=replace(model.detector, sensor_material="none"))
    if knots:
        drift = Drift(np.linspace(0, 40, knots), 0.02 * rng.normal(size=(knots, 3)))
        model = replace(model, drift=drift)
    observed = observed_in(model, every=20)
    problem = refinement._Problem(observed, ALL, model, None)
    now = refinement._equations(problem, model)
    knot, part, n_knots = shares(model, observed.xyz[:, 2])
    size = 3 * n_knots + now.jacobian.shape[2] - kernel.ROTATIONS
    assert now.usable.sum() > 100
    for column in range(size):
        step = np.zeros(size)
        step[column] = 1e-5
        ahead = refinement._equations(problem, refinement._stepped(problem, model, now, step)).residuals
        behind = refinement._equations(problem, refinement._stepped(problem, model, now, -step)).residuals
        if column < 3 * n_knots:
            share = np.where(knot == column // 3, 1 - part, 0) + np.where(knot + 1 == column // 3, part, 0)
            exactly = now.jacobian[:, :, column % 3] * share[:, None]
        else:
            exactly = now.jacobian[:, :, column - 3 * n_knots + kernel.ROTATIONS]
        away = np.abs((behind - ahead) / 2e-5 - exactly)[now.usable]
        assert away.max() < 2e-6 * max(np.abs(exactly[now.usable]).max(), 1.0), column


def test_a_perturbed_model_is_recovered(model):
    observed = observed_in(model, 90, every=4)
    turn = np.array([1e-3, -7e-4, 5e-4])
    away = free.moved(
        model,
        turn[None],
        np.diag([2e-3, -1e-3, 1.5e-3]),
        np.array([0, 0, 0.3, -0.2, 0.5, 1e-3, 1e-3, -1e-3]),
    )
    start = residuals_of(away, observed)
    assert np.nanmax(np.abs(start)) > 3
    fit = refine(away, observed, replace(ALL, beam=0.0), reference=away)
    assert fit.used.mean() > 0.97
    # Parallax is inverted at the recorded place: a hundredth of a pixel.
    assert max(fit.rmsd) < 0.02
    assert np.allclose(cell_of(fit.model.axes), cell_of(model.axes), rtol=1e-4)
    assert fit.model.detector.distance == pytest.approx(model.detector.distance, rel=2e-4)


def test_a_beam_that_is_off_is_recovered_when_the_detector_is_known(model):
    observed = observed_in(model, 60, every=4)
    away = free.moved(model, np.zeros((1, 3)), np.zeros((3, 3)), np.array([1e-3, -2e-3, 0, 0, 0, 0, 0, 0]))
    fit = refine(away, observed, Freedom(beam=0.1, shift=0.0), reference=away)
    assert np.allclose(fit.model.beam.direction, model.beam.direction, atol=2e-5)


def test_noise_gives_the_spread_it_has_and_outliers_are_left_out(model):
    observed = observed_in(model, 40, noise=0.2, every=3)
    wild = np.arange(len(observed.xyz)) % 25 == 0
    xyz = observed.xyz + np.where(wild[:, None], 5.0, 0.0)
    fit = refine(model, replace(observed, xyz=xyz), Freedom.of_scan(20.0))
    assert not fit.used[wild].any()
    assert fit.used[~wild].mean() > 0.98
    assert np.allclose(fit.rmsd, 0.2, rtol=0.08)


def test_the_geometry_is_held_where_the_scan_cannot_tell(model):
    observed = observed_in(model, 40, noise=0.2, every=10)
    fit = refine(model, observed, Freedom(shift=1e-4, beam=1e-6, distance=1e-3))
    moved = free.departure(fit.model, model)
    assert np.abs(moved[2:4]).max() < 1e-3
    assert np.abs(moved[:2]).max() < 1e-5
    assert np.abs(moved[5:]).max() < 1e-12


def test_departures_are_what_a_model_was_moved_by(model):
    step = np.array([2e-4, -3e-4, 0.3, -0.2, 0.5, 1e-4, 2e-4, -3e-4])
    away = free.moved(model, np.zeros((1, 3)), np.zeros((3, 3)), step)
    assert np.allclose(free.departure(away, model), step, atol=1e-6)


def test_a_turned_laboratory_changes_nothing(model):
    """Detector, beam, spindle and setting turned together are the same experiment."""
    observed = observed_in(model, every=10)
    turn = np.array([0.2, -0.3, 0.4])

    def turned(vector):
        return tuple(float(x) for x in turned_by(np.array([vector]), turn)[0])

    detector = replace(
        model.detector, origin=turned(model.detector.origin), fast=turned(model.detector.fast),
        slow=turned(model.detector.slow),
    )  # fmt: skip
    rows = turned_by(np.array(model.goniometer.setting).T, turn).T
    setting = tuple(tuple(float(x) for x in row) for row in rows)
    other = replace(
        model,
        detector=detector,
        beam=replace(model.beam, direction=turned(model.beam.direction)),
        goniometer=replace(model.goniometer, setting=setting),
    )
    assert np.allclose(residuals_of(other, observed), residuals_of(model, observed), atol=1e-7)


@pytest.mark.parametrize("degrees", [1.0, 4.0])
def test_a_drifting_crystal_is_followed(model, degrees):
    moving = drifting(model, 180, degrees)
    observed = observed_in(moving, 180, noise=0.1, every=8)
    still = refine(model, observed, Freedom.of_scan(90))
    fit = refine(model, observed, replace(Freedom.of_scan(90), knots=7.5))
    assert max(fit.rmsd) < 0.13
    assert max(still.rmsd) > 2 * max(fit.rmsd) or still.used.mean() < 0.7
    assert np.allclose(fit.model.drift.vectors[0], 0)
    z = np.linspace(10, 170, 9)
    away = fit.model.drift.at(z) - (moving.drift.at(z) - moving.drift.at(z[:1] * 0))
    assert np.degrees(np.abs(away - away.mean(axis=0))).max() < 0.03


def test_bends_are_restrained():
    axes = random_axes(np.random.default_rng(3), 30, 60)
    model = model_for(axes)
    observed = observed_in(model, 180, noise=0.3, every=40)
    loose = refine(model, observed, Freedom(knots=7.5, bend=1.0)).model.drift
    stiff = refine(model, observed, Freedom(knots=7.5, bend=1e-5)).model.drift
    assert (
        np.abs(np.diff(stiff.vectors, 2, axis=0)).max()
        < 0.2 * np.abs(np.diff(loose.vectors, 2, axis=0)).max()
    )


CELLS = {
    "aP": (UnitCell(27.07, 31.25, 33.76, 87.98, 72.0, 67.89), "P", 6),
    "mC": (UnitCell(78.4, 38.7, 46.3, 90, 103.5, 90), "C", 4),
    "oP": (UnitCell(38.3, 51.8, 66.6, 90, 90, 90), "P", 3),
    "tP": (UnitCell(78.5, 78.5, 37.5, 90, 90, 90), "P", 2),
    "hP": (UnitCell(46.8, 46.8, 76.4, 90, 90, 120), "P", 2),
    "cI": (UnitCell(68.3, 68.3, 68.3, 90, 90, 90), "I", 1),
}


@pytest.mark.parametrize("bravais", CELLS)
def test_symmetry_leaves_a_cell_its_freedom_and_no_more(bravais):
    cell, centring, count = CELLS[bravais]
    axes = axes_of(cell, centring, random_turn(np.random.default_rng(4)))
    symmetry = lattice_symmetries(np.linalg.inv(axes))[0]
    strains = free.strains(np.linalg.inv(axes), symmetry.operators)
    assert len(strains) == count
    model = model_for(axes)
    observed = observed_in(model, 40, noise=0.1, every=max(1, len(exact(model, 40)[0]) // 400))
    strained = free.exponential(2e-3 * np.random.default_rng(5).normal(size=(3, 3)) @ np.eye(3))
    away = replace(model, a_matrix=(strained + strained.T) / 2 @ model.a_matrix)
    fit = refine(away, observed, Freedom(shift=0.0), operators=symmetry.operators)
    again = lattice_symmetries(fit.model.a_matrix, 0.5)[0]
    assert again.bravais == bravais
    assert again.penalty < 1e-4
    assert np.allclose(again.cell.parameters, symmetry.cell.parameters, rtol=2e-3)


def test_rotation_vectors_compose_as_rotations_do():
    rng = np.random.default_rng(6)
    for _ in range(20):
        one, two, vector = rng.normal(size=(3, 3))
        both = free.composed(two, one)
        step = turned_by(turned_by(vector[None], one), two)
        assert np.allclose(turned_by(vector[None], both), step, atol=1e-12)
