"""Which jobs start: examples of every rule, and properties over any queue."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.work import WorkClass
from beampace.plan import MAX_PASSED, Capacity, Choice, Running, Waiting, choose, usual_capacity
from tests.support.properties import thorough

URGENT, LIVE, FULL, RERUN = WorkClass
ALL = Capacity(8, 8000)
KEPT = Capacity(8, 8000, 2, 2000)


def job(key: str, work_class: WorkClass = FULL, group: str = "g", seen: float = 0.0, **wish: int) -> Waiting:
    return Waiting(key, work_class, group, seen, **{"cores": 1, "memory_mb": 100, **wish})


def held(key: str, cores: int, work_class: WorkClass = FULL, group: str = "g") -> Running:
    return Running(key, work_class, group, cores, 100)


def test_classes_in_their_order() -> None:
    waiting = [job(str(one), one) for one in (RERUN, FULL, LIVE, URGENT)]
    assert choose(waiting, (), ALL).keys == ("urgent", "live", "full", "rerun")
    assert choose(waiting, (), Capacity(2, 8000)).keys == ("urgent", "live")


def test_the_newest_dataset_of_a_group_goes_first() -> None:
    waiting = [job(str(seen), seen=seen) for seen in (3.0, 1.0, 2.0)]
    assert choose(waiting, (), ALL).keys == ("3.0", "2.0", "1.0")


def test_the_group_with_the_smallest_use_goes_first() -> None:
    waiting = [job("a1", group="a", seen=9), job("a2", group="a", seen=8), job("b1", group="b", seen=1)]
    assert choose(waiting, (), ALL, {"a": 100.0, "b": 0.0}).keys[0] == "b1"
    assert choose(waiting, (), ALL, {"a": 0.0, "b": 1e6}).keys == ("a1", "a2", "b1")


def test_what_a_group_holds_now_counts_as_use() -> None:
    waiting = [job(f"{group}{n}", group=group, seen=n) for group in "ab" for n in range(8)]
    starts = choose(waiting, (), ALL).keys
    assert sorted(key[0] for key in starts) == ["a"] * 4 + ["b"] * 4
    starts = choose(waiting, [held("r", 4, group="a")], ALL).keys
    assert {key[0] for key in starts} == {"b"}


def test_fair_share_does_not_cross_classes() -> None:
    waiting = [job("live", LIVE, "greedy"), job("full", FULL, "modest")]
    assert choose(waiting, (), Capacity(1, 8000), {"greedy": 1e9}).keys == ("live",)


def test_others_never_use_what_is_kept_for_urgent_work() -> None:
    waiting = [job(str(n), FULL) for n in range(10)]
    assert len(choose(waiting, (), KEPT).starts) == 6
    assert choose(waiting, [held("r", 6)], KEPT).starts == ()
    # Urgent work that runs uses what is kept first, so the others still get their own part.
    assert len(choose(waiting, [held("r", 2, URGENT)], KEPT).starts) == 6
    assert len(choose(waiting, [held("r", 4, URGENT)], KEPT).starts) == 4


def test_urgent_work_starts_on_a_full_machine() -> None:
    waiting = [*(job(f"f{n}", seen=n) for n in range(50)), job("u", URGENT, cores=8, min_cores=4)]
    (start,) = choose(waiting, [held("r", 6)], KEPT).starts
    assert (start.key, start.cores) == ("u", 2)


def test_live_work_goes_on_beside_a_burst_of_urgent_work() -> None:
    waiting = [job(f"u{n}", URGENT, memory_mb=7000) for n in range(20)] + [job("live", LIVE)]
    found = choose(waiting, (), KEPT)
    assert len(found.starts) == 2
    assert found.keys[1] == "live"
    # Two cores of eight are left when urgent work holds the part kept for it and more: live gets them.
    burst = [job(f"u{n}", URGENT, cores=2, min_cores=2) for n in range(20)]
    assert choose([*burst, job("live", LIVE)], [held("u", 7, URGENT)], KEPT).keys == ("live",)


def test_a_job_takes_fewer_cores_when_that_starts_it_now() -> None:
    (start,) = choose([job("x", cores=8, min_cores=2)], [held("r", 5)], ALL).starts
    assert start.cores == 3
    assert choose([job("x", cores=8, min_cores=4)], [held("r", 5)], ALL).starts == ()


def test_a_job_larger_than_the_machine_is_cut_and_said_to_be() -> None:
    waiting = [job("x", cores=64, memory_mb=10**6, min_cores=32), job("y")]
    found = choose(waiting, (), KEPT)
    assert found.cut == ("x",)
    found = choose(waiting[:1], (), KEPT)
    assert [(one.key, one.cores, one.memory_mb) for one in found.starts] == [("x", 6, 6000)]
    urgent = choose([replace(waiting[0], work_class=URGENT)], (), KEPT)
    assert [(one.cores, one.memory_mb) for one in urgent.starts] == [(8, 8000)]


def test_small_jobs_pass_a_large_one_a_bounded_number_of_times() -> None:
    """A large job and an endless stream of small, newer ones, each of which runs for three rounds."""
    large, running, passed = job("large", cores=8, min_cores=8), {"s": (held("s", 1), 2)}, 0
    small = 0
    for moment in range(200):
        running = {key: (one, left - 1) for key, (one, left) in running.items() if left}
        waiting = [replace(large, passed=passed), *(job(f"{moment}-{n}", seen=moment + 1) for n in range(3))]
        found = choose(waiting, [one for one, _ in running.values()], ALL)
        passed += found.passed.get("large", 0)
        if "large" in found.keys:
            break
        small += len(found.starts)
        running |= {one.key: (held(one.key, one.cores), 2) for one in found.starts}
    assert "large" in found.keys
    assert passed == MAX_PASSED
    assert small == MAX_PASSED


def test_the_bound_holds_within_one_choice_too() -> None:
    large = job("large", cores=32, min_cores=32, seen=99)
    waiting = [large, *(job(f"{n}", FULL if n % 2 else RERUN) for n in range(20))]
    found = choose(waiting, [held("r", 1)], Capacity(32, 8000))
    assert len(found.starts) == found.passed["large"] == MAX_PASSED


def test_higher_classes_pass_a_large_job_without_being_counted() -> None:
    waiting = [job("large", cores=8, min_cores=8), job("live", LIVE), job("urgent", URGENT)]
    found = choose(waiting, [held("r", 1)], ALL)
    assert (found.keys, found.passed) == (("urgent", "live"), {})


def test_a_job_that_was_passed_often_enough_holds_its_class_and_those_below() -> None:
    large = job("large", cores=8, min_cores=8, passed=MAX_PASSED)
    waiting = [large, job("small", seen=9), job("rerun", RERUN), job("live", LIVE)]
    assert choose(waiting, [held("r", 1)], ALL).keys == ("live",)
    assert choose([large, job("small", seen=9)], (), ALL).keys == ("large",)


def test_a_job_that_waits_for_newer_ones_only_is_not_counted_as_passed() -> None:
    waiting = [job(f"{n}", seen=n) for n in range(20)]
    assert choose(waiting, (), ALL).passed == {}


def test_nothing_waiting_starts_nothing() -> None:
    assert choose((), [held("r", 3)], ALL) == Choice()


@pytest.mark.parametrize(("cores", "kept"), [(1, 0), (2, 1), (4, 1), (8, 2), (96, 24)])
def test_a_usual_machine_keeps_a_quarter_but_never_all(cores: int, kept: int) -> None:
    assert usual_capacity(cores, 8000).urgent_cores == kept


@pytest.mark.parametrize("wrong", [(0, 1, 0, 0), (1, 0, 0, 0), (2, 9, 2, 0), (2, 9, -1, 0), (2, 9, 1, 9)])
def test_a_capacity_that_leaves_nothing_to_others_is_refused(wrong: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"cores|MB"):
        Capacity(*wrong)


@st.composite
def queues(draw: st.DrawFn) -> tuple[list[Waiting], list[Running], Capacity, dict[str, float]]:
    """Any queue, and running jobs that respect the capacity as `choose` would have left them."""
    cores, memory = draw(st.integers(1, 16)), draw(st.integers(100, 4000))
    kept, kept_mb = draw(st.integers(0, cores - 1)), draw(st.integers(0, memory - 1))
    capacity = Capacity(cores, memory, kept, kept_mb)
    classes, groups = st.sampled_from(WorkClass), st.sampled_from("abc")

    def jobs(prefix: str, most: int) -> list[Waiting]:
        made = []
        for n in range(draw(st.integers(0, most))):
            wish = draw(st.integers(1, 20))
            made.append(
                Waiting(
                    f"{prefix}{n}",
                    draw(classes),
                    draw(groups),
                    draw(st.floats(0, 10)),
                    wish,
                    draw(st.integers(1, 5000)),
                    draw(st.integers(1, wish)),
                    draw(st.sampled_from([0, 0, 0, MAX_PASSED - 1, MAX_PASSED])),
                )
            )
        return made

    before = {one.key: one for one in jobs("r", 5)}
    running = [
        Running(one.key, before[one.key].work_class, before[one.key].group, one.cores, one.memory_mb)
        for one in choose(list(before.values()), (), capacity).starts
    ]
    used = draw(st.dictionaries(groups, st.floats(0, 1e6)))
    return jobs("w", 12), running, capacity, used


def after(queue, found: Choice) -> list[Running]:
    waiting = {one.key: one for one in queue[0]}
    return queue[1] + [
        Running(one.key, waiting[one.key].work_class, waiting[one.key].group, one.cores, one.memory_mb)
        for one in found.starts
    ]


def left(running: list[Running], capacity: Capacity, work_class: WorkClass) -> tuple[int, int]:
    """Cores and memory a class may still take, counted anew."""
    cores = capacity.cores - sum(one.cores for one in running)
    memory = capacity.memory_mb - sum(one.memory_mb for one in running)
    if work_class is URGENT:
        return cores, memory
    others = [one for one in running if one.work_class is not URGENT]
    return (
        min(cores, capacity.cores - capacity.urgent_cores - sum(one.cores for one in others)),
        min(memory, capacity.memory_mb - capacity.urgent_memory_mb - sum(one.memory_mb for one in others)),
    )


def least(one: Waiting, capacity: Capacity) -> tuple[int, int]:
    """What a job needs to start, cut to the machine."""
    urgent = one.work_class is URGENT
    cores = capacity.cores if urgent else capacity.cores - capacity.urgent_cores
    memory = capacity.memory_mb if urgent else capacity.memory_mb - capacity.urgent_memory_mb
    need = min(one.min_cores, cores)
    return min(need, capacity.urgent_cores or need) if urgent else need, min(one.memory_mb, memory)


@thorough
@given(queues())
def test_never_over_budget_and_the_part_kept_is_untouched(queue) -> None:
    found = choose(queue[0], queue[1], queue[2], queue[3])
    for work_class in (URGENT, FULL):
        assert min(left(after(queue, found), queue[2], work_class)) >= 0
    assert len(set(found.keys)) == len(found.keys)
    wishes = {one.key: one for one in queue[0]}
    for start in found.starts:
        assert least(wishes[start.key], queue[2])[0] <= start.cores <= wishes[start.key].cores


@thorough
@given(queues())
def test_urgent_work_that_fits_starts_before_any_other(queue) -> None:
    waiting, running, capacity, used = queue
    found = choose(waiting, running, capacity, used)
    classes = {one.key: one.work_class for one in waiting}
    order = [classes[key].rank for key in found.keys]
    assert order == sorted(order)
    urgent = [one for one in waiting if one.work_class is URGENT and one.passed < MAX_PASSED]
    fitting = [one for one in urgent if _below(least(one, capacity), left(running, capacity, URGENT))]
    blocked = any(one.passed >= MAX_PASSED and one.work_class is URGENT for one in waiting)
    assert not fitting or blocked or classes[found.keys[0]] is URGENT


@thorough
@given(queues())
def test_nothing_waits_that_would_fit_unless_a_passed_job_holds_the_room(queue) -> None:
    waiting, _, capacity, _ = queue
    found = choose(*queue)
    now = after(queue, found)
    holding = [
        one.work_class.rank
        for one in waiting
        if one.key not in found.keys and one.passed + found.passed.get(one.key, 0) >= MAX_PASSED
    ]
    for one in waiting:
        if one.key not in found.keys and _below(least(one, capacity), left(now, capacity, one.work_class)):
            assert holding
            assert min(holding) <= one.work_class.rank


@thorough
@given(queues())
def test_each_start_is_of_the_group_that_uses_least(queue) -> None:
    """Among small equal jobs nothing but class, use and age decides."""
    waiting = [replace(one, cores=1, min_cores=1, memory_mb=1, passed=0) for one in queue[0]]
    capacity = Capacity(queue[2].cores, 10**6, queue[2].urgent_cores, 1)
    running = [replace(one, memory_mb=1) for one in queue[1]]
    use = dict(queue[3])
    for one in running:
        use[one.group] = use.get(one.group, 0.0) + 60.0 * one.cores
    todo = {one.key: one for one in waiting}
    for start in choose(waiting, running, capacity, queue[3]).starts:
        one = todo.pop(start.key)
        rivals = [other for other in todo.values() if other.work_class is one.work_class]
        assert all(use.get(other.group, 0.0) >= use.get(one.group, 0.0) for other in rivals)
        assert all(other.seen <= one.seen for other in rivals if other.group == one.group)
        use[one.group] = use.get(one.group, 0.0) + 60.0


def _below(need: tuple[int, int], there: tuple[int, int]) -> bool:
    return need[0] <= there[0] and need[1] <= there[1]


def test_full_processing_leaves_room_for_a_live_look():
    capacity = Capacity(3, 3000, 1, 1000, 1, 1000)
    full = [Waiting(f"full{n}", WorkClass.FULL, "a", n, 2, 900) for n in range(3)]
    chosen = choose(full, (), capacity)
    assert [(start.key, start.cores) for start in chosen.starts] == [("full2", 1)]
    running = [Running("full2", WorkClass.FULL, "a", 1, 900)]
    live = Waiting("look", WorkClass.LIVE, "a", 9, 1, 900)
    assert choose([*full[:2], live], running, capacity).keys == ("look",)
    urgent = Waiting("map", WorkClass.URGENT, "a", 9, 1, 900)
    both = [*running, Running("look", WorkClass.LIVE, "a", 1, 900)]
    assert choose([*full[:2], urgent], both, capacity).keys == ("map",)


def test_live_work_never_uses_what_is_kept_for_urgent_work():
    capacity = Capacity(3, 3000, 1, 1000, 1, 1000)
    live = [Waiting(f"look{n}", WorkClass.LIVE, "a", n, 1, 100) for n in range(4)]
    assert len(choose(live, (), capacity).starts) == 2
