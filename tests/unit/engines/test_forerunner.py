"""What is begun ahead, and when what was done is void; without DIALS, its threads are only noted."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from beampace.core.engine import Readable, Request, Tweak
from beampace.engines.dials.forerunner import Forerunner
from beampace.engines.dials.installation import DialsInstallation
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan

DATASET = simulate_scan(Scenario(name="one", n_frames=30, width=0.5, crystal=None)).dataset


class Noted(Forerunner):
    """Begins nothing; `begun` counts what would be begun."""

    def __init__(self, request):
        super().__init__(DialsInstallation(), {"PATH": ""}, request, active=True)
        self._active = True
        self.begun = []

    def _started(self, work):
        self.begun.append(work)
        return SimpleNamespace(is_alive=lambda: False, join=lambda *_: None)


@pytest.fixture
def request_(tmp_path):
    return Request(DATASET, tmp_path / "m.h5", tmp_path, (1, 30), 2)


def readable(n, dataset=DATASET):
    return Readable(dataset, n, lambda directory: directory)


def test_two_threads_begin_before_the_first_frame_and_a_third_with_the_last(request_):
    ahead = Noted(request_)
    for n, threads in ((0, 2), (10, 2), (20, 2), (30, 3), (30, 3)):
        ahead.seen(readable(n))
        assert len(ahead.begun) == threads


def test_a_finished_scan_begins_nothing(request_):
    ahead = Noted(request_)
    ahead.seen(readable(30))
    assert not ahead.begun
    assert ahead.for_request(request_) is None


def test_a_part_of_the_frames_or_several_sweeps_are_not_followed(request_):
    part = Noted(replace(request_, images=(1, 20)))
    part.seen(readable(10))
    gap = tuple(start + (20.0 if n > 15 else 0.0) for n, start in enumerate(DATASET.scan.starts))
    broken = replace(DATASET, scan=replace(DATASET.scan, starts=gap))
    sweeps = Noted(replace(request_, dataset=broken))
    sweeps.seen(readable(10, broken))
    assert not part.begun
    assert not sweeps.begun


def test_what_was_done_is_for_the_same_request_only(request_):
    ahead = Noted(request_)
    ahead.seen(readable(10))
    assert ahead.for_request(request_) is ahead
    assert ahead.for_request(replace(request_, space_group="P43212")) is None
    assert ahead.for_request(replace(request_, d_min=2.0)) is None
    assert ahead.for_request(replace(request_, images=(5, 30))) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(DATASET, id="another series"),
        replace(DATASET, beam=replace(DATASET.beam, wavelength=DATASET.beam.wavelength * 1.001)),
    ],
)
def test_another_series_or_geometry_makes_all_of_it_void(request_, other):
    ahead = Noted(request_)
    ahead.seen(readable(10))
    ahead.seen(readable(20, other))
    assert ahead.for_request(replace(request_, dataset=other)) is None
    assert ahead.for_request(request_) is None
    assert ahead.blocks(request_, lambda: None) == ()


def test_a_second_try_takes_the_strong_pixels_and_nothing_else(request_):
    ahead = Noted(request_)
    ahead.seen(readable(10))
    second = replace(request_, tweaks=frozenset({Tweak.SUMMATION_ONLY}))
    assert ahead.for_request(second) is None
    assert ahead.pixels(second) is ahead.search
    ahead.seen(readable(20))
    assert len(ahead.begun) == 2


def test_a_process_that_died_is_not_handed_on(request_):
    ahead = Noted(request_)
    ahead._warm = SimpleNamespace(process=SimpleNamespace(poll=lambda: 1))
    assert ahead.warm() is None
