"""From a description to the answer: the datasets, the jobs, the search for the fewest nodes."""

import time
import tomllib
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from beampace.core.dataset import DatasetKind
from beampace.core.work import WorkClass, WorkName
from beampace.plan import Cost, Rule, size
from beampace.plan.capacity_model import Description, Trial, collect, study
from beampace.plan.capacity_model.lengths import length
from beampace.plan.capacity_model.study import Search, rules_with
from beampace.plan.capacity_model.tasks import Planner
from beampace.service.use import GroupUse
from tests.support.properties import patient

SCENARIOS = files("beampace.plan.capacity_model") / "scenarios"
SMALL = {
    "schema": "capacity-1",
    "hours": 2,
    "cluster": {"nodes": 2, "cores_per_node": 16},
    "collections": [
        {"name": "scan", "kind": "rotation", "frames": 1000, "frame_time_s": 0.01, "per_hour": 120},
        {"name": "grid", "kind": "grid", "frames": 100, "frame_time_s": 0.04, "per_hour": 20},
    ],
    "costs": [
        {"work": "process", "engine": "dials", "frames": 1000, "core_seconds": 400, "seconds": 50, "cores": 8}
    ],
    "engines": {"dials": {"cores": 8, "variation": 0.2}},
}

PROCESS_ONLY = [
    {
        "name": "processing",
        "kinds": ["rotation"],
        "on": "complete",
        "work": "process",
        "engine": "dials",
        "work_class": "full",
    }
]


def described(**changes) -> Description:
    return Description.model_validate(SMALL | changes)


def shipped(name: str) -> Description:
    return Description.model_validate(tomllib.loads((SCENARIOS / f"{name}.toml").read_text()))


def random(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_detector_takes_one_dataset_at_a_time():
    found = collect(described(), random())
    assert len(found) == 280
    assert [one.kind for one in found].count(DatasetKind.GRID) == 40
    assert all(one.end <= other.begin + 1e-6 for one, other in pairwise(found))


def test_groups_take_turns_and_windows_hold():
    scan = SMALL["collections"][0] | {
        "groups": ["a", "b"],
        "from_h": 0.5,
        "to_h": 1.0,
        "images_per_file": 300,
    }
    found = collect(described(collections=[scan]), random())
    assert [one.group for one in found[:4]] == ["a", "b", "a", "b"]
    assert (found[0].begin, len(found)) == (1800, 60)
    assert found[0].last_file == 100


def test_random_collections_are_a_poisson_process():
    scan = SMALL["collections"][0] | {"rhythm": "random", "frame_time_s": 1e-6, "per_hour": 200}
    counts = [len(collect(described(collections=[scan]), random(seed))) for seed in range(60)]
    assert np.mean(counts) == pytest.approx(400, rel=0.03)
    assert np.var(counts) == pytest.approx(400, rel=0.6)


@patient
@given(
    per_hour=st.floats(1, 300), frames=st.integers(1, 400), hours=st.floats(0.1, 3), seed=st.integers(0, 99)
)
def test_every_dataset_gets_all_its_work_done(per_hour, frames, hours, seed):
    scan = SMALL["collections"][0] | {"frames": frames, "per_hour": per_hour, "rhythm": "random"}
    trial = Trial(described(hours=hours, collections=[scan]), described().rules_used, seed=seed)
    collected, done = trial.collected(0), trial.play(2, 0)
    assert len(done) == len(collected) * (2 if frames >= 2 else 1)
    for one in done:
        assert one.freed > one.started >= one.task.due
        assert 1 <= one.cores <= one.task.wish.cores


def test_never_more_cores_than_there_are_nor_than_a_class_may_have():
    trial = Trial(described(), described().rules_used)
    done, capacity = trial.play(2, 0), trial.description.cluster.capacity(2)
    for moment in sorted({one.started for one in done}):
        held = [one for one in done if one.started <= moment < one.freed]
        assert sum(one.cores for one in held) <= capacity.cores
        full = sum(one.cores for one in held if one.work_class is WorkClass.FULL)
        assert full <= capacity.of(WorkClass.FULL)[0]


def test_sizes_are_the_daemons():
    model = described(engines={})
    capacity = model.cluster.capacity(2)
    tasks = list(Planner(model, model.rules_used, capacity).tasks(collect(model, random()), random()))
    costs = [Cost(1000, 400, 50, 0.0, 8)]
    wish = size(WorkName.PROCESS, "dials", 1000, DatasetKind.ROTATION, costs, capacity, scan_s=10.0)
    full = [task.wish for task in tasks if task.wish.work_class is WorkClass.FULL]
    assert {(one.cores, one.memory_mb) for one in full} == {(min(16, wish.cores), wish.memory_mb)}


def test_lengths_come_from_costs_of_about_as_many_frames():
    costs = [Cost(1330, 48_000, 500, 0, 96), Cost(3600, 96_000, 1000, 0, 96), Cost(3700, 98_000, 1021, 0, 96)]
    short = length(WorkName.PROCESS, "x", 1330, costs, random())
    assert short.with_cores(96) == pytest.approx(500)
    long = {length(WorkName.PROCESS, "x", 3650, costs, random(n)).seconds for n in range(20)}
    assert len(long) == 2
    assert all(1000 < seconds < 1021 for seconds in long)


def test_variation_keeps_the_mean():
    cost = [Cost(100, 100, 100, 0, 1)]
    found = [
        length(WorkName.PROCESS, "x", 100, cost, draws, variation=0.3).seconds
        for draws in [random()]
        for _ in range(4000)
    ]
    assert np.mean(found) == pytest.approx(100, rel=0.02)
    assert np.std(found) == pytest.approx(30, rel=0.1)


def test_fewest_nodes_and_one_more_or_less():
    model = described(rules=PROCESS_ONLY)
    answer = study(Trial(model, model.rules_used, use=GroupUse))
    assert answer.needed_nodes is not None
    states = {one.nodes: one.state for one in answer.outcomes}
    assert states[answer.needed_nodes] == "bounded"
    assert states[answer.needed_nodes - 1] != "bounded"
    assert answer.needed_nodes + 1 in states
    # 120 scans an hour of 400 core-seconds; five eighths of 16 cores a node are for full processing.
    assert answer.needed_nodes == 2
    load = next(one for one in answer.outcomes if one.nodes == 2).load
    assert load == pytest.approx(120 * 8 * 50.5 / 3600 / 20, rel=0.05)


def test_the_same_seed_gives_the_same_answer_and_another_seed_another():
    model = described()
    first, again, other = (study(Trial(model, model.rules_used, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first.outcomes != other.outcomes


def test_too_many_nodes_are_not_searched_for():
    model = described(compare=["dials"])
    answer = study(Trial(model, model.rules_used), most=1)
    assert answer.needed_nodes is None
    assert "More than 1 node" in answer.words
    assert answer.engines[0].nodes is None


def test_nodes_that_leave_nothing_are_left_out():
    model = described(cluster={"nodes": 2, "cores_per_node": 16, "urgent_cores": 12, "live_cores": 4})
    assert Search(Trial(model, model.rules_used)).at(1) is None
    assert 1 not in {one.nodes for one in study(Trial(model, model.rules_used)).outcomes}


def test_kept_cores_are_named_as_the_reason():
    model = described(cluster={"nodes": 1, "cores_per_node": 16, "urgent_cores": 8, "live_cores": 2})
    answer = study(Trial(model, model.rules_used))
    assert "10 of 16 cores are kept" in answer.words


def test_an_engine_that_follows_is_live_work():
    model = described()
    rules = rules_with(model, model.rules_used, "fast")
    assert [(rule.engine, rule.work_class) for rule in rules if rule.work is WorkName.PROCESS] == [
        ("fast", WorkClass.LIVE)
    ]
    assert rules_with(model, model.rules_used, "dials") == model.rules_used
    assert all(rule.work is not WorkName.PROCESS for rule in rules_with(model, model.rules_used, "look"))


def test_an_engine_without_work_needs_nothing():
    model = described(rules=PROCESS_ONLY, compare=["look"])
    (look,) = study(Trial(model, model.rules_used)).engines
    assert (look.nodes, look.pace_nodes) == (None, None)
    assert "no such work" in look.words


def test_believed_work_is_named():
    assert study(Trial(described(), described().rules_used)).believed == ("look", "map")


def test_p11_today_and_on_maxwell():
    """Today's one node is far too little for XDS; the two of Maxwell bear `fast` and look with ease."""
    today, maxwell = shipped("p11-today"), shipped("p11-maxwell")
    xds = study(Trial(today, today.rules_used, repeats=4))
    assert xds.outcomes[0].state == "growing"
    assert xds.needed_nodes == 5
    assert xds.engines[0].pace_nodes is None
    assert xds.engines[0].shortest_s >= 480
    quick = maxwell.model_copy(update={"compare": ("fast",)})
    fast = study(Trial(quick, rules_with(quick, quick.rules_used, "fast"), repeats=4))
    assert fast.engines[0].pace_nodes == fast.engines[0].nodes == 1
    assert fast.engines[0].p95_s < 20


def test_a_night_takes_seconds():
    """12 hours, 670 datasets, 1070 jobs: about 0.2 s when nothing else runs."""
    model = shipped("p11-maxwell")
    begun = time.process_time()
    assert len(Trial(model, model.rules_used).play(3, 0)) > 1000
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hours": -1}, "hours"),
        ({"cluster": {"nodes": 0, "cores_per_node": 4}}, "cluster.nodes"),
        ({"cluster": {"nodes": 1, "cores_per_node": 4, "urgent_cores": 4}}, "urgent_cores"),
        ({"collections": []}, "collections"),
        ({"collections": [SMALL["collections"][0] | {"per_hour": 361}]}, "the detector would be busy"),
        ({"collections": [SMALL["collections"][0] | {"from_h": 3}]}, "from_h"),
        ({"collections": [SMALL["collections"][0] | {"frame_time_s": float("inf")}]}, "frame_time_s"),
        ({"nodes": 3}, "nodes"),
        ({"schema": "capacity-9"}, "schema"),
        ({"costs": [SMALL["costs"][0] | {"cores": 0}]}, "costs.0.cores"),
    ],
)
def test_what_cannot_be_is_refused(change, said):
    with pytest.raises(ValidationError) as error:
        described(**change)
    places = " ".join(".".join(map(str, fault["loc"])) + " " + fault["msg"] for fault in error.value.errors())
    assert said in places


def test_shipped_descriptions_can_be_used():
    for name in ("p11-today", "p11-scans", "p11-maxwell"):
        assert shipped(name).title
    assert all(isinstance(rule, Rule) for rule in shipped("p11-scans").rules_used)
