"""Series of a night against sums and worst values that are known."""

from datetime import UTC, datetime, timedelta

from beampace.core.work import WorkClass
from beampace.web.series import lag_series, merged_steps, worst_per_bin

START = datetime(2026, 11, 22, 20, tzinfo=UTC)


def test_few_points_stay_as_they_are():
    points = [(float(at), float(at % 7)) for at in range(600)]
    assert worst_per_bin(points, 600) == points


def test_of_many_points_the_worst_of_each_bin_stays():
    points = [(float(at), 1.0) for at in range(10_000)]
    points[1234] = (1234.0, 99.0)
    found = worst_per_bin(points, 100)
    assert len(found) <= 100
    assert (1234.0, 99.0) in found
    assert found == sorted(found)


def test_points_of_one_moment_are_one_bin():
    assert worst_per_bin([(5.0, 1.0), (5.0, 3.0), (5.0, 2.0)], 2) == [(5.0, 3.0)]


def test_lags_are_told_per_class_the_most_pressing_first():
    timed = [
        (START + timedelta(seconds=20), WorkClass.FULL, 30.0),
        (START, WorkClass.URGENT, 1.0),
        (START + timedelta(seconds=10), WorkClass.FULL, 20.0),
    ]
    found = lag_series(timed)
    assert [one.of for one in found] == ["urgent", "full"]
    assert found[1].seconds == (20.0, 30.0)
    assert found[1].times[0] == START.timestamp() + 10


def test_sums_end_at_the_whole_however_many_steps_there_are():
    taken = [(float(at), 10) for at in range(5000)]
    processed = [(at + 3.5, 10) for at in range(4000)]
    found = merged_steps(taken, processed, 600)
    assert len(found.times) <= 600
    assert (found.taken[-1], found.processed[-1]) == (50_000, 40_000)
    assert all(one <= two for one, two in zip(found.processed, found.taken, strict=True))
    assert list(found.times) == sorted(found.times)


def test_nothing_gives_nothing():
    assert lag_series([]) == ()
    assert merged_steps([], [], 600).times == ()
