"""The in-memory twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from beampace.cluster import InMemoryCluster
from beampace.core.errors import InfrastructureError
from beampace.core.job import ClusterState, Resources
from beampace.core.ports import Cluster, JobSpec
from beampace.core.taxonomy import Failure


def spec(key: str = "k", attempt: int = 1) -> JobSpec:
    return JobSpec(key, attempt, ("true",), Path("/nowhere"), Resources())


def test_takes_an_attempt_once() -> None:
    cluster: Cluster = InMemoryCluster()
    first = cluster.submit(spec())
    assert cluster.submit(spec()) == first == cluster.find(spec())
    assert cluster.find(spec(attempt=2)) is None
    assert cluster.states({first: Path("/nowhere"), "other": Path("/nowhere")}) == {
        first: ClusterState.QUEUED,
        "other": ClusterState.UNKNOWN,
    }


def test_refused_submit_leaves_nothing() -> None:
    cluster = InMemoryCluster(refuse=Failure.REJECTED_BY_QUEUE)
    with pytest.raises(InfrastructureError) as caught:
        cluster.submit(spec())
    assert caught.value.code is Failure.REJECTED_BY_QUEUE
    assert cluster.find(spec()) is None
    assert cluster.refused == [spec()]


def test_lost_answer_is_found() -> None:
    cluster = InMemoryCluster(lose_answer=True)
    with pytest.raises(InfrastructureError):
        cluster.submit(spec())
    assert cluster.find(spec()) is not None
    assert cluster.submit(spec()) == cluster.find(spec())
    assert len(cluster.submitted) == 1


def test_failed_poll_and_set_states() -> None:
    cluster = InMemoryCluster()
    native_id = cluster.submit(spec())
    cluster.set_state(native_id, ClusterState.RUNNING)
    cluster.polls_fail = True
    with pytest.raises(InfrastructureError):
        cluster.states({native_id: Path("/nowhere")})
    cluster.polls_fail = False
    assert cluster.states({native_id: Path("/nowhere")}) == {native_id: ClusterState.RUNNING}
    with pytest.raises(KeyError):
        cluster.set_state("other", ClusterState.GONE)


@pytest.mark.parametrize(("ends", "state"), [(True, ClusterState.GONE), (False, ClusterState.QUEUED)])
def test_cancel(ends: bool, state: ClusterState) -> None:
    cluster = InMemoryCluster(ends_at_cancel=ends)
    native_id = cluster.submit(spec())
    cluster.cancel(native_id, Path("/nowhere"))
    assert cluster.cancelled == [native_id]
    assert cluster.known[native_id] is state
    cluster.close()
    assert cluster.closed
