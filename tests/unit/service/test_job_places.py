"""Names of files where jobs run, what is granted there, and what a job says of its result's place."""

import json
from pathlib import Path

import pytest

from beampace.beamtime import OnlineResources, OpenBeamtime, parse_metadata
from beampace.core.errors import InputError
from beampace.core.job import AttemptState, ClusterState, Ending, Evidence, next_state
from beampace.core.ports import ClusterSize
from beampace.core.taxonomy import Failure
from beampace.service.attempt_files import result_directory
from beampace.service.capacities import capacity_of_cluster
from beampace.service.job_places import LocalPlaces, NodePlaces
from beampace.service.settings import ClusterSection
from beampace.service.slurm_parts import checked
from beampace.service.slurm_section import SlurmSection
from tests.support.desk import BEAMTIME, bench

CORE = "/asap3/petra3/gpfs/p11/2022/data/11010000"
METADATA = parse_metadata(
    json.dumps({"beamtimeId": "11010000", "beamline": "p11", "corePath": CORE}).encode(), Path("/x.json")
)
GRANTED = OnlineResources("bttest04", None, "11010000", "ponline_p11", ("max-p3a016",))


def beamtime(resources: OnlineResources | None = GRANTED) -> OpenBeamtime:
    root = Path("/gpfs/beamtimes/11010000")
    return OpenBeamtime(
        "11010000",
        root,
        root / "raw",
        root / "processed",
        metadata=METADATA,
        resources=resources,
        core_path=METADATA.core_path,
        entrance=Path("/gpfs/current"),
    )


def places(resources: OnlineResources | None = GRANTED, **values: object) -> NodePlaces:
    found = NodePlaces(SlurmSection.model_validate(values), user=lambda: "p11user")
    found.see(beamtime(resources))
    return found


def test_nodes_read_and_write_the_beamline_s_files_under_their_own_name() -> None:
    node = places()
    for root in ("/gpfs/current", "/gpfs/beamtimes/11010000", CORE):
        assert node.there(Path(root) / "raw/a b/x.h5", raw=True) == Path("/beamline/p11/current/raw/a b/x.h5")
    there = node.there(Path("/gpfs/current/processed/a"))
    assert there == Path("/beamline/p11/current/processed/a")


def test_raw_data_may_be_read_from_the_core_and_results_never_go_there() -> None:
    node = places(read="core")
    assert node.there(Path("/gpfs/current/raw/x.h5"), raw=True) == Path(CORE) / "raw/x.h5"
    assert node.there(Path("/gpfs/current/processed/x")) == Path("/beamline/p11/current/processed/x")


def test_other_directories_have_the_names_of_the_table() -> None:
    node = places(paths={"/common/p11": "/asap3/common/p11", "/common/p11/new": "/new"})
    assert node.there(Path("/common/p11/recipes/x.toml")) == Path("/asap3/common/p11/recipes/x.toml")
    assert node.there(Path("/common/p11/new/x.toml")) == Path("/new/x.toml")
    assert node.there(Path("/common/p112/x.toml")) == Path("/common/p112/x.toml")


def test_a_site_may_have_the_same_names_everywhere() -> None:
    assert places(node_base="").there(Path("/gpfs/current/raw/x.h5")) == Path("/gpfs/current/raw/x.h5")


@pytest.mark.parametrize("path", ["/gpfs/current/../x", "raw/x", "/gpfs/current/raw/.."])
def test_a_path_that_is_not_plain_is_refused(path: str) -> None:
    with pytest.raises(InputError):
        places().there(Path(path))


def test_only_the_open_beamtime_is_seen_and_only_with_an_account() -> None:
    node = places()
    assert node.sees("11010000")
    assert not node.sees("11010001")
    assert node.rooms() == (Path("/gpfs/beamtimes/11010000/processed/.beampace/jobs"),)
    node.see(None)
    assert not node.sees("11010000")
    assert node.granted() is None
    assert node.rooms() == node.troubles() == ()
    bare = places(None)
    assert not bare.sees("11010000")
    (trouble,) = bare.troubles()
    assert "no account" in trouble.words


def test_what_the_metadata_lack_the_configuration_says() -> None:
    bare = places(None, account="p11batch", partition="allcpu", reservation="r1")
    assert bare.granted() == OnlineResources("p11batch", None, "r1", "allcpu", ())
    full = places(account="p11batch", partition="allcpu", reservation="r1")
    assert full.granted() == GRANTED


def test_programs_of_this_machine_work_as_this_account() -> None:
    found = places(via="local").granted()
    assert found is not None
    assert (found.account, found.reservation) == ("p11user", "11010000")


def test_jobs_of_this_machine_see_everything_as_it_is() -> None:
    local = LocalPlaces(Path("/state"))
    assert local.sees("anything")
    assert local.there(Path("/raw/x"), raw=True) == Path("/raw/x")
    assert local.room(Path("/a")) == local.room(Path("/b")) == local.rooms()[0]


@pytest.mark.parametrize("said", ["/etc", "../processed/x", "processed/../../etc", "", "link/look_001", "\0"])
def test_a_job_can_name_no_result_outside_of_processed(tmp_path: Path, said: str) -> None:
    processed, attempt = tmp_path / "processed", tmp_path / "attempt"
    (processed / "a/look_001").mkdir(parents=True)
    attempt.mkdir()
    (tmp_path / "elsewhere/look_001").mkdir(parents=True)
    (processed / "link").symlink_to(tmp_path / "elsewhere")
    (attempt / "result_directory").write_text(said if said.startswith("/") else f"{processed}/{said}")
    assert result_directory(attempt, processed) in (None, processed)
    (attempt / "result_directory").write_text(f"{processed}/a/look_001")
    assert result_directory(attempt, processed) == processed / "a/look_001"


def test_the_queue_says_why_an_attempt_left_nothing() -> None:
    ending = Ending(Failure.TIMED_OUT, "The queue ended it at its time limit.")
    gone = Evidence(cluster=ClusterState.GONE, gone_for_s=10, ending=ending)
    step = next_state(AttemptState.RUNNING, gone)
    assert (step.code, step.detail) == (Failure.TIMED_OUT, ending.words)
    silent = Evidence(cluster=ClusterState.GONE, gone_for_s=10, ending=Ending(None, ""))
    assert next_state(AttemptState.RUNNING, silent).code == Failure.NODE_LOST
    closed = Evidence(cluster=ClusterState.GONE, gone_for_s=10, ending=ending, beamtime_open=False)
    assert next_state(AttemptState.RUNNING, closed).code == Failure.BEAMTIME_CLOSED
    result = Evidence(result_code="merged", cluster=ClusterState.GONE, gone_for_s=10, ending=ending)
    assert next_state(AttemptState.RUNNING, result).code == "merged"


def test_what_is_planned_with_is_what_the_cluster_has() -> None:
    size = ClusterSize(3, 8, 14000)
    assert capacity_of_cluster(ClusterSection(), size).cores == 24
    held = ClusterSize(3, 8, 14000, 2, 3000)
    capacity = capacity_of_cluster(ClusterSection(), held)
    assert (capacity.urgent_cores, capacity.urgent_memory_mb) == (2, 3000)
    assert capacity_of_cluster(ClusterSection(cores=10, urgent_cores=3), size).other_cores == 7
    assert capacity_of_cluster(ClusterSection(), ClusterSize(1, 1, 1000)).cores == 1


def test_work_that_does_not_fit_waits_and_one_that_fits_in_part_gets_less(tmp_path: Path) -> None:
    with bench(tmp_path) as one:
        one.see()
        answers: list[int] = []
        one.cluster.fitting = lambda wish, least, urgent: answers[0]  # type: ignore[method-assign]
        one.cluster.size = lambda: ClusterSize(2, 4, 5000)  # type: ignore[method-assign]
        answers[:] = [0]
        assert one.start() == 0
        assert one.ledger.active() == ()
        (job,) = one.ledger.waiting()
        assert job.attempts == 0
        wish = one.starter.size_of(job, one.ledger.dataset(job.dataset))
        assert wish.cores <= 4
        assert wish.memory_mb <= 5000
        answers[:] = [1]
        assert one.start() == 1
        assert one.ledger.active()[0][0].cores == 1
        assert job.beamtime == BEAMTIME


def test_slurm_through_ssh_needs_pinned_host_keys() -> None:
    from beampace.service.settings import Settings

    bad = Settings.model_validate({"cluster": {"kind": "slurm"}})
    with pytest.raises(InputError, match="known_hosts"):
        checked(bad)
    lead = {"kind": "slurm", "slurm": {"via": "local", "work_room": "a/../../b"}}
    with pytest.raises(InputError, match="work_room"):
        checked(Settings.model_validate({"cluster": lead}))
