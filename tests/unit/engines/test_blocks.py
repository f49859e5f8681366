"""Blocks of frames: which reflections go together, and which are the same in two tables."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.engine import Request
from beampace.engines.dials.forerunner import Block
from beampace.engines.dials.inside.matching import change_of_basis, keys, partners, twice
from beampace.engines.dials.inside.ranges import Wish, gaps, ranges_of
from beampace.engines.dials.scout import FIRST_FRAMES, first_frames
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan


@given(
    centre=st.lists(st.floats(-5, 300, allow_nan=False), min_size=1, max_size=200).map(np.array),
    most=st.floats(1, 400),
    number=st.integers(0, 20),
    cores=st.integers(1, 8),
)
def test_every_reflection_is_in_one_range(centre, most, number, cores):
    found = ranges_of(centre, np.ones(len(centre)), Wish(cores, most, number))
    assert (np.sum([chosen for _, chosen in found], axis=0) == 1).all()
    for (begin, end), chosen in found:
        assert ((centre[chosen] >= begin) & (centre[chosen] < end)).all()


def test_ranges_are_as_many_as_memory_and_cores_ask_for():
    centre, size = np.linspace(0, 99.99, 1000), np.full(1000, 2.0)
    assert len(ranges_of(centre, size, Wish(2, 1e9, 4))) == 2
    assert len(ranges_of(centre, size, Wish(8, 1e9, 4))) == 4
    assert len(ranges_of(centre, size, Wish(2, 201, 4))) == 10
    assert len(ranges_of(centre, size, Wish(2, 1e9, 0))) == 1
    assert ranges_of(centre[:0], size[:0], Wish(1, 1e9, 4)) == []


def test_ranges_are_of_one_size_though_some_centres_lie_far_away():
    centre = np.concatenate([np.linspace(-40, -1, 10), np.linspace(0, 99.9, 1000)])
    counts = [chosen.sum() for _, chosen in ranges_of(centre, np.ones(1010), Wish(2, 101, 4))]
    assert len(counts) == 10
    assert max(counts) - min(counts) <= 2


@pytest.mark.parametrize(
    ("spans", "left"),
    [
        ([], [(0, 100)]),
        ([(0, 30), (30, 70)], [(70, 100)]),
        ([(20, 40)], [(0, 20), (40, 100)]),
        ([(60, 100), (0, 20)], [(20, 60)]),
        ([(0, 100)], []),
    ],
)
def test_what_is_left_of_a_scan(spans, left):
    assert gaps(spans, (0, 100)) == left


def test_a_reflection_at_a_border_counts_once():
    """It was seen by both blocks; after a whole turn it is another observation."""
    key = np.array([7, 7, 7, 8, 7])
    centre = np.array([50.2, 49.9, 1850.0, 50.0, 1850.4])
    worth = np.array([0.7, 1.0, 0.9, 1.0, 1.0])
    assert twice(key, centre, 3.0, worth).tolist() == [True, False, True, False, False]
    beyond = np.full(5, -1)
    assert not twice(beyond, centre, 3.0, worth).any()


A = np.array([[0.01, 0.002, 0.0], [0.0, 0.02, 0.001], [0.003, 0.0, 0.03]])


@pytest.mark.parametrize(
    "move",
    [
        np.eye(3, dtype=int),
        np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]]),
        np.array([[-1, 0, 0], [0, -1, 0], [1, 0, 1]]),
    ],
)
def test_a_change_of_axes_is_found(move):
    """h_new = M h_old is the same vector: A_new M = A_old."""
    new = A @ np.linalg.inv(move)
    found = change_of_basis(A.ravel().tolist(), new.ravel().tolist())
    assert (found == move).all()


def test_another_lattice_is_no_change_of_axes():
    doubled = A @ np.diag([0.5, 1.0, 1.0])
    angle = np.radians(12)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    for other in (doubled, turn @ A):
        assert change_of_basis(A.ravel().tolist(), other.ravel().tolist()) is None


def test_partners_are_the_same_reflections():
    """Against a search through all pairs; some indices cross twice, some are in one table only."""
    rng = np.random.default_rng(1)
    hkl = rng.integers(-9, 10, (400, 3))
    entering, centre = rng.integers(0, 2, 400), rng.uniform(0, 500, 400)
    ours = rng.permutation(400)[:250]
    at = centre[ours] + rng.normal(0, 0.05, 250)
    strange = hkl[ours].copy()
    strange[::50] += 20
    mine, theirs = partners(keys(strange, entering[ours]), at, keys(hkl, entering), centre, 3.0)
    expected = [n for n in range(250) if n % 50]
    assert sorted(mine.tolist()) == expected
    for one, other in zip(mine, theirs, strict=True):
        same = (hkl == strange[one]).all(axis=1) & (entering == entering[ours[one]])
        assert other == min(np.flatnonzero(same), key=lambda n: abs(centre[n] - at[one]))


def test_a_reflection_of_another_turn_is_no_partner():
    key = np.array([7])
    mine, _ = partners(key, np.array([10.0]), key, np.array([1810.0]), 3.0)
    assert not len(mine)


def test_indices_beyond_the_highest_have_no_partner():
    far = np.array([[600, 0, 0]])
    mine, _ = partners(keys(far, np.array([0])), np.zeros(1), keys(far, np.array([0])), np.zeros(1), 3.0)
    assert not len(mine)


def test_a_small_width_asks_for_more_frames():
    assert first_frames(0.2) == 30
    assert first_frames(-0.1) == 60
    assert first_frames(1.0) == FIRST_FRAMES


def test_a_block_holds_while_the_master_says_the_same(tmp_path, request_of):
    asked = request_of(tmp_path)
    block = Block((tmp_path / "a", tmp_path / "b"), (0, 2), asked)
    assert block.holds(asked)
    assert not block.holds(replace(asked, images=(1, 1)))
    assert not block.holds(replace(asked, dataset=replace(asked.dataset, id="another series")))
    beam = replace(asked.dataset.beam, wavelength=asked.dataset.beam.wavelength * 1.01)
    assert not block.holds(replace(asked, dataset=replace(asked.dataset, beam=beam)))


@pytest.fixture
def request_of():
    dataset = simulate_scan(Scenario(name="one", n_frames=3, crystal=None)).dataset
    return lambda directory: Request(dataset, directory / "m.h5", directory, (1, 3), 1)
