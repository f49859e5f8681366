"""Threads that look at frames."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from beampace.analysis import Analyser, Setup
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.work.look_pool import MOST_KEPT, LookPool, Task, compact, counts_of
from tests.support.eiger_data import SHAPE, small_dataset, small_frame


class Reader:
    """Frames from memory, with faults."""

    def __init__(self, faults=None, gate=None):
        self.faults = faults or {}
        self.gate = gate
        self.order = []

    def read(self, number):
        if self.gate is not None:
            self.gate.wait(10)
        self.order.append(number)
        if number in self.faults:
            raise self.faults[number]
        return small_frame(number)


@pytest.fixture(scope="module")
def setup():
    dataset = small_dataset()
    return Setup.make(dataset.detector, dataset.beam)


def gathered(pool, n):
    found = []
    while len(found) < n:
        more = pool.collect(5.0)
        assert more, "nothing came"
        found += more
    return {outcome.task.number: outcome for outcome in found}


def test_every_frame_has_an_answer_for_any_number_of_threads(setup):
    answers = []
    for cores in (1, 3):
        with LookPool(cores) as pool:
            for number in range(1, 13):
                pool.submit(Task(number, Reader(), setup, keep_spots=True))
            answers.append(gathered(pool, 12))
    for number in range(1, 13):
        one, three = (answer[number].analysis for answer in answers)
        assert (one.n_spots, one.background, one.total_counts) == (
            three.n_spots,
            three.background,
            three.total_counts,
        )
        np.testing.assert_array_equal(one.spots.table, three.spots.table)


def test_a_fault_costs_its_frame_only(setup):
    faults = {
        2: failure(Failure.FILE_TRUNCATED, "cut"),
        3: OSError(5, "input/output error"),
        4: ZeroDivisionError("a defect"),
    }
    with LookPool(2) as pool:
        reader = Reader(faults)
        for number in range(1, 6):
            pool.submit(Task(number, reader, setup, keep_spots=False))
        found = gathered(pool, 5)
    assert found[1].analysis is not None and found[5].analysis is not None
    assert found[2].failure.code is Failure.FILE_TRUNCATED and found[2].failure.detail == "cut"
    assert found[3].failure.code is Failure.FILE_TRUNCATED
    assert found[4].failure.code is Failure.ENGINE_FAILED and "a defect" in found[4].failure.detail


def test_want_of_memory_ends_the_work(setup):
    with LookPool(1) as pool:
        pool.submit(Task(1, Reader({1: MemoryError()}), setup, keep_spots=False))
        with pytest.raises(MemoryError):
            gathered(pool, 1)


def test_new_frames_come_before_those_looked_at_again(setup):
    gate = threading.Event()
    reader = Reader(gate=gate)
    with LookPool(1) as pool:
        pool.submit(Task(9, reader, setup, keep_spots=False))  # keeps the thread busy
        for number in (1, 2):
            pool.submit(Task(number, reader, setup, keep_spots=False, again=True))
        for number in (4, 3):
            pool.submit(Task(number, reader, setup, keep_spots=False))
        gate.set()
        gathered(pool, 5)
    # The thread may not have taken frame 9 before the others were there; then it is in its place.
    assert [number for number in reader.order if number != 9] == [3, 4, 1, 2]


def test_leaving_drops_what_was_not_begun(setup):
    gate = threading.Event()
    reader = Reader(gate=gate)
    with LookPool(1) as pool:
        for number in range(1, 50):
            pool.submit(Task(number, reader, setup, keep_spots=False))
        threading.Timer(0.2, gate.set).start()
    assert len(reader.order) <= 2


def test_signed_and_foreign_counts_become_markers():
    signed = np.array([[-1, 3], [-2, 70000]], np.int32)
    np.testing.assert_array_equal(counts_of(signed), [[2**32 - 1, 3], [2**32 - 2, 70000]])
    assert counts_of(signed).dtype == np.uint32
    big = np.array([[1, 2]], ">u2")
    np.testing.assert_array_equal(counts_of(big), [[1, 2]])
    assert counts_of(big).dtype.isnative
    np.testing.assert_array_equal(counts_of(np.array([[255, 254]], np.uint8)), [[65535, 254]])


def test_what_is_kept_is_small(setup):
    analysis = Analyser(setup).analyse(small_frame(1), 1)
    kept = compact(analysis, keep_spots=False)
    assert len(kept.spots) == 0 and kept.profile.size == 0
    assert kept.n_spots_good == analysis.n_spots_good
    assert len(compact(analysis, keep_spots=True).spots) == len(analysis.spots)


def test_frames_of_too_many_spots_keep_the_strongest(setup, monkeypatch):
    frame = np.zeros(SHAPE, np.uint32)
    for index, (y, x) in enumerate([(10, 10), (10, 50), (60, 10), (60, 50), (80, 30)]):
        frame[y : y + 2, x : x + 2] = 50 * (index + 1)
    analysis = Analyser(setup).analyse(frame, 1)
    assert len(analysis.spots) == 5 < MOST_KEPT
    monkeypatch.setattr("beampace.work.look_pool.MOST_KEPT", 2)
    kept = compact(analysis, keep_spots=True)
    assert sorted(kept.spots.intensity) == sorted(analysis.spots.intensity)[-2:]
