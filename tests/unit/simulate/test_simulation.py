import json
import math
from dataclasses import replace

import numpy as np
import pytest

from beampace.core.cell import UnitCell
from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError
from beampace.simulate import diffraction as d
from beampace.simulate.background import Background, expected_background
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.defects import Defects
from beampace.simulate.fate import Fate
from beampace.simulate.grid import Blob, Grid
from beampace.simulate.scenario import HeaderErrors, Lattice, Scenario
from beampace.simulate.simulation import simulate_scan

SMALL = CrystalSpec(UnitCell(40, 50, 60, 90, 90, 90), "P212121", b_factor=25)
BASE = Scenario(crystal=SMALL, n_frames=40, d_min=2.8)


def bragg(simulation, number, lattice=0):
    return simulation.maker.spots(number, lattice)[:, d.PHOTONS].sum()


def test_frames_do_not_depend_on_order_cores_or_depth():
    one, two = simulate_scan(BASE), simulate_scan(BASE, cores=2)
    late = one.frame(33)
    first = one.frame(1)
    frames = list(two.part(1, 33))
    assert np.array_equal(frames[0], first)
    assert np.array_equal(frames[32], late)
    assert late.dtype == np.uint32
    short = simulate_scan(replace(BASE, bit_depth=16)).frame(33)
    assert short.dtype == np.uint16
    assert np.array_equal(short[~one.mask], late[~one.mask].astype(np.uint16))
    assert sum(1 for _ in simulate_scan(replace(BASE, n_frames=3)).frames) == 3


def test_a_frame_that_does_not_exist():
    with pytest.raises(IndexError):
        simulate_scan(BASE).frame(41)


def test_counts_are_background_plus_spots():
    scenario = replace(BASE, defects=Defects(0, 0))
    simulation = simulate_scan(scenario)
    live = ~simulation.mask
    background = expected_background(
        simulation.true_dataset.detector, simulation.true_dataset.beam, scenario.background, simulation.mask
    )
    assert background[live].mean() == pytest.approx(scenario.background.level, rel=1e-4)
    expected, counted = 0.0, 0
    for number in range(1, 9):
        counted += int(simulation.frame(number)[live].sum())
        spots = simulation.maker.spots(number)
        column, line = spots[:, d.X].astype(int), spots[:, d.Y].astype(int)
        inside = (column >= 0) & (column < live.shape[1]) & (line >= 0) & (line < live.shape[0])
        lit = np.zeros(len(spots), bool)
        lit[inside] = live[line[inside], column[inside]]
        expected += float(background[live].sum()) + spots[lit, d.PHOTONS].sum()
    # Spots that straddle a gap or an edge are all or nothing in this estimate: half a per cent.
    assert counted == pytest.approx(expected, rel=0.005)


def test_bad_pixels():
    scenario = replace(BASE, defects=Defects(dead=40, hot=10, hot_counts=500.0, hot_share=0.75))
    simulation = simulate_scan(scenario)
    gaps = simulate_scan(replace(BASE, defects=Defects(0, 0))).mask
    assert simulation.mask.sum() == gaps.sum() + 40
    bad = simulation.maker.bad
    fired = 0
    for number in range(1, 31):
        flat = simulation.frame(number).ravel()
        assert (flat[bad.no_data] == 2**32 - 1).all()
        assert (flat[bad.zero] == 0).all()
        fired += int((flat[bad.hot] > 250).sum())
    assert not simulation.mask.ravel()[bad.hot].any()
    assert fired / 300 == pytest.approx(0.75, abs=0.13)
    assert (simulate_scan(replace(scenario, bit_depth=16)).frame(1).ravel()[bad.no_data] == 65535).all()


def test_header_errors_are_in_the_header_only():
    header = HeaderErrors((30.0, -12.0), 1.1, axis_flipped=True, wavelength_factor=1.02)
    simulation = simulate_scan(replace(BASE, header=header))
    true, told = simulation.true_dataset, simulation.dataset
    (bx, by), (hx, hy) = (one.detector.pixel((0.0, 0.0, -1.0)) for one in (true, told))
    assert (hx - bx, hy - by) == pytest.approx((30.0, -12.0))
    assert told.detector.distance == pytest.approx(1.1 * true.detector.distance)
    assert told.goniometer.axis == (-1.0, 0.0, 0.0)
    assert true.goniometer.axis == (1.0, 0.0, 0.0)
    assert told.beam.wavelength == pytest.approx(1.02 * true.beam.wavelength)
    honest = simulate_scan(BASE)
    assert np.array_equal(honest.frame(2), simulation.frame(2))


def test_a_crystal_that_slips():
    slipped = simulate_scan(replace(BASE, fate=Fate(slip=1.0, slip_frame=21)))
    honest = simulate_scan(BASE)
    assert slipped.truth.tilt[:20].max() == 0
    assert (slipped.truth.tilt[20:] == 1.0).all()
    assert any("slips" in event for event in slipped.truth.events)
    for number, same in ((20, True), (21, False)):
        one, two = (s.maker.spots(number)[:, d.PHI] for s in (slipped, honest))
        assert (len(one) == len(two) and np.allclose(one, two)) == same


def test_a_slip_turns_reflections_by_its_angle():
    """About the spindle itself a slip is a plain shift of the crossing."""
    fate = Fate(slip=0.5, slip_frame=1, axis=(1.0, 0.0, 0.0))
    slipped, honest = simulate_scan(replace(BASE, fate=fate)), simulate_scan(BASE)
    one = {int(s[d.ROW]): s[d.PHI] for s in slipped.maker.spots(10)}
    two = {int(s[d.ROW]): s[d.PHI] for s in honest.maker.spots(11)}
    shared = [row for row in one if row in two]
    assert len(shared) > 100
    assert all(two[row] - one[row] == pytest.approx(math.radians(0.5), abs=1e-9) for row in shared)


def test_a_crystal_that_dies_or_leaves():
    dying = simulate_scan(replace(BASE, fate=Fate(intensity_left=0.2, b_growth=20.0)))
    honest = simulate_scan(BASE)
    early, late = (bragg(dying, n) / bragg(honest, n) for n in (1, 40))
    assert 0.9 < early < 1
    assert late < 0.2
    assert dying.truth.strength[-1] == pytest.approx(0.2, rel=0.05)
    leaving = simulate_scan(replace(BASE, fate=Fate(leaves=(11, 20))))
    assert leaving.truth.volume[0, 9] == 1
    assert 0 < leaving.truth.volume[0, 14] < 1
    assert bragg(leaving, 30) == 0
    back = simulate_scan(replace(BASE, fate=Fate(leaves=(11, 20), returns=True)))
    assert back.truth.volume[0, 19] == 0
    assert back.truth.volume[0, 30] == 1


def test_a_crystal_that_drifts():
    drifting = simulate_scan(replace(BASE, fate=Fate(drift=2.0)))
    assert drifting.truth.tilt[0] == pytest.approx(0.025)
    assert drifting.truth.tilt[-1] == pytest.approx(1.975)
    assert np.allclose(np.diff(drifting.truth.tilt), 0.05)
    assert bragg(drifting, 40) > 0.3 * bragg(simulate_scan(BASE), 40)


def test_two_lattices_share_the_photons():
    both = simulate_scan(replace(BASE, lattices=(Lattice(1, 3.0), Lattice(2, 1.0))))
    alone = simulate_scan(BASE)
    assert bragg(both, 5, 0) == pytest.approx(0.75 * bragg(alone, 5), rel=1e-9)
    assert bragg(both, 5, 1) > 0
    assert len(both.truth.orientations) == 2


def test_blank_and_ice():
    blank = simulate_scan(replace(BASE, crystal=None))
    live = ~blank.mask
    blank_frame = blank.frame(1)
    assert blank.truth.reflections is None
    ice = Background(0.3, ice=8.0, grains=40.0)
    rings = simulate_scan(replace(BASE, crystal=None, background=ice))
    detector, beam = rings.true_dataset.detector, rings.true_dataset.beam
    y, x = np.nonzero(live[600:700])
    chosen = [
        detector.resolution_at(beam, float(a) + 0.5, float(b) + 600.5) for a, b in zip(x, y, strict=True)
    ]
    on_ring = np.abs(1 / np.array(chosen) - 1 / 3.669) < 0.001
    assert rings.frame(1)[600:700][live[600:700]][on_ring].mean() > 4 * blank_frame[live].mean()


def test_grid_follows_the_crystal():
    grid = Grid(9, 7, (Blob((4.5, 3.5), (2.0, 1.2, 1.0), turn=20.0),))
    simulation = simulate_scan(replace(BASE, grid=grid))
    assert simulation.dataset.kind is DatasetKind.GRID
    assert simulation.dataset.n_announced == 63
    assert simulation.dataset.scan.width == 0
    volumes = grid.volumes(0)
    assert volumes.shape == (7, 9)
    assert np.unravel_index(volumes.argmax(), volumes.shape) == (3, 4)
    assert volumes.max() == 1
    assert volumes[0, 0] < 1e-6
    photons = np.zeros((7, 9))
    for number in range(1, 64):
        column, row = grid.cell(number)
        photons[row, column] = bragg(simulation, number)
    assert np.allclose(photons / photons.max(), volumes, atol=1e-12)


def test_grid_orders():
    snake = Grid(3, 2, ())
    assert [snake.cell(n) for n in range(1, 7)] == [(0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (0, 1)]
    raster = Grid(3, 2, (), snake=False)
    assert [raster.cell(n) for n in range(4, 7)] == [(0, 1), (1, 1), (2, 1)]
    vertical = Grid(3, 2, (), vertical=True)
    assert [vertical.cell(n) for n in range(1, 5)] == [(0, 0), (0, 1), (1, 1), (1, 0)]


def test_volume_of_a_large_crystal_is_its_thickness():
    """In the middle of a wide ellipsoid, a narrow beam sees the depth: twice as deep, twice the volume."""
    grid = Grid(40, 20, (Blob((10, 10), (9, 9, 1.0)), Blob((30, 10), (9, 9, 2.0), lattice=1)), beam=0.5)
    assert grid.volumes(0).max() / grid.volumes(1).max() == pytest.approx(0.5, rel=0.05)


def test_screening_shots_stand_apart():
    simulation = simulate_scan(replace(BASE, n_frames=4, interval=90.0, width=0.5))
    assert simulation.dataset.kind is DatasetKind.SCREENING
    assert simulation.dataset.scan.starts == (0.0, 90.0, 180.0, 270.0)
    for number in range(1, 5):
        phi = np.degrees(simulation.maker.spots(number)[:, d.PHI])
        assert len(phi) > 50
        assert np.median(phi) == pytest.approx(90 * (number - 1) + 0.25, abs=0.5)


def test_the_truth_is_written(tmp_path):
    simulation = simulate_scan(replace(BASE, fate=Fate(slip=1.0, slip_frame=21)))
    text, arrays = simulation.truth.write(tmp_path / "x")
    told = json.loads(text.read_text())
    assert text.name == "x_truth.json"
    assert told["space_group"] == "P 21 21 21"
    assert told["scenario"]["crystal"]["unit_cell"]["c"] == 60
    assert np.linalg.det(told["orientations"][0]) == pytest.approx(1.0)
    with np.load(arrays) as loaded:
        assert np.array_equal(loaded["hkl"], simulation.truth.reflections.hkl)
        assert loaded["f_squared"].shape == (len(loaded["hkl"]),)
        assert loaded["tilt"][20] == 1.0


def test_unknown_detector_is_refused():
    with pytest.raises(InputError, match="no detector"):
        simulate_scan(replace(BASE, detector="CCD"))
