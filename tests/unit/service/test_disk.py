import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.service.disk import Space, judge, space_at

GB = 10**9


@pytest.mark.parametrize(
    ("free", "used", "quota", "short"),
    [
        (500, 0, None, False),
        (51, 0, None, False),
        (49, 0, None, True),
        (0, 0, None, True),
        (500, 99, 100, False),
        (500, 101, 100, True),
    ],
)
def test_space_is_short_below_the_share_or_over_the_quota(free, used, quota, short):
    space = Space("/p", free * GB, 1000 * GB)
    state = judge(False, space, used * GB, None if quota is None else quota * GB)
    assert state.only_results is short
    assert (state.trouble is not None) is short
    if state.trouble:
        assert state.trouble.where == "/p"
        assert state.trouble.next_step
        assert "GB" in state.trouble.words


def test_a_short_disk_stays_short_until_there_is_some_room():
    def at(free, before):
        return judge(before, Space("/p", free * GB, 1000 * GB)).only_results

    assert at(49, False)
    assert at(55, True)
    assert not at(55, False)
    assert not at(61, True)


@given(st.booleans(), st.integers(0, 10**15), st.integers(0, 10**15), st.none() | st.integers(1, 10**15))
def test_more_space_is_never_worse(before, free, used, quota):
    total = 10**15
    now = judge(before, Space("/p", free, total), used, quota)
    more = judge(before, Space("/p", min(total, free * 2 + 1), total), used // 2, quota)
    assert now.only_results or not more.only_results


def test_a_file_system_of_unknown_size_is_not_short():
    assert not judge(False, Space("/p", 0, 0)).only_results


def test_space_of_a_place_that_is_not_there_yet(tmp_path):
    here, there = space_at(tmp_path), space_at(tmp_path / "not" / "yet")
    assert there.total_bytes == here.total_bytes > 0
    assert there.path.endswith("yet")
