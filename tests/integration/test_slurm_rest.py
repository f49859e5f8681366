"""The queue by a real slurmrestd (v0.0.38), and the cluster protocol on it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.files import read_exit
from beampace.cluster.slurm import (
    CommandQueue,
    FixedLayout,
    Grants,
    HeldSettings,
    Layout,
    LocalTransport,
    NodeSide,
    Patience,
    Queue,
    SlurmCluster,
    SlurmSettings,
    Unreachable,
)
from beampace.cluster.slurm.queue import Jobs
from beampace.cluster.slurm.rest import RestQueue
from beampace.cluster.slurm.rest_settings import RestSettings
from beampace.cluster.slurm.script import Request, sbatch_argv
from beampace.cluster.slurm.squeue import Seen
from beampace.core.errors import InfrastructureError
from beampace.core.job import ClusterState, Resources
from beampace.core.ports import ClusterSize, JobSpec
from beampace.core.taxonomy import Failure
from tests.support.slurm_lab import GROUP, running_lab, slurm_lab, state_of, wait_for_state
from tools.lab import daemons, faults, processes
from tools.lab.lab import PATH, Lab
from tools.lab.plan import SHARED, Plan

pytestmark = [pytest.mark.xdist_group(GROUP), pytest.mark.timeout(180)]
__all__ = ["slurm_lab"]

PYTHON = "/usr/bin/python3"
QUEUED, RUNNING, GONE = ClusterState.QUEUED, ClusterState.RUNNING, ClusterState.GONE
SLEEP = b"#!/bin/bash\nsleep 60\n"
FORGED = "eyJhbGciOiJIUzI1NiJ9.eyJzdW4iOiJidHRlc3QwNCJ9.bm90aGluZw"


class Site:
    """A laboratory asked through slurmrestd, with the token in a file."""

    def __init__(self, lab: Lab, root: Path) -> None:
        self.lab, self.root = lab, root
        self.token_file = root / "token"
        self.token_file.touch(0o600)
        self.renew()
        self.granted: OnlineResources | None = OnlineResources(lab.user, None, lab.reservation, SHARED, ())
        self.queue = self.another()
        self.programs = CommandQueue(LocalTransport({**lab.environment, "PATH": PATH}))
        self.natives: dict[str, Path] = {}

    def renew(self, text: str = "") -> None:
        """Another token in the file."""
        self.token_file.write_text(text or f"SLURM_JWT={self.lab.token()}\n")

    def another(self, **values: object) -> RestQueue:
        settings = RestSettings(self.lab.rest_url, self.token_file, allow_http=True)
        return RestQueue(dataclasses.replace(settings, **values), lambda: self.granted)

    def request(self, name: str, **values: object) -> Request:
        directory = self.root / "out % x"
        directory.mkdir(exist_ok=True)
        directory.chmod(0o777)
        made = Request(name, PurePosixPath(directory), 2, 200, 300, 50, SHARED, self.lab.reservation)
        return dataclasses.replace(made, **values)

    def submit(self, name: str, script: bytes = SLEEP) -> str:
        return str(self.queue.submit(self.request(name), script))

    def output(self) -> str:
        return (self.root / "out % x/slurm.txt").read_text()

    def cluster(self) -> SlurmCluster:
        """A cluster as a daemon that is started again makes it."""
        settings = SlurmSettings(
            poll_s=0.2, quiet_s=0.5, closed_s=1.0, cancel_again_s=2.0, patience=Patience(vanished_s=1.0)
        )
        layout = FixedLayout(Layout(HeldSettings(), ClusterSize(3, 8, 14000)))
        grants = Grants(lambda: self.granted, farewell_s=0.0)
        node = NodeSide(python=PYTHON, program=(PYTHON,))
        return SlurmCluster(self.root / "cluster", self.another(), grants, layout, node, settings)

    def spec(self, key: str, code: str) -> JobSpec:
        directory = self.root / "jobs" / f"{key}-1"
        directory.mkdir(mode=0o700, parents=True)
        asked = Resources(cores=1, memory_mb=200, time_s=60)
        return JobSpec(key, 1, (sys.executable, "-c", code), directory, asked)


def until(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@contextmanager
def a_site(lab: Lab) -> Iterator[Site]:
    root = Path(tempfile.mkdtemp(prefix="bp rest it's ", dir="/tmp"))
    root.chmod(0o755)
    try:
        yield Site(lab, root)
    finally:
        lab.run(["scancel", "--quiet", f"--user={lab.user}"], check=False)
        shutil.rmtree(root)


@pytest.fixture
def site(slurm_lab: Lab) -> Iterator[Site]:
    with a_site(slurm_lab) as made:
        yield made


def alike(one: Seen, other: Seen) -> bool:
    """Whether two looks at a job within a second saw the same."""

    def near(a: int | None, b: int | None) -> bool:
        return a == b or (a is not None and b is not None and abs(a - b) <= 1)

    same = dataclasses.replace(one, left_s=other.left_s, used_s=other.used_s) == other
    return same and near(one.left_s, other.left_s) and near(one.used_s, other.used_s)


def seen(site: Site, name: str) -> Seen:
    """The job of a name, after both ways to ask have shown the same."""

    def look() -> bool:
        (mine,) = site.queue.jobs(site.lab.user, name)[name]
        (theirs,) = site.programs.jobs(site.lab.user, name)[name]
        found.append(mine)
        return alike(mine, theirs)

    found: list[Seen] = []
    until(look)
    return found[-1]


def test_a_job_runs_and_is_seen_as_squeue_shows_it(site: Site) -> None:
    job = site.submit("bp-run-1", b"#!/bin/bash\nid -un\nsleep 3\nexit 3\n")
    wait_for_state(site.lab, job, "RUNNING")
    mine = seen(site, "bp-run-1")
    assert (str(mine.job), mine.state, mine.cpus) == (job, "RUNNING", 2)
    assert mine.left_s is not None
    assert 400 < mine.left_s <= 420
    wait_for_state(site.lab, job, "FAILED")
    ended = seen(site, "bp-run-1")
    assert (ended.state, ended.reason) == ("FAILED", "NonZeroExitCode")
    assert ended.used_s in (3, 4)
    assert site.output() == f"{site.lab.user}\n"


def test_slurm_is_told_what_sbatch_would_tell_it(site: Site) -> None:
    by_rest = site.submit("bp-told-1")
    argv = sbatch_argv(site.request("bp-told-1"))
    by_sbatch = site.lab.run(argv, site.lab.user, SLEEP.decode()).stdout.strip()
    both = (by_rest, by_sbatch)
    assert [wait_for_state(site.lab, job, "RUNNING") for job in both] == ["RUNNING"] * 2
    shown = [site.lab.run(["scontrol", "-o", "show", "job", job]).stdout for job in both]
    for name in (
        *("JobName=", "Nice=", "Requeue=", "TimeLimit=", "Partition=", "NumNodes=", "NumCPUs=", "NumTasks="),
        *("CPUs/Task=", "MinMemoryNode=", "Reservation=", "Comment="),
    ):
        mine, theirs = ((text.partition(f" {name}")[2]).split(" ")[0] for text in shown)
        assert mine == theirs, name
    assert "Requeue=0 " in shown[0]
    assert f"WorkDir={site.root}/out % x " in shown[0]


def test_jobs_are_cancelled_and_unknown_ones_are_no_error(site: Site) -> None:
    running = site.submit("bp-kill-1")
    waiting = str(site.queue.submit(site.request("bp-kill-2", cores=8), SLEEP))
    wait_for_state(site.lab, running, "RUNNING")
    site.queue.cancel([running, waiting, "999999", "12.3"])
    for job in (running, waiting):
        wait_for_state(site.lab, job, "CANCELLED", "COMPLETING")
        wait_for_state(site.lab, job, "CANCELLED")
    assert seen(site, "bp-kill-1").state == "CANCELLED"
    site.queue.cancel([running])


def test_refusals_are_in_the_words_of_slurm(site: Site) -> None:
    for values, said, code in (
        ({"reservation": "nosuch"}, "Requested reservation is invalid", Failure.REJECTED_BY_QUEUE),
        ({"partition": "nosuch"}, "Invalid partition name specified", Failure.REJECTED_BY_QUEUE),
        ({"cores": 1000}, "processors", Failure.REJECTED_BY_QUEUE),
        ({"time_s": 10**8}, "time limit", Failure.REJECTED_BY_QUEUE),
    ):
        with pytest.raises(InfrastructureError, match=said) as caught:
            site.queue.submit(site.request("bp-no-1", **values), SLEEP)
        assert caught.value.code is code


def test_the_reservation_of_another_account_is_refused(site: Site) -> None:
    other = site.lab.plan.accounts[1]
    site.renew(site.lab.token(other))
    with pytest.raises(InfrastructureError, match="Access denied to requested reservation"):
        site.another(user=other).submit(site.request("bp-no-1"), SLEEP)


@pytest.mark.parametrize("whose", ["nobody", "other"])
def test_with_a_wrong_token_nothing_is_submitted_or_believed(site: Site, whose: str) -> None:
    job = site.submit("bp-mine-1")
    site.renew(FORGED if whose == "nobody" else site.lab.token(site.lab.plan.accounts[1]))
    for ask in (
        lambda: site.queue.submit(site.request("bp-wrong-1"), SLEEP),
        lambda: site.queue.jobs(site.lab.user),
        lambda: site.queue.cancel([job]),
    ):
        with pytest.raises(InfrastructureError) as caught:
            ask()
        assert caught.value.code is Failure.NODE_LOST
        assert "token" in caught.value.next_step
        assert site.token_file.read_text().strip() not in str(caught.value)
    site.renew()
    assert "bp-wrong-1" not in site.queue.jobs(site.lab.user)
    assert state_of(site.lab, job) in ("PENDING", "RUNNING")


def test_a_token_that_has_ended_is_named(site: Site) -> None:
    site.renew(site.lab.token(lifespan_s=1))
    time.sleep(2.5)
    with pytest.raises(InfrastructureError, match="The token says that it ended at"):
        site.queue.jobs(site.lab.user)


def test_without_slurmrestd_it_is_certain_that_nothing_was_asked(site: Site) -> None:
    site.queue.jobs(site.lab.user)
    with slurmrestd_down(site.lab):
        for ask in (
            lambda: site.queue.submit(site.request("bp-away-1"), SLEEP),
            lambda: site.queue.jobs(site.lab.user),
        ):
            with pytest.raises(Unreachable, match="refused"):
                ask()
    assert "bp-away-1" not in site.queue.jobs(site.lab.user)


def test_without_slurmctld_it_is_not_known_what_was_done(site: Site) -> None:
    queue = site.another(timeout_s=1.0)
    queue.jobs(site.lab.user)
    with faults.slurmctld_down(site.lab, signal.SIGTERM), slurmrestd_renewed(site.lab):
        with pytest.raises(InfrastructureError, match="not known") as caught:
            queue.submit(site.request("bp-late-1"), SLEEP)
        assert caught.value.code is Failure.NODE_LOST
        assert not isinstance(caught.value, Unreachable)
        with pytest.raises(InfrastructureError):
            queue.jobs(site.lab.user)
    assert isinstance(queue.jobs(site.lab.user), dict)


@contextmanager
def slurmrestd_down(lab: Lab) -> Iterator[None]:
    """Without slurmrestd for as long as the block lasts."""
    end_slurmrestd(lab)
    try:
        yield
    finally:
        daemons.start_slurmrestd(lab)


@contextmanager
def slurmrestd_renewed(lab: Lab) -> Iterator[None]:
    """With another slurmrestd after the block: what this one still tries to do, it does not."""
    try:
        yield
    finally:
        end_slurmrestd(lab)
        daemons.start_slurmrestd(lab)


def end_slurmrestd(lab: Lab) -> None:
    pid = lab.daemon("slurmrestd")
    processes.kill(processes.known([pid] if pid else []))
    until(lambda: not daemons.listens(lab.ports.slurmrestd))  # its threads may outlive the first one


def test_without_accounting_the_queue_is_asked_for_single_jobs(site: Site) -> None:
    job = site.submit("bp-past-1", b"#!/bin/bash\ntrue\n")
    wait_for_state(site.lab, job, "COMPLETED")
    found = site.queue.history(site.lab.user, ["bp-past-1", "bp-nosuch-1"])
    assert not site.queue.accounting
    ((name, (one,)),) = found.items()
    assert (name, str(one.job), one.state) == ("bp-past-1", job, "COMPLETED")


def test_the_accounting_says_how_jobs_ended() -> None:
    plan = Plan(beamtime="11017777", nodes=2, reserved=1, accounting=True)
    with running_lab(plan) as lab, a_site(lab) as site:
        ends = {"bp-good-1": b"true", "bp-bad-1": b"exit 3", "bp-kill-1": b"sleep 60"}
        jobs = {name: site.submit(name, b"#!/bin/bash\n" + text + b"\n") for name, text in ends.items()}
        wait_for_state(lab, jobs["bp-kill-1"], "RUNNING")
        site.queue.cancel([jobs["bp-kill-1"]])
        wanted = {"bp-good-1": "COMPLETED", "bp-bad-1": "FAILED", "bp-kill-1": "CANCELLED"}

        later = site.another()  # it remembers no numbers: what it knows is from the accounting

        def words(queue: Queue) -> dict[str, str]:
            found = queue.history(lab.user, [*wanted, "bp-nosuch-1"])
            return {name: one[-1].state.split()[0] for name, one in found.items()}

        until(lambda: words(site.programs) == words(later) == wanted)
        assert later.accounting
        assert figures(later.history(lab.user, wanted)) == figures(site.programs.history(lab.user, wanted))
        site.renew(FORGED)
        with pytest.raises(InfrastructureError, match="does not accept the token"):
            later.history(lab.user, wanted)


def figures(jobs: Jobs) -> dict[str, list[tuple[int, int | None, int | None]]]:
    return {name: [(one.job, one.cpus, one.used_s) for one in found] for name, found in jobs.items()}


def test_an_attempt_on_the_cluster_by_slurmrestd(site: Site) -> None:
    cluster = site.cluster()
    code = "import os, json; json.dump(dict(os.environ), open('env', 'w'))"
    sleep = "import time; open('up', 'w').close(); time.sleep(60)"
    short, long = site.spec("ab", code), site.spec("cd", sleep)
    natives = {cluster.submit(spec): spec.directory for spec in (short, long)}
    first, second = natives
    try:
        until(lambda: cluster.states(natives)[first] is GONE)
        until(lambda: cluster.states(natives)[second] is RUNNING)
        record = read_exit(short.directory)
        assert record is not None
        assert (record.exit, record.reason) == (0, "")
        assert json.loads((short.directory / "env").read_text())["USER"] == site.lab.user
        later = site.cluster()
        assert (later.find(short), later.submit(long)) == (first, second)
        later.close()
        until((long.directory / "up").exists)
        cluster.cancel(second, long.directory)
        until(lambda: cluster.states(natives)[second] is GONE)
    finally:
        cluster.close()
    no_token(site, [native.split(":")[2] for native in natives])


def no_token(site: Site, jobs: list[str]) -> None:
    """Nothing that was written holds the token: files, what Slurm shows, the script it keeps."""
    secret = site.token_file.read_text().strip().removeprefix("SLURM_JWT=")
    signature = secret.rpartition(".")[2]
    shown = [site.lab.run(["scontrol", "-o", "show", "job", job]).stdout for job in jobs]
    shown += [site.lab.run(["scontrol", "write", "batch_script", job, "-"]).stdout for job in jobs]
    files = [path for path in site.root.rglob("*") if path.is_file() and path != site.token_file]
    assert [path.name for path in files if path.name in ("env", "launch.json")]
    shown += [path.read_text(errors="replace") for path in files]
    shown += [repr(vars(site.queue)), json.dumps(dict(os.environ))]
    assert all(shown[: 2 * len(jobs)])
    assert not [text for text in shown if signature in text]


def test_a_beamtime_that_is_closed_is_not_asked_about(site: Site) -> None:
    site.granted = None
    with pytest.raises(InfrastructureError) as caught:
        site.queue.submit(site.request("bp-closed-1"), SLEEP)
    assert caught.value.code is Failure.BEAMTIME_CLOSED
