import math

import numpy as np
import pytest

from beampace.core.cell import UnitCell
from beampace.simulate import diffraction as d
from beampace.simulate.bench import apparatus
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.defects import Defects
from beampace.simulate.photons import scatter_photons
from beampace.simulate.scenario import Lattice, Scenario, SpotShape
from beampace.simulate.sensor import attenuation
from beampace.simulate.simulation import simulate_scan

SMALL = CrystalSpec(UnitCell(40, 50, 60, 90, 90, 90), "P212121", b_factor=25)


def test_crossing_is_on_the_sphere_and_enters_or_leaves_as_it_says():
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(500):
        m = rng.standard_normal(3)
        m /= np.linalg.norm(m)
        s0 = rng.standard_normal(3)
        s0 /= np.linalg.norm(s0) * 0.98
        r0 = rng.standard_normal(3) * 0.3
        for sign in (-1.0, 1.0):
            phi = d.crossing(r0, m, s0, sign)
            if math.isnan(phi):
                continue
            found += 1
            r, later = np.empty(3), np.empty(3)
            d.turned(r0, m, phi, r)
            assert abs(np.sum((s0 + r) ** 2) - np.sum(s0**2)) < 1e-10
            d.turned(r0, m, phi + 1e-6, later)
            assert np.sign(np.linalg.norm(s0) - np.linalg.norm(s0 + later)) == sign
    assert found > 500


def test_rotation_keeps_lengths_and_is_right_handed():
    out = np.empty(3)
    d.turned(np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0]), math.pi / 2, out)
    assert np.allclose(out, [0, 0, 1], atol=1e-15)


def test_rocking_sigma_adds_in_squares():
    theta = math.radians(20)
    spread = np.array([0.001, 0.002, 0.003])
    expected = math.sqrt(0.001**2 + 0.002**2 + (0.003 * math.tan(theta)) ** 2)
    assert d.rocking_sigma(spread, math.sin(theta)) == pytest.approx(expected, rel=1e-12)


def _by_reflection(simulation, numbers):
    """(row, entering) -> list of (frame, photons, phi, x, y)."""
    seen = {}
    for number in numbers:
        for spot in simulation.maker.spots(number):
            key = (int(spot[d.ROW]), round(spot[d.X] / 3), round(spot[d.Y] / 3))
            seen.setdefault(key, []).append((number, *spot[[d.PHOTONS, d.PHI, d.X, d.Y]]))
    return seen


def test_partials_add_up_to_the_closed_form():
    """Sum over frames = scale |F|^2 L P QE, computed here from the vectors alone."""
    scenario = Scenario(crystal=SMALL, width=0.25, n_frames=80, mosaicity=0.1)
    simulation = simulate_scan(scenario)
    bench, (detector, beam) = (
        simulation.maker.bench,
        (simulation.true_dataset.detector, simulation.true_dataset.beam),
    )
    s0, m, checked = np.array(beam.direction) / beam.wavelength, np.array([1.0, 0, 0]), 0
    mu = attenuation("Si", beam.wavelength)
    for (row, _, _), parts in _by_reflection(simulation, range(1, 81)).items():
        phi = parts[0][2]
        if not math.radians(4) < phi < math.radians(16):
            continue
        c, s = math.cos(phi), math.sin(phi)
        turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
        r = turn @ bench.a_matrices[0] @ bench.hkl[row]
        s1 = s0 + r
        assert np.linalg.norm(s1) == pytest.approx(np.linalg.norm(s0), rel=1e-10)
        lorentz = np.sum(s0**2) / abs(m @ np.cross(s1, s0))
        zeta = abs(m @ np.cross(s1, s0)) / np.linalg.norm(np.cross(s1, s0))
        if zeta < 0.15:
            continue
        unit = s1 / np.linalg.norm(s1)
        p = 0.99
        polarisation = (1 - 2 * p) * (1 - unit[1] ** 2) + p * (1 + unit[2] ** 2)
        efficiency = 1 - math.exp(-mu * 0.45 / abs(unit[2]))
        expected = bench.intensity[row] * lorentz * polarisation * efficiency
        assert sum(part[1] for part in parts) == pytest.approx(expected, rel=1e-3)
        x, y = detector.pixel(tuple(s1))
        assert (parts[0][3], parts[0][4]) == pytest.approx((x, y), abs=1e-8)
        checked += 1
    assert checked > 300


def test_backwards_is_the_same_reciprocal_space():
    forward = simulate_scan(Scenario(crystal=SMALL, width=0.5, n_frames=20))
    backward = simulate_scan(Scenario(crystal=SMALL, width=-0.5, start=10.0, n_frames=20))
    one, two = (s.maker.spots(n)[:, d.PHOTONS] for s, n in ((forward, 3), (backward, 18)))
    assert np.allclose(np.sort(one), np.sort(two))


def test_a_block_boundary_loses_nothing():
    simulation = simulate_scan(Scenario(crystal=SMALL, width=0.5, n_frames=60))
    maker = simulation.maker
    for number in (20, 21, 40, 41):
        everything = d.candidates(
            maker.bench.hkl, maker.bench.apparatus, maker.bench.a_matrices[0], -0.5, 1.2, 0.0
        )
        low, high = maker._limits(number)
        whole = d.rotation_spots(
            maker.bench.hkl, maker.bench.intensity, everything, maker.bench.apparatus,
            maker.bench.a_matrices[0], low, high, 0.0,
        )  # fmt: skip
        assert whole[:, d.PHOTONS].sum() == pytest.approx(maker.spots(number)[:, d.PHOTONS].sum(), rel=1e-4)


def test_stills_add_up_to_a_rotation():
    """Fine stills over a reflection's rocking curve collect what a rotation collects."""
    common = {"crystal": SMALL, "mosaicity": 0.1, "lattices": (Lattice(seed=3),)}
    turning = simulate_scan(Scenario(width=2.0, n_frames=1, start=10.0, **common))
    step = 0.02
    stills = simulate_scan(
        Scenario(width=0.0, interval=step, n_frames=200, start=9.0 + step / 2, still_width=step, **common)
    )
    total = {}
    for number in range(1, 201):
        for spot in stills.maker.spots(number):
            total[int(spot[d.ROW])] = total.get(int(spot[d.ROW]), 0.0) + spot[d.PHOTONS]
    compared = 0
    bench = turning.maker.bench
    for spot in turning.maker.spots(1):
        inside = math.radians(10.6) < spot[d.PHI] < math.radians(11.4)
        r = bench.a_matrices[0] @ bench.hkl[int(spot[d.ROW])]
        if inside and abs(r[0]) < 0.1 and spot[d.PHOTONS] > 5:
            assert total[int(spot[d.ROW])] == pytest.approx(spot[d.PHOTONS], rel=0.03)
            compared += 1
    assert compared > 20


def _one_spot(scenario, photons, direction, dtype=np.uint32):
    simulation_detector = simulate_scan(scenario)
    dataset = simulation_detector.true_dataset
    kit = apparatus(scenario, dataset)
    frame = np.zeros(simulation_detector.mask.shape, dtype)
    spot = np.zeros((1, d.N_COLUMNS))
    s0 = np.array(dataset.beam.direction) / dataset.beam.wavelength
    unit = np.array(direction) / np.linalg.norm(direction)
    r = np.linalg.norm(s0) * unit - s0
    d._project(r, kit, 1.0, spot[0])
    spot[0, d.PHOTONS] = photons
    landed = scatter_photons(spot, kit, 1, 1, 1, np.iinfo(dtype).max, frame)
    return frame, spot[0], landed, dataset


def test_spot_photons_shape_and_parallax():
    scenario = Scenario(
        crystal=None,
        distance=60.0,
        spot=SpotShape(0.075, 1.0, 0.0, 1.0, 0.0),
        divergence=0.0,
        defects=Defects(0, 0),
    )
    frame, spot, landed, dataset = _one_spot(scenario, 400_000.0, (0.35, 0.1, -1.0))
    assert frame.sum() == landed
    assert abs(landed - 400_000) < 5 * math.sqrt(400_000)
    y, x = np.indices(frame.shape) + 0.5
    centre = (np.sum(x * frame) / landed, np.sum(y * frame) / landed)
    mu, path = attenuation("Si", dataset.beam.wavelength), 0.45 / spot[d.S1_NORMAL]
    depth = (1 / mu - (path + 1 / mu) * math.exp(-mu * path)) / (1 - math.exp(-mu * path))
    expected = (
        spot[d.X] + depth * spot[d.S1_FAST] / 0.075,
        spot[d.Y] + depth * spot[d.S1_SLOW] / 0.075,
    )
    assert centre == pytest.approx(expected, abs=5 * 1.3 / math.sqrt(landed))
    assert depth * spot[d.S1_FAST] / 0.075 > 0.3  # the shift is not lost in the error
    variance = np.sum((y - centre[1]) ** 2 * frame) / landed
    assert variance == pytest.approx(1.0 + 1 / 12, abs=0.08)


def test_spots_have_tails_and_are_longer_along_the_radius():
    plain = SpotShape(0.075, 1.0, 0.0, 1.0, 0.0)
    real = SpotShape(0.075, 1.4, 0.2, 2.5, 0.0)
    results = []
    for shape in (plain, real):
        scenario = Scenario(crystal=None, distance=60.0, spot=shape, divergence=0.0)
        frame, spot, landed, _ = _one_spot(scenario, 200_000.0, (0.02, 0.3, -1.0))
        y, x = np.indices(frame.shape) + 0.5
        dx, dy = x - spot[d.X], y - np.sum(y * frame) / landed
        results.append(
            (np.sum(dx**2 * frame) / landed, np.sum(dx**4 * frame) / landed, np.sum(dy**2 * frame) / landed)
        )
    (plain_x, plain_4, _), (real_x, real_4, real_y) = results
    assert plain_4 / plain_x**2 == pytest.approx(3.0, abs=0.1)
    assert real_4 / real_x**2 > 4
    assert real_y / real_x > 1.5


def test_a_pixel_that_is_full_stays_full():
    scenario = Scenario(crystal=None, distance=60.0)
    deep, _, _, _ = _one_spot(scenario, 1_500_000.0, (0.1, 0.3, -1.0))
    short, _, _, _ = _one_spot(scenario, 1_500_000.0, (0.1, 0.3, -1.0), np.uint16)
    assert (deep > 65535).any()
    assert np.array_equal(short, np.minimum(deep, 65535))
