"""Prediction against brute force, closed forms and the simulator."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from beampace.analysis.rotation import predict_kernel as kernel
from beampace.analysis.rotation.model import Drift, Model
from beampace.analysis.rotation.predict import SMALLEST_ZETA, Predictor, apparatus
from beampace.core.geometry import Beam, Detector, Goniometer, rotation
from beampace.simulate import diffraction as d
from beampace.simulate.fate import Fate
from beampace.simulate.groups import group_scenario
from beampace.simulate.sensor import attenuation
from beampace.simulate.simulation import simulate_scan
from tests.support.rotation_scans import true_model


def general_model(**changes) -> Model:
    """A triclinic crystal that drifts, on a tilted detector and a goniometer with all its rotations."""
    tilt = rotation((0.3, 1.0, 0.2), 7.0)
    fast, slow = (tuple(float(row[axis]) for row in tilt) for axis in (0, 1))
    normal = np.cross(fast, slow)
    origin = -90.0 * normal - 38.0 * np.array(fast) - 38.0 * np.array(slow)
    detector = Detector(
        "test", "tilted", (1000, 1000), (0.075, 0.075), tuple(origin), fast, slow, 0.45, "Si", 60000, 32
    )  # fmt: skip
    goniometer = Goniometer((0.8, 0.6, 0.0), rotation((0, 1, 0), 20.0), rotation((1, 1, 0), 40.0))
    cell = np.array([[0.04, 0.003, 0.002], [0.0, 0.03, 0.004], [0.0, 0.0, 0.025]])
    drift = Drift(np.array([0.0, 10.0, 40.0]), np.radians([[0, 0, 0], [0.1, -0.2, 0.05], [0.3, 0.1, -0.2]]))
    base = Model(detector, Beam(1.0), goniometer, 12.0, 0.5, cell, drift, sigma_m=0.1, sigma_d=0.05)
    return replace(base, **changes)


def vector_at(model: Model, hkl, z: float) -> np.ndarray:
    """r in the laboratory, from core's matrices alone."""
    w = model.drift.at(np.array([z]))[0]
    angle = float(np.linalg.norm(w))
    turned = np.array(rotation(tuple(w), math.degrees(angle))) if angle else np.eye(3)
    return np.array(model.goniometer.turn(model.start + z * model.width)) @ turned @ model.a_matrix @ hkl


def off_sphere(model: Model, hkl, z: float) -> float:
    s0 = np.array(model.beam.direction) / model.beam.wavelength
    r = vector_at(model, hkl, z)
    return float(r @ r + 2 * s0 @ r)


@pytest.fixture(scope="module")
def general():
    model = general_model()
    return model, Predictor(model, 3.0, 40).predict(0.0, 20.0)


def test_every_reflection_is_on_the_sphere(general):
    model, found = general
    assert len(found) > 200
    s1 = found.table[:, [kernel.S1_X, kernel.S1_Y, kernel.S1_Z]]
    assert np.abs((s1 * s1).sum(axis=1) - 1 / model.beam.wavelength**2).max() < 1e-10
    for row in range(0, len(found), 7):
        assert abs(off_sphere(model, found.hkl[row], found.xyz[row, 2])) < 1e-10


def test_entering_is_what_finite_differences_say(general):
    model, found = general
    for row in range(0, len(found), 5):
        z = found.xyz[row, 2]
        change = off_sphere(model, found.hkl[row], z + 1e-4) - off_sphere(model, found.hkl[row], z - 1e-4)
        assert (change < 0) == bool(found.table[row, kernel.ENTERING])


def test_the_same_reflections_as_by_stepping_through_the_scan(general):
    """Sign changes of |s0 + r|**2 - |s0|**2 on a fine grid, of every index within the limit."""
    model, found = general
    limit = 1 / 3.0
    most = np.ceil(np.linalg.norm(model.axes, axis=1) * limit).astype(int)
    grid = [np.arange(-n, n + 1) for n in most]
    hkl = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, 3)
    d_star = np.linalg.norm(hkl @ model.a_matrix.T, axis=1)
    hkl = hkl[(d_star <= limit) & (d_star > 0)]
    s0 = np.array(model.beam.direction) / model.beam.wavelength
    steps = np.linspace(0.0, 20.0, 401)
    off = []
    for z in steps:
        matrix = np.stack([vector_at(model, column, z) for column in np.eye(3)], axis=1)
        r = hkl @ matrix.T
        off.append((r * r).sum(axis=1) + 2 * r @ s0)
    off = np.array(off)
    crossed = np.argwhere(off[:-1] * off[1:] < 0)
    expected = {}
    for step, row in crossed:
        z = steps[step] + (steps[step + 1] - steps[step]) * off[step, row] / (
            off[step, row] - off[step + 1, row]
        )
        s1 = s0 + vector_at(model, hkl[row], z)
        e1 = np.cross(s1, s0)
        zeta = abs(e1 @ model.goniometer.lab_axis) / np.linalg.norm(e1)
        place = model.detector.pixel(tuple(s1))
        if zeta > 0.15 and place and 5 < place[0] < 990 and 5 < place[1] < 990:
            expected[(*hkl[row].tolist(), bool(off[step, row] > 0))] = z
    predicted = {
        (*index, bool(entering)): z
        for index, entering, z in zip(
            found.hkl.tolist(), found.table[:, kernel.ENTERING], found.xyz[:, 2], strict=True
        )
    }
    assert len(expected) > 200
    assert set(expected) <= set(predicted)
    assert max(abs(predicted[key] - z) for key, z in expected.items()) < 1e-3
    slow = {key for key, zeta in zip(predicted, found.table[:, kernel.ZETA], strict=True) if zeta < 0.16}
    edge = {
        key for key, (x, y, _) in zip(predicted, found.xyz, strict=True) if not (8 < x < 987 and 8 < y < 987)
    }
    assert set(predicted) - set(expected) <= slow | edge


def test_ranges_that_adjoin_neither_miss_nor_repeat(general):
    model, whole = general
    predictor = Predictor(model, 3.0, 40)
    parts = [predictor.predict(a, b) for a, b in ((0.0, 3.7), (3.7, 11.0), (11.0, 20.0))]
    keys = [
        sorted(zip(*part.hkl.T.tolist(), part.xyz[:, 2].round(6).tolist(), strict=True)) for part in parts
    ]
    together = sorted(key for part in keys for key in part)
    assert together == sorted(zip(*whole.hkl.T.tolist(), whole.xyz[:, 2].round(6).tolist(), strict=True))


def test_boxes_hold_the_spot_and_are_cut_at_the_edges(general):
    model, found = general
    x, y, _ = found.xyz.T
    assert (found.box[:, 0] <= x).all() and (x <= found.box[:, 1]).all()
    assert (found.box[:, 2] <= y).all() and (y <= found.box[:, 3]).all()
    assert found.box[:, 1].max() <= 1000 and found.box[:, ::2].min() >= 0
    expected = 3 * model.sigma_m / model.width / found.table[:, kernel.ZETA]
    assert found.half_z == pytest.approx(expected)
    assert (found.table[:, kernel.ZETA] >= SMALLEST_ZETA).all()


def test_what_lies_on_frames_is_found_on_both_sides_of_them():
    model = general_model(drift=Drift())
    on = Predictor(model, 3.0, 40).on_frames(10, 12)
    z = on.xyz[:, 2]
    assert ((z - on.half_z < 12) & (z + on.half_z > 9)).all()
    assert (z < 9).any() and (z > 12).any()


def test_lorentz_polarisation_and_efficiency_are_the_textbooks(general):
    model, found = general
    shared = apparatus(model)
    for row in found.table[::50]:
        s1, s0 = row[[kernel.S1_X, kernel.S1_Y, kernel.S1_Z]], shared.s0
        inverse = abs(shared.m @ np.cross(s1, s0)) / (np.linalg.norm(s1) * np.linalg.norm(s0))
        assert row[kernel.LORENTZ] == pytest.approx(1 / inverse, rel=1e-9)
        ray, beam = s1 / np.linalg.norm(s1), s0 / np.linalg.norm(s0)
        p = model.beam.polarization_fraction
        across = ray @ np.array(model.beam.polarization_normal)
        value = (1 - 2 * p) * (1 - across**2) + p * (1 + (ray @ beam) ** 2)
        assert row[kernel.POLARISATION] == pytest.approx(value, rel=1e-9)
        slant = 0.45 / abs(ray @ np.array(model.detector.normal))
        assert row[kernel.EFFICIENCY] == pytest.approx(1 - math.exp(-shared.optics[4] * slant), rel=1e-9)


def test_path_in_the_sensor_against_numerical_integration():
    mu, length = 4.2, 0.6
    t = np.linspace(0, length, 200001)
    weight = np.exp(-mu * t)
    mean = np.average(t, weights=weight)
    spread = math.sqrt(np.average((t - mean) ** 2, weights=weight))
    assert kernel.path_moments(mu, length) == pytest.approx((mean, spread), abs=1e-5)


@pytest.mark.parametrize("fate", [Fate(), Fate(drift=0.2)])
def test_reflections_are_where_the_simulator_has_them(fate):
    made = simulate_scan(replace(group_scenario("P43212", degrees=10), fate=fate))
    model = true_model(made)
    found = Predictor(model, 2.0, made.scenario.n_frames).predict(0, made.scenario.n_frames)
    rows = {}
    for row, index in enumerate(found.hkl.tolist()):
        rows.setdefault(tuple(index), []).append(row)
    mu, width = attenuation("Si", model.beam.wavelength), math.radians(model.width)
    offsets, missed = [], 0
    for number in range(2, made.scenario.n_frames):
        table = made.maker.spots(number)
        crossing = table[:, d.PHI] / width
        hkl = made.maker.bench.hkl[table[:, d.ROW].astype(int)]
        seen = (crossing >= number - 0.9) & (crossing < number - 0.1)
        seen &= (
            (np.linalg.norm(hkl @ model.a_matrix.T, axis=1) < 0.499)
            & (table[:, d.X] > 1)
            & (table[:, d.Y] > 1)
        )
        seen &= (table[:, d.X] < 1027) & (table[:, d.Y] < 1061)
        for spot, z, index in zip(table[seen], crossing[seen], hkl[seen].tolist(), strict=True):
            path = 0.45 / spot[d.S1_NORMAL]
            gone = math.exp(-mu * path)
            depth = (1 / mu - path * gone / (1 - gone)) / 0.075
            place = np.array([spot[d.X] + depth * spot[d.S1_FAST], spot[d.Y] + depth * spot[d.S1_SLOW], z])
            near = [found.xyz[row] - place for row in rows.get(tuple(index), [])]
            near = [offset for offset in near if abs(offset[2]) < 0.5]
            missed += not near
            offsets += near
    offsets = np.array(offsets)
    assert len(offsets) > 1000
    assert missed < 0.06 * len(offsets)  # those with zeta below 0.05
    # The simulator holds a drifting crystal still during each frame.
    assert np.abs(offsets[:, :2]).max() < (0.1 if fate.drift else 0.05)
    assert np.quantile(np.abs(offsets[:, 2]), 0.99) < 0.02
