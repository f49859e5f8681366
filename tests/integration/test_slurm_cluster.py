"""The cluster protocol on a real Slurm, through ssh as the beamtime user."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.files import read_exit
from beampace.cluster.slurm import (
    CommandQueue,
    FixedLayout,
    Grants,
    HeldSettings,
    Layout,
    NodeSide,
    Patience,
    SlurmCluster,
    SlurmSettings,
    SshSettings,
    SshTransport,
    Unreachable,
)
from beampace.core.errors import BeampaceError, InfrastructureError
from beampace.core.job import ClusterState, Resources
from beampace.core.ports import ClusterSize, JobSpec
from beampace.core.taxonomy import Failure
from tests.support.slurm_lab import GROUP, slurm_lab
from tools.lab import faults
from tools.lab.lab import Lab
from tools.lab.plan import EXCLUSIVE, SHARED

pytestmark = pytest.mark.xdist_group(GROUP)
__all__ = ["slurm_lab"]

PYTHON = "/usr/bin/python3"
"""An interpreter that every account may use."""
QUEUED, RUNNING, GONE = ClusterState.QUEUED, ClusterState.RUNNING, ClusterState.GONE
PATIENCE_S = 60.0


class Site:
    """A laboratory with a cluster of ours, and what the beamtime grants at this moment."""

    def __init__(self, lab: Lab, root: Path) -> None:
        self.lab = lab
        self.root = root
        self.granted: OnlineResources | None = OnlineResources(
            lab.user, lab.key(lab.user), lab.reservation, SHARED, (f"{lab.ssh_host}:{lab.ssh_port}",)
        )
        self.grants = Grants(lambda: self.granted, farewell_s=0.0)
        self.transport = SshTransport(self.grants.lasting, SshSettings(lab.known_hosts))
        self.cluster = self.another()
        self.natives: dict[str, Path] = {}

    def another(self, held: HeldSettings | None = None) -> SlurmCluster:
        """A cluster as a daemon that is started again makes it."""
        settings = SlurmSettings(
            poll_s=0.2,
            quiet_s=0.5,
            closed_s=1.0,
            answer_s=2.0,
            cancel_again_s=2.0,
            patience=Patience(vanished_s=1.0),
        )
        node = NodeSide(python=PYTHON, program=(PYTHON,))
        layout = FixedLayout(Layout(held or HeldSettings(), ClusterSize(3, 8, 14000)))
        queue = CommandQueue(self.transport, answer_s=settings.answer_s)
        return SlurmCluster(self.root / "cluster", queue, self.grants, layout, node, settings)

    def spec(self, key: str, code: str = "pass", **limits: int) -> JobSpec:
        directory = self.root / "jobs" / f"{key}-1"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        asked = Resources(**{"cores": 1, "memory_mb": 200, "time_s": 60, **limits})
        return JobSpec(key, 1, (sys.executable, "-c", code), directory, asked)

    def submit(self, spec: JobSpec) -> str:
        native = self.cluster.submit(spec)
        self.natives[native] = spec.directory
        return native

    def state(self, native: str) -> ClusterState:
        try:
            return self.cluster.states(self.natives)[native]
        except InfrastructureError:
            return ClusterState.UNKNOWN

    def until(self, native: str, *wanted: ClusterState) -> ClusterState:
        return until(lambda: state if (state := self.state(native)) in wanted else None)


def until(look: Callable[[], object]) -> object:
    """What `look` gives, once it gives something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


@pytest.fixture
def site(slurm_lab: Lab) -> Iterator[Site]:
    root = Path(tempfile.mkdtemp(prefix="bp it's; $(x) %j ", dir="/tmp"))
    root.chmod(0o755)
    site = Site(slurm_lab, root)
    try:
        yield site
    finally:
        slurm_lab.run(["scancel", "--quiet", f"--user={slurm_lab.user}"], check=False)
        site.cluster.close()
        shutil.rmtree(root)


ONCE = "import os; open('runs', 'a').write(os.environ['SLURM_JOB_ID'] + '\\n')"
SLEEP = "import time; open('up', 'w').close(); time.sleep(60)"


def runs(spec: JobSpec) -> list[str]:
    return (spec.directory / "runs").read_text().split()


def test_a_job_runs_as_the_beamtime_user_and_leaves_its_files(site: Site) -> None:
    code = "import os, getpass; open('mine', 'w').write(getpass.getuser() + os.environ['SLURM_JOB_ID'])"
    spec = site.spec("ab", code)
    native = site.submit(spec)
    site.until(native, GONE)
    record = read_exit(spec.directory)
    assert record is not None
    assert (record.exit, record.reason) == (0, "")
    number = native.split(":")[2]
    assert (spec.directory / "mine").read_text() == site.lab.user + number
    shown = site.lab.run(["scontrol", "-o", "show", "job", number]).stdout
    assert "Comment=bp-ab-1-" in shown
    assert "Requeue=0" in shown
    assert f"Reservation={site.lab.reservation} " in shown
    secret = site.lab.key(site.lab.user).read_text().split()[5]
    written = [path.read_text(errors="replace") for path in site.root.rglob("*") if path.is_file()]
    assert written
    assert not [text for text in [*written, shown] if secret in text]


def test_a_job_whose_number_was_lost_is_found_by_its_name_and_runs_once(site: Site) -> None:
    spec = site.spec("cd", ONCE)
    assert site.cluster.find(spec) is None
    native = site.submit(spec)
    later = site.another()
    assert later.find(spec) == native
    assert later.submit(spec) == native
    later._poller.close()
    site.until(native, GONE)
    assert site.cluster.find(spec) == native
    assert runs(spec) == [native.split(":")[2]]


def test_of_two_jobs_of_one_attempt_one_runs_and_both_are_awaited(site: Site) -> None:
    spec = site.spec("ef", ONCE + "; import time; time.sleep(3)")
    real = site.transport.run
    doubled = False

    def twice(argv, stdin=b"", deadline_s=15.0):
        nonlocal doubled
        if argv[0] == "sbatch" and not doubled:
            doubled = True
            real(argv, stdin, deadline_s)
        return real(argv, stdin, deadline_s)

    site.transport.run = twice
    native = site.submit(spec)
    site.until(native, RUNNING)
    site.until(native, GONE)
    assert len(runs(spec)) == 1
    assert read_exit(spec.directory) is not None


def test_an_attempt_that_was_given_up_never_begins(site: Site) -> None:
    spec = site.spec("gh", ONCE)
    real, held = site.transport.run, []

    def late(argv, stdin=b"", deadline_s=15.0):
        if argv[0] != "sbatch":
            return real(argv, stdin, deadline_s)
        held.append((argv, stdin))
        raise InfrastructureError(Failure.NODE_LOST, "The connection broke.")

    site.transport.run = late
    with pytest.raises(InfrastructureError):
        site.submit(spec)
    with pytest.raises(InfrastructureError, match="just now"):
        site.cluster.find(spec)
    site.cluster = site.another()  # or a little later
    assert site.cluster.find(spec) is None
    done = real(*held[0])
    number = done.stdout.strip()
    until(lambda: "JobState=COMPLETED" in site.lab.run(["scontrol", "show", "job", number]).stdout)
    assert not (spec.directory / "runs").exists()
    site.transport.run = real
    native = site.submit(site.spec("gh", ONCE))  # the same attempt, given again, is the job that came late
    assert native.split(":")[2] == number


def test_cancelled_by_us_and_behind_our_back(site: Site) -> None:
    running, foreign, queued = (site.spec(key, SLEEP) for key in ("ij", "kl", "mn"))
    ids = [site.submit(running), site.submit(foreign)]
    until((running.directory / "up").exists)
    until((foreign.directory / "up").exists)
    site.granted = OnlineResources(site.lab.user, site.granted.key, "", SHARED, site.granted.nodes)
    late = ("--begin=now+1hour",)
    other = site.another()
    other._giver.settings = SlurmSettings(sbatch=late)
    ids.append(other.submit(queued))
    site.natives[ids[2]] = queued.directory
    site.until(ids[2], QUEUED)
    site.cluster.cancel(ids[0], running.directory)
    site.cluster.cancel(ids[2], queued.directory)
    site.lab.run(["scancel", ids[1].split(":")[2]])
    for native in ids:
        site.until(native, GONE)
    for native in ids:
        until(lambda native=native: site.state(native) and site.cluster.ending(native))
        assert site.cluster.ending(native).code is Failure.CANCELLED
    other._poller.close()
    assert read_exit(queued.directory) is None


@pytest.mark.parametrize("partition", [SHARED, EXCLUSIVE])
def test_urgent_attempts_are_steps_of_a_held_allocation(site: Site, partition: str) -> None:
    site.granted = OnlineResources(
        site.lab.user, site.granted.key, site.lab.reservation, partition, site.granted.nodes
    )
    site.cluster.close()
    site.cluster = site.another(HeldSettings(allocations=1, cores=2, memory_mb=1000, time_s=3600))
    until(lambda: site.cluster.states({}) or site.cluster._held.room(Resources(1, 200, 60)))
    (held,) = site.lab.queue()
    specs = [urgent(site, key, ONCE + "; " + SLEEP) for key in ("s1", "s2")]
    ids = [site.submit(spec) for spec in specs]
    assert site.cluster._held.room(specs[0].resources) is None
    for native, spec in zip(ids, specs, strict=True):
        site.until(native, RUNNING)
        until((spec.directory / "up").exists)
        assert runs(spec) == [held]
    site.cluster.cancel(ids[0], specs[0].directory)
    site.until(ids[0], GONE)
    assert read_exit(specs[0].directory).reason == "cancelled"
    assert site.state(ids[1]) is RUNNING
    assert list(site.lab.queue()) == [held]
    assert site.cluster._held.room(specs[0].resources) == int(held)
    later = site.another(site.cluster._held.settings)  # a daemon that starts again takes over what is held
    until(lambda: later.states({}) or later._held._known)
    assert later.find(specs[1]) == ids[1]
    assert list(later._held._known) == [int(held)]
    later.release()
    later._poller.close()
    site.until(ids[1], GONE)


def urgent(site: Site, key: str, code: str) -> JobSpec:
    return dataclasses.replace(site.spec(key, code), urgent=True)


def test_limits_are_ended_by_the_launcher_with_their_reason(site: Site) -> None:
    hungry = "import time; x = b'x' * 400_000_000; time.sleep(60)"
    memory = site.spec("op", hungry, memory_mb=150)
    slow = site.spec("qr", "import time; time.sleep(60)", time_s=1)
    ids = [site.submit(memory), site.submit(slow)]
    for native in ids:
        site.until(native, GONE)
    records = [read_exit(spec.directory) for spec in (memory, slow)]
    assert [record and record.reason for record in records] == ["out_of_memory", "timed_out"]


def test_a_reservation_that_changed_its_name_is_read_anew_and_a_wrong_one_is_not_stormed(site: Site) -> None:
    good = site.granted
    old = OnlineResources(good.account, good.key, "old-name", good.partition, good.nodes)
    answers = [old, good]
    site.grants.source = lambda: answers.pop(0) if len(answers) > 1 else answers[0]
    native = site.submit(site.spec("st"))
    site.grants.source = lambda: old
    asked = []
    real = site.transport.run
    site.transport.run = lambda argv, *rest: asked.append(argv[0]) or real(argv, *rest)
    for key in ("uv", "wx", "yz"):
        with pytest.raises(InfrastructureError) as caught:
            site.submit(site.spec(key))
        assert caught.value.code is Failure.REJECTED_BY_QUEUE
        assert "reservation" in caught.value.words
    assert asked.count("sbatch") <= 1
    site.grants.source = lambda: good
    site.until(native, GONE)


def test_outside_a_beamtime_nothing_is_asked_and_what_is_left_is_closed(site: Site) -> None:
    spec = site.spec("zz", SLEEP)
    native = site.submit(spec)
    site.granted = None
    with pytest.raises(BeampaceError) as caught:
        site.submit(site.spec("zy"))
    assert caught.value.code is Failure.BEAMTIME_CLOSED
    assert site.state(native) is ClusterState.UNKNOWN
    site.until(native, GONE)
    assert site.cluster.ending(native).code is Failure.BEAMTIME_CLOSED


def test_a_controller_that_is_away_changes_nothing(site: Site) -> None:
    spec = site.spec("ca", SLEEP)
    native = site.submit(spec)
    site.until(native, RUNNING)
    seen = set()
    with faults.slurmctld_down(site.lab, signal.SIGTERM), pytest.raises(InfrastructureError):
        until(lambda: seen.add(site.cluster.states(site.natives)[native]))
    assert GONE not in seen
    site.until(native, RUNNING)
    site.cluster.cancel(native, spec.directory)
    site.until(native, GONE)


def test_a_gateway_that_is_away_is_reached_again(site: Site) -> None:
    site.granted = OnlineResources(
        site.granted.account,
        site.granted.key,
        site.granted.reservation,
        site.granted.partition,
        ("127.0.0.1:1", *site.granted.nodes),  # the first one does not answer
    )
    assert site.transport.run(["true"]).exit == 0
    assert site.transport.gateway == site.granted.nodes[1]
    with faults.sshd_down(site.lab):
        with pytest.raises(InfrastructureError) as caught:
            site.transport.run(["true"], b"", 3.0)
        assert caught.value.code is Failure.NODE_LOST
    assert until(lambda: reached(site.transport))


def reached(transport: SshTransport) -> bool:
    try:
        return transport.run(["true"]).exit == 0
    except InfrastructureError:
        return False


def test_a_foreign_host_key_and_an_open_private_key_are_refused(site: Site, tmp_path: Path) -> None:
    wrong = tmp_path / "known_hosts"
    public = (site.lab.place.ssh / f"id_{site.lab.user}.pub").read_text().split()
    wrong.write_text(f"[{site.lab.ssh_host}]:{site.lab.ssh_port} {public[0]} {public[1]}\n")
    copy = tmp_path / "key"
    copy.write_bytes(site.lab.key(site.lab.user).read_bytes())
    copy.chmod(0o644)
    for settings, word in (
        (SshSettings(wrong), "host key"),
        (SshSettings(site.lab.known_hosts, key=copy), "read by others"),
        (SshSettings(site.lab.known_hosts, key=site.lab.key("bttest05")), "does not let"),
    ):
        transport = SshTransport(lambda: site.granted, settings)
        with pytest.raises(Unreachable) as caught:
            transport.run(["true"])
        transport.close()
        assert word in caught.value.words
        assert copy.read_text().split()[5] not in str(caught.value)
    allowed = SshTransport(
        lambda: site.granted, SshSettings(site.lab.known_hosts, key=copy, allow_open_key=True)
    )
    assert allowed.run(["id", "-un"]).stdout.strip() == site.lab.user
    allowed.close()
