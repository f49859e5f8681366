"""Spots to reciprocal space and back, and the depth of the sensor, against closed forms and the simulator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beampace.analysis.rotation import reciprocal
from beampace.analysis.rotation.sensor import mean_path, parallax
from beampace.analysis.sensor import attenuation
from beampace.core.geometry import rotation
from beampace.simulate import diffraction, sensor
from tests.support.rotation_spots import drifting, exact, model_for, random_axes


@pytest.fixture(scope="module")
def model():
    return model_for(random_axes(np.random.default_rng(1), 40, 80))


def test_there_and_back_is_the_same_place(model):
    hkl, xyz = exact(model, 40)
    assert len(xyz) > 500
    front = reciprocal.positions(model, hkl @ model.a_matrix.T, xyz[:, 2], depth=False)
    assert np.abs(reciprocal.vectors(model, front, depth=False) - hkl @ model.a_matrix.T).max() < 1e-12


def test_depth_is_undone_to_a_hundredth_of_a_pixel(model):
    hkl, xyz = exact(model, 40)
    r0 = hkl @ model.a_matrix.T
    again = reciprocal.positions(model, reciprocal.vectors(model, xyz), xyz[:, 2])
    assert np.abs(again[:, :2] - xyz[:, :2]).max() < 0.02
    assert np.abs(reciprocal.vectors(model, xyz) - r0).max() < 1e-5


def test_points_lie_on_the_sphere_when_they_cross(model):
    hkl, xyz = exact(model, 40)
    s0, q = reciprocal.incident(model), hkl @ model.a_matrix.T
    lab = np.array([np.array(model.goniometer.turn(model.start + z * model.width)) @ r for z, r in
                    zip(xyz[:50, 2], q[:50], strict=True)])  # fmt: skip
    assert np.abs(np.linalg.norm(s0 + lab, axis=1) - 1 / model.beam.wavelength).max() < 1e-9


def test_crossings_are_the_simulators():
    rng = np.random.default_rng(2)
    axis, s0 = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, -1.0])
    q = rng.normal(size=(200, 3)) * 0.3
    for near in (0.0, 1.0, 4.0):
        ours = reciprocal.crossing(q, axis, s0, np.full(len(q), near))
        for row, phi in enumerate(ours):
            both = [diffraction.crossing(q[row], axis, s0, sign) for sign in (-1.0, 1.0)]
            away = [abs((one - near + np.pi) % (2 * np.pi) - np.pi) for one in both]
            assert np.isnan(both[0]) == np.isnan(phi)
            if not np.isnan(phi):
                best = both[int(np.argmin(away))]
                assert abs(np.exp(1j * best) - np.exp(1j * phi)) < 1e-9


def test_a_drifting_crystal_is_brought_back(model):
    moving = drifting(model, 40, 2.0)
    hkl, xyz = exact(moving, 40)
    assert np.abs(reciprocal.vectors(moving, xyz) - hkl @ model.a_matrix.T).max() < 2e-5
    assert np.abs(reciprocal.vectors(model, xyz) - hkl @ model.a_matrix.T).max() > 1e-3


def test_rotation_vectors_turn_as_matrices_do():
    rng = np.random.default_rng(3)
    vectors, axis = rng.normal(size=(20, 3)), np.array([0.6, 0.0, 0.8])
    turned = reciprocal.turned_by(vectors, axis * np.radians(25))
    assert np.allclose(turned, vectors @ np.array(rotation((0.6, 0.0, 0.8), 25)).T)
    assert np.allclose(reciprocal.turned_by(vectors, np.zeros(3)), vectors)


@pytest.mark.parametrize("mu", [0.5, 4.0, 20.0])
def test_mean_path_is_that_of_photons_that_stop(mu):
    rng = np.random.default_rng(4)
    for cosine in (1.0, 0.7):
        paths = rng.exponential(1 / mu, 400_000)
        stopped = paths[paths < 0.45 / cosine]
        assert mean_path(np.array([cosine]), mu, 0.45)[0] == pytest.approx(stopped.mean(), rel=5e-3)


def test_attenuation_is_that_of_the_tables():
    for material, wavelength, within in (("Si", 1.0332, 0.08), ("Si", 0.7, 0.12), ("CdTe", 0.5, 0.2)):
        ours, tables = attenuation(material, wavelength), sensor.attenuation(material, wavelength)
        assert ours == pytest.approx(tables, rel=within), "Compton scattering is in the tables, too"
    assert attenuation("unobtainium", 1.0) is None


def test_without_a_sensor_there_is_no_parallax(model):
    rays = reciprocal.rays(model.detector, np.array([[1000.0, 1000.0]]))
    assert np.linalg.norm(parallax(model.detector, model.beam, rays)) > 0.5
    unknown = replace(model.detector, sensor_material="unobtainium")
    assert np.linalg.norm(parallax(unknown, model.beam, rays)) == 0.0
