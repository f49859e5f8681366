"""When directories are listed."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.watch.heat import Heat, is_active, next_listing
from beampace.watch.settings import WatchSettings

S = WatchSettings()


@pytest.mark.parametrize(
    ("heat", "active"),
    [
        (Heat(), False),
        (Heat(root=True), True),
        (Heat(changed=1000 - S.active_for_s + 1), True),
        (Heat(changed=1000 - S.active_for_s - 1), False),
        (Heat(led=1000 - S.leads_for_s + 1), True),
        (Heat(led=1000 - S.leads_for_s - 1), False),
        (Heat(awaited=1000 - S.patience_s + 1), True),
        (Heat(awaited=1000 - S.patience_s - 1), False),
        (Heat(wanted=1001), True),
        (Heat(wanted=999), False),
    ],
)
def test_what_is_active(heat: Heat, active: bool) -> None:
    assert is_active(heat, 1000.0, S) is active


@given(st.integers(0, 10**9), st.floats(0, 0.5))
def test_quiet_directories_are_listed_within_the_bound(turn: int, took: float) -> None:
    pause = next_listing(Heat(), 0.0, took, turn, S)
    assert 0.5 * S.quiet_s <= pause <= 0.95 * S.quiet_s


def test_quiet_directories_are_spread_evenly() -> None:
    pauses = sorted(next_listing(Heat(), 0.0, 0.0, turn, S) for turn in range(100))
    gaps = [late - early for early, late in pairwise(pauses)]
    assert max(gaps) < 3 * (pauses[-1] - pauses[0]) / 100


def test_active_directories_keep_the_pace_and_slow_listings_pause() -> None:
    assert next_listing(Heat(root=True), 5.0, 0.001, 0, S) == pytest.approx(5.2)
    assert next_listing(Heat(root=True), 5.0, 1.0, 0, S) >= 8.0
