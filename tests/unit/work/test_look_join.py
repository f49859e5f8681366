"""Joining block by block finds what joining at once finds."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from beampace.analysis import Analyser, Reflections, Setup, join_spots
from beampace.work.look_join import Joiner
from tests.support.eiger_data import SHAPE, small_dataset


@pytest.fixture(scope="module")
def analyses():
    """Sixty frames of spots that last one to six frames, and one spot that never ends."""
    dataset = small_dataset()
    analyser = Analyser(Setup.make(dataset.detector, dataset.beam))
    rng = np.random.default_rng(5)
    frames = rng.poisson(0.2, (60, *SHAPE)).astype(np.uint32)
    for _ in range(250):
        y, x = rng.integers(3, SHAPE[0] - 3), rng.integers(3, SHAPE[1] - 3)
        begin, length = int(rng.integers(0, 60)), int(rng.integers(1, 7))
        frames[begin : begin + length, y : y + 2, x : x + 2] += 20
    frames[:, 50:52, 40:42] += 30
    return {number: analyser.analyse(frame, number) for number, frame in enumerate(frames, start=1)}


def joined(analyses, block, order=()):
    """Joined block by block as frames come in an order, then at the end."""
    joiner, there = Joiner(1, 60, block), {}
    for number in order:
        if number in analyses:
            there[number] = analyses[number]
            joiner.settle(there)
    there |= {number: analyses[number] for number in analyses if number not in there}
    joiner.settle(there, complete=True)
    return joiner.reflections(), there


def same(one, two):
    for field in fields(Reflections):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(two, field.name), field.name)


@pytest.mark.parametrize("block", [1, 7, 30, 200])
def test_blocks_make_no_difference(analyses, block):
    at_once = join_spots(analyses.values())
    assert len(at_once) > 150
    same(joined(analyses, block)[0], at_once)


@pytest.mark.parametrize("order", [range(1, 61), range(60, 0, -1), [*range(2, 61, 2), *range(1, 61, 2)]])
def test_the_order_in_which_frames_come_makes_no_difference(analyses, order):
    same(joined(analyses, 10, order)[0], join_spots(analyses.values()))


def test_missing_frames(analyses):
    some = {number: analysis for number, analysis in analyses.items() if number not in (20, 21, 40)}
    same(joined(some, 20, range(1, 61))[0], join_spots(some.values()))


def test_blocks_are_joined_early_and_their_spots_forgotten(analyses):
    many = {n: replace(analyses[1 + n % 60], number=n) for n in range(1, 301)}
    joiner = Joiner(1, 1000, 20)
    joiner.settle(many)
    assert many[1].spots.table.shape[1] == 2 and many[300].spots.table.shape[1] > 2
    np.testing.assert_array_equal(many[5].spots.x, analyses[6].spots.x)
    np.testing.assert_array_equal(many[5].spots.good, analyses[6].spots.good)
