"""Sizes of jobs: from beliefs, from measurements, and how they grow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.dataset import DatasetKind
from beampace.core.job import Resources
from beampace.core.work import WorkName
from beampace.plan import Capacity, Cost, core_seconds, enlarged, expected_s, least_cores, size
from tests.support.properties import patient

NODE = Capacity(96, 500_000, 24, 100_000)
LOOK, MAP, PROCESS = WorkName.LOOK, WorkName.MAP, WorkName.PROCESS
ROTATION, GRID, SCREENING = DatasetKind.ROTATION, DatasetKind.GRID, DatasetKind.SCREENING


def cost(
    per_frame: float, frames: int = 1000, cores: int = 8, rss: float = 5000, start: float = 30.0
) -> Cost:
    core_s = start + per_frame * frames
    return Cost(frames, core_s, core_s / cores, rss, cores)


def test_without_measurements_the_beliefs_count() -> None:
    assert core_seconds(PROCESS, "dials", 3600, ()) == pytest.approx(30 + 3 * 3600)
    assert core_seconds(LOOK, "", 3600, ()) == pytest.approx(2 + 0.05 * 3600)


def test_look_keeps_up_with_the_detector() -> None:
    cores = size(LOOK, "", 36_000, ROTATION, (), NODE).cores
    assert 36_000 * 0.05 / cores <= 36_000 / 133 + 5
    slow = [cost(0.075, start=2.0)] * 9
    assert size(LOOK, "", 36_000, ROTATION, slow, NODE).cores == 10  # the design's "about ten cores"


def test_one_shot_takes_one_core_and_a_long_scan_many() -> None:
    assert size(LOOK, "", 1, SCREENING, (), NODE, urgent=True).cores == 1
    assert size(PROCESS, "dials", 10, ROTATION, (), NODE).cores == 1
    assert size(PROCESS, "dials", 3600, ROTATION, (), NODE).cores == 32


def test_measurements_take_over_and_one_odd_one_does_not() -> None:
    cheap = [cost(0.5)] * 9
    assert core_seconds(PROCESS, "dials", 1000, cheap) == pytest.approx(530)
    assert core_seconds(PROCESS, "dials", 1000, [*cheap, cost(500.0)]) == pytest.approx(530)
    one = core_seconds(PROCESS, "dials", 1000, cheap[:1])
    assert 530 < one < 3030


def test_memory_follows_what_was_measured_with_a_margin() -> None:
    small = size(PROCESS, "dials", 3600, ROTATION, [cost(3.0, rss=3000, cores=32)] * 20, NODE)
    large = size(PROCESS, "dials", 3600, ROTATION, [cost(3.0, rss=60_000, cores=32)] * 20, NODE)
    assert 3000 < small.memory_mb < 5000
    assert 60_000 < large.memory_mb < 90_000
    rare = [cost(3.0, rss=3000, cores=32)] * 18 + [cost(3.0, rss=60_000, cores=32)] * 2
    assert size(PROCESS, "dials", 3600, ROTATION, rare, NODE).memory_mb == large.memory_mb
    once = [cost(3.0, rss=3000, cores=32)] * 39 + [cost(3.0, rss=60_000, cores=32)]
    assert size(PROCESS, "dials", 3600, ROTATION, once, NODE).memory_mb == small.memory_mb


@pytest.mark.parametrize("broken", [Cost(0, 5, 5, 5, 1), Cost(10, -1, 5, 5, 1), Cost(10, 5, 0, 5, 1)])
def test_an_attempt_that_measured_nothing_says_nothing(broken: Cost) -> None:
    assert size(PROCESS, "dials", 100, ROTATION, [broken], NODE) == size(
        PROCESS, "dials", 100, ROTATION, (), NODE
    )
    assert expected_s(PROCESS, "dials", 100, [broken], 4) is None


COSTS = st.lists(
    st.builds(
        Cost,
        frames=st.integers(0, 10_000),
        core_seconds=st.floats(0, 1e6),
        seconds=st.floats(0, 1e6),
        max_rss_mb=st.floats(0, 1e6),
        cores=st.integers(1, 64),
    ),
    max_size=8,
)
WORKS = st.sampled_from([(LOOK, ""), (MAP, ""), (PROCESS, "dials"), (PROCESS, "fast"), (PROCESS, "site")])


@patient
@given(
    WORKS, st.sampled_from(DatasetKind), COSTS, st.integers(0, 20_000), st.integers(0, 20_000), st.booleans()
)
def test_more_frames_never_get_less_and_nothing_exceeds_the_machine(
    what, kind, costs, one: int, other: int, urgent: bool
) -> None:
    few, many = (size(*what, frames, kind, costs, NODE, urgent=urgent) for frames in sorted((one, other)))
    assert few.cores <= many.cores
    assert few.memory_mb <= many.memory_mb
    assert few.time_s <= many.time_s
    assert 1 <= many.cores <= (NODE.cores if urgent else NODE.other_cores)
    assert 1 <= many.memory_mb <= (NODE.memory_mb if urgent else NODE.other_memory_mb)
    assert 600 <= few.time_s <= 24 * 3600


@pytest.mark.parametrize("frames", [10, 100, 3600])
@pytest.mark.parametrize("urgent", [False, True])
def test_the_time_limit_leaves_room_with_the_fewest_cores(frames: int, urgent: bool) -> None:
    found = size(PROCESS, "dials", frames, ROTATION, (), NODE, urgent=urgent)
    slowest = core_seconds(PROCESS, "dials", frames, ()) / least_cores(found.cores, urgent=urgent)
    assert found.time_s >= 5 * slowest


def test_a_job_that_follows_a_scan_may_wait_for_it() -> None:
    assert size(LOOK, "", 3600, ROTATION, (), NODE, scan_s=3600).time_s >= 36_000


def test_expected_time_counts_what_does_not_run_in_parallel() -> None:
    measured = [Cost(1000, 830.0, 415.0, 5000, 4)] * 9  # twice what four cores would need
    seconds = expected_s(PROCESS, "dials", 1000, measured, 4)
    assert seconds == pytest.approx(415.0)
    assert expected_s(PROCESS, "dials", 1000, (), 4) is None


@pytest.mark.parametrize(("cores", "least"), [(1, 1), (2, 1), (4, 1), (5, 2), (32, 8)])
def test_a_quarter_of_the_cores_is_worth_a_start(cores: int, least: int) -> None:
    assert least_cores(cores, urgent=False) == least
    assert least_cores(cores, urgent=True) == 1


def test_the_next_attempt_gets_more_of_what_ran_out() -> None:
    was = Resources(4, 1000, 600)
    assert enlarged(was, "out_of_memory", NODE) == Resources(4, 2000, 600)
    assert enlarged(was, "timed_out", NODE) == Resources(4, 1000, 1200)
    assert enlarged(was, "node_lost", NODE) == was
    assert enlarged(Resources(4, 400_000, 600), "out_of_memory", NODE).memory_mb == 500_000
