"""The cluster protocol on a Slurm that only answers: what is asked, how often, and what follows."""

import dataclasses
import itertools
import stat
import sys
import time
from pathlib import PurePosixPath

import pytest

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.files import read_started
from beampace.cluster.slurm import (
    CommandQueue,
    Completed,
    FixedLayout,
    Grants,
    HeldSettings,
    Layout,
    NodeSide,
    Patience,
    RecordedTransport,
    SlurmCluster,
    SlurmSettings,
)
from beampace.cluster.slurm.gate import NoRoom
from beampace.core.errors import BeampaceError, InfrastructureError
from beampace.core.job import ClusterState, Resources
from beampace.core.ports import ClusterSize, JobSpec
from beampace.core.taxonomy import Failure

QUEUED, RUNNING, GONE = ClusterState.QUEUED, ClusterState.RUNNING, ClusterState.GONE
UNKNOWN = ClusterState.UNKNOWN
FAREWELL_S = 20.0
GRANTED = OnlineResources("bttest04", None, "11010000", "ponline_p11", ("max-p3a016",))


class Slurm:
    """A queue in memory: jobs by number."""

    def __init__(self):
        self.jobs = {}
        self.error = None
        self.say = ""
        self.number = 100

    def __call__(self, argv, stdin):
        if self.error is not None:
            raise self.error
        return getattr(self, argv[0])(argv, stdin)

    def sbatch(self, argv, stdin):
        if self.say:
            return Completed(1, "", f"sbatch: error: Batch job submission failed: {self.say}\n")
        self.number += 1
        name = next(word for word in argv if word.startswith("--comment=")).partition("=")[2]
        self.jobs[self.number] = [name, "PENDING", "None"]
        return Completed(0, f"{self.number}\n", "")

    def squeue(self, argv, stdin):
        lines = [f"{number}|{state}|{why}|9:58|{name}" for number, (name, state, why) in self.jobs.items()]
        return Completed(0, "\n".join(["7|RUNNING|None|9:58|someone else's | job", *lines]), "")

    def sacct(self, argv, stdin):
        return Completed(1, "", "Slurm accounting storage is disabled\n")

    def scancel(self, argv, stdin):
        for number in [int(word) for word in argv[2:] if word.isdigit()]:
            if number in self.jobs:
                self.jobs[number][1] = "CANCELLED"
        return Completed(0, "", "")


class Site:
    def __init__(self, root):
        self.root = root
        self.now = 0.0
        self.most_time_s = 0
        self.granted = GRANTED
        self.slurm = Slurm()
        self.transport = RecordedTransport(self.slurm)
        self.cluster = self.another()
        self.natives = {}

    def another(self, held=None, **settings):
        patience = Patience(stale_s=30, vanished_s=60)
        chosen = SlurmSettings(**{"wait_s": 5.0, "patience": patience, **settings})
        layout = Layout(held or HeldSettings(), ClusterSize(2, 8, 8000), most_time_s=self.most_time_s)
        return SlurmCluster(
            self.root / "cluster",
            CommandQueue(self.transport, log=chosen.job_log),
            Grants(lambda: self.granted, FAREWELL_S, lambda: self.now),
            FixedLayout(layout),
            NodeSide(python="/node/python", program=("/node/env/python",), view=self.view),
            chosen,
            clock=lambda: self.now,
        )

    def view(self, path):
        return PurePosixPath("/node") / path.relative_to(self.root)

    def spec(self, key="ab", attempt=1):
        directory = self.root / "jobs" / f"{key}-{attempt}"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        argv = (sys.executable, "-m", "beampace", "job", str(directory / "order.json"))
        return JobSpec(key, attempt, argv, directory, Resources(2, 1000, 600))

    def submit(self, spec):
        native = self.cluster.submit(spec)
        self.natives[native] = spec.directory
        return native

    def states(self):
        """States after a question that was asked now."""
        self.now += 10
        return self.cluster.states(self.natives)

    def asked(self, program):
        return [argv for argv, _ in self.transport.asked if argv[0] == program]


@pytest.fixture
def site(tmp_path):
    one = Site(tmp_path)
    yield one
    one.cluster.close()


def test_what_a_node_is_told(site):
    spec = site.spec()
    (spec.directory / "order.json").write_text("{}")
    (spec.directory / "order.json").chmod(0o600)
    site.submit(spec)
    (argv, text) = site.transport.asked[-1]
    assert argv[0] == "sbatch"
    assert "--chdir=/node/jobs/ab-1" in argv
    assert "--partition=ponline_p11" in argv
    last = text.decode().splitlines()[-1].split()
    assert last[:4] == ["exec", "/node/python", "-I", "-S"]
    assert last[4].startswith("/node/jobs/launcher-")
    assert last[5] == "/node/jobs/ab-1/launch.json"
    launch = (spec.directory / "launch.json").read_text()
    assert '"/node/env/python", "-m", "beampace", "job", "/node/jobs/ab-1/order.json"' in launch
    assert stat.S_IMODE(spec.directory.stat().st_mode) == 0o1777
    assert {stat.S_IMODE(path.stat().st_mode) for path in spec.directory.glob("*.json")} == {0o644}


def test_one_question_for_all_attempts_however_many(site):
    for number in range(50):
        site.submit(site.spec(f"k{number}"))
    site.transport.asked.clear()
    assert set(site.states().values()) == {QUEUED}
    assert len(site.asked("squeue")) == len(site.transport.asked) == 1


def test_questions_grow_rarer_while_nothing_changes_and_come_at_once_after_a_submit(site):
    native = site.submit(site.spec())
    site.slurm.jobs[101][1] = "RUNNING"
    site.cluster.states(site.natives)
    times = []
    for _ in range(200):
        site.now += 0.1
        before = len(site.asked("squeue"))
        assert site.cluster.states(site.natives)[native] is RUNNING
        times += [site.now] if len(site.asked("squeue")) > before else []
    pauses = [round(b - a) for a, b in itertools.pairwise(times)]
    assert pauses == sorted(pauses)
    assert max(pauses) == 5
    before = len(site.asked("squeue"))
    site.submit(site.spec("cd"))
    site.cluster.states(site.natives)
    assert len(site.asked("squeue")) == before + 1


def test_giving_an_attempt_twice_starts_it_once(site):
    spec = site.spec()
    first = site.submit(spec)
    assert site.submit(spec) == first
    assert site.another().submit(spec) == first
    assert len(site.asked("sbatch")) == 1


def test_a_lost_answer_is_found_by_name(site):
    spec = site.spec()
    site.slurm.error = None
    real = site.slurm.sbatch

    def lost(argv, stdin):
        real(argv, stdin)
        raise InfrastructureError(Failure.NODE_LOST, "The connection broke.")

    site.slurm.sbatch = lost
    with pytest.raises(InfrastructureError):
        site.submit(spec)
    site.now += 10
    native = site.cluster.find(spec)
    assert native is not None
    assert native.split(":")[:3] == ["slurm", "bttest04", "101"]


def test_what_was_never_submitted_is_not_asked_about(site):
    assert site.cluster.find(site.spec()) is None
    assert site.transport.asked == []


def test_what_the_queue_does_not_know_is_withdrawn_and_can_be_given_again(site):
    spec = site.spec()
    site.slurm.error = InfrastructureError(Failure.NODE_LOST, "The connection broke.")
    with pytest.raises(InfrastructureError):
        site.submit(spec)
    site.slurm.error = None
    site.now += 10
    assert site.cluster.find(spec) is None
    assert (spec.directory / "pid.json").samefile(spec.directory / "launch.json")
    site.submit(spec)
    assert not (spec.directory / "pid.json").exists()


def test_a_refused_attempt_can_never_begin(site):
    spec = site.spec()
    site.slurm.say = "Invalid partition name specified"
    with pytest.raises(InfrastructureError) as caught:
        site.submit(spec)
    assert caught.value.code is Failure.REJECTED_BY_QUEUE
    assert (spec.directory / "pid.json").exists()


def test_a_refusal_is_remembered_for_longer_each_time(site):
    site.slurm.say = "Requested reservation is invalid"
    for step in range(600):
        with pytest.raises(InfrastructureError):
            site.submit(site.spec(f"k{step}"))
        site.now += 0.5
    assert 5 <= len(site.asked("sbatch")) <= 10


def test_a_failed_poll_changes_nothing_and_the_next_good_one_does(site):
    native = site.submit(site.spec())
    site.states()
    site.slurm.error = InfrastructureError(Failure.NODE_LOST, "Nobody answers.")
    with pytest.raises(InfrastructureError):
        site.states()
    site.slurm.error = None
    site.slurm.jobs[101][1] = "RUNNING"
    assert site.states()[native] is RUNNING


def test_an_answer_that_does_not_come_makes_states_unknown_and_holds_up_nobody(site):
    site.cluster.close()
    site.cluster = site.another(wait_s=0.01)
    native = site.submit(site.spec())
    deadline = time.monotonic() + 20
    while site.cluster.states(site.natives)[native] is not QUEUED:
        assert time.monotonic() < deadline
        site.now += 1.0
    go = []

    def slow(argv, stdin):
        while not go and time.monotonic() < deadline:
            time.sleep(0.01)
        return Completed(0, "", "")

    site.slurm.squeue = slow
    site.now += 10
    began = time.monotonic()
    assert site.cluster.states(site.natives)[native] is QUEUED
    site.now += 31
    assert site.cluster.states(site.natives)[native] is UNKNOWN
    go.append(True)
    assert time.monotonic() - began < 5


def test_vanished_attempts_are_unknown_then_gone(site):
    native = site.submit(site.spec())
    site.slurm.jobs.clear()
    seen = [site.states()[native] for _ in range(9)]
    assert seen == [UNKNOWN] * 6 + [GONE] * 3
    assert site.cluster.ending(native).code is Failure.NODE_LOST
    assert len(site.asked("sacct")) == 1  # it said that there is no accounting


def test_the_accounting_says_how_it_ended(site):
    native = site.submit(site.spec())
    ((name, _, _),) = site.slurm.jobs.values()
    site.slurm.jobs.clear()
    site.slurm.sacct = lambda argv, stdin: Completed(0, f"101|OUT_OF_MEMORY|{name}\n", "")
    assert [site.states()[native] for _ in range(2)] == [UNKNOWN, GONE]
    assert site.cluster.ending(native).code is Failure.OUT_OF_MEMORY


def test_the_completion_log_does_where_there_is_no_accounting(site):
    site.cluster.close()
    site.cluster = site.another(job_log="/var/log/jobcomp.txt")
    native = site.submit(site.spec())
    ((name, _, _),) = site.slurm.jobs.values()
    site.slurm.jobs.clear()
    line = f"JobId=101 UserId=a(1) GroupId=a(1) Name={name} JobState=TIMEOUT Partition=p\n"
    site.slurm.tail = lambda argv, stdin: Completed(0, line, "")
    assert [site.states()[native] for _ in range(2)] == [UNKNOWN, GONE]
    assert site.cluster.ending(native).code is Failure.TIMED_OUT


def test_the_exit_record_is_enough_without_any_answer(site):
    spec = site.spec()
    native = site.submit(spec)
    (spec.directory / "exit.json").write_text("{}")
    assert site.states()[native] is GONE


def test_a_cancelled_attempt_is_gone_when_the_queue_says_so(site):
    spec = site.spec()
    native = site.submit(spec)
    site.states()
    site.slurm.scancel = lambda argv, stdin: Completed(0, "", "")  # it says nothing, whatever it did
    site.cluster.cancel(native, spec.directory)
    assert (spec.directory / "cancel").exists()
    assert [site.states()[native] for _ in range(3)] == [QUEUED] * 3
    assert 2 <= len(site.asked("scancel")) <= 3
    site.slurm.jobs[101][1] = "CANCELLED"
    assert site.states()[native] is GONE


def test_a_job_without_reservation_is_cancelled_and_its_reason_kept(site):
    native = site.submit(site.spec())
    site.slurm.jobs[101][1:] = ["RESV_DEL_HOLD", "Reservation bt04 was deleted"]
    assert site.states()[native] is QUEUED
    assert "reservation" in site.cluster.waiting(native)
    assert site.states()[native] is GONE
    assert site.asked("scancel") == [("scancel", "--quiet", "101")]
    assert site.cluster.ending(native).code is Failure.BEAMTIME_CLOSED


def test_without_online_resources_nothing_is_asked_and_the_rest_is_closed_after_a_while(site):
    native = site.submit(site.spec())
    site.states()
    site.transport.asked.clear()
    site.granted = None
    with pytest.raises(BeampaceError) as caught:
        site.submit(site.spec("cd"))
    assert caught.value.code is Failure.BEAMTIME_CLOSED
    site.slurm.error = InfrastructureError(Failure.NODE_LOST, "The account is locked.")
    site.now += FAREWELL_S
    site.transport.asked.clear()
    assert site.states()[native] is UNKNOWN
    assert site.cluster.ending(native) is None
    site.now += 60
    assert site.states()[native] is GONE
    assert site.cluster.ending(native).code is Failure.BEAMTIME_CLOSED
    assert site.transport.asked == []
    assert site.transport.closed >= 1


def test_attempts_of_another_account_are_not_asked_about(site):
    native = site.submit(site.spec())
    site.granted = OnlineResources("bttest05", None, "11010001", "ponline_p11", ("max-p3a018",))
    assert site.states()[native] is UNKNOWN
    site.now += 60
    assert site.states()[native] is GONE


def hold(site, **values):
    """The site's cluster with one allocation of four cores, which runs."""
    site.cluster.close()
    site.slurm.srun, site.steps = [], {}
    setattr(site.slurm, "/bin/sh", lambda argv, stdin: site.slurm.srun.append(argv) or Completed(0, "", ""))
    plain = site.slurm.squeue

    def squeue(argv, stdin):
        lines = [f"{job}.{step}|{name}" for (job, step), name in site.steps.items()]
        return Completed(0, "\n".join(lines), "") if "--steps" in argv else plain(argv, stdin)

    site.slurm.squeue = squeue
    values = {"allocations": 1, "cores": 4, "memory_mb": 4000, "time_s": 500, "renew_s": 60, **values}
    site.cluster = site.another(HeldSettings(**values))
    site.states()
    site.slurm.jobs[101][1] = "RUNNING"
    site.now += 10
    site.cluster.states({})


def test_urgent_attempts_become_steps_and_others_jobs(site):
    hold(site)
    site.submit(site.spec("full"))
    spec = dataclasses.replace(site.spec("fast"), urgent=True, resources=Resources(3, 1000, 100))
    native = site.submit(spec)
    assert len(site.asked("sbatch")) == 2  # the allocation, and the job
    (argv,) = site.slurm.srun
    assert argv[argv.index("srun") + 1 :][:2] == ("--jobid=101", "--overlap")
    assert argv[-1] == "/node/jobs/fast-1/launch.json"
    site.steps[101, 3] = native.split(":")[3]
    assert site.states()[native] is RUNNING
    again = dataclasses.replace(site.spec("next"), urgent=True, resources=Resources(3, 1000, 100))
    site.submit(again)
    assert len(site.asked("sbatch")) == 3  # no room: a job


def test_a_step_is_told_to_end_and_its_allocation_stays(site):
    hold(site)
    spec = dataclasses.replace(site.spec("fast"), urgent=True, resources=Resources(3, 1000, 100))
    native = site.submit(spec)
    site.steps[101, 3] = native.split(":")[3]
    site.states()
    site.cluster.cancel(native, spec.directory)
    for _ in range(3):
        site.states()
    first, *later = site.asked("scancel")
    assert first == ("scancel", "--quiet", "--signal=TERM", "101.3")
    assert set(later) == {("scancel", "--quiet", "101.3")}


def test_a_step_that_is_lost_is_gone_soon(site):
    hold(site)
    native = site.submit(dataclasses.replace(site.spec("fast"), urgent=True, resources=Resources(3, 9, 9)))
    site.steps[101, 3] = native.split(":")[3]
    assert site.states()[native] is RUNNING
    site.steps.clear()
    assert [site.states()[native] for _ in range(2)] == [UNKNOWN, GONE]
    assert site.cluster._held.room(Resources(4, 9, 9)) == 101


def test_a_predecessors_steps_count(site):
    hold(site)
    native = site.submit(dataclasses.replace(site.spec("fast"), urgent=True, resources=Resources(3, 9, 9)))
    site.steps[101, 3] = native.split(":")[3]
    site.cluster.close()
    site.cluster = site.another(site.cluster._held.settings)
    assert site.states()[native] is RUNNING
    assert site.cluster._held.room(Resources(2, 9, 9)) is None
    assert site.cluster._held.room(Resources(1, 9, 9)) == 101
    assert len(site.asked("sbatch")) == 1


def test_where_nodes_are_not_shared_all_attempts_wait_for_room(site):
    hold(site, everything=True)
    native = site.submit(site.spec("a"))
    site.submit(site.spec("b"))
    with pytest.raises(InfrastructureError, match="room"):
        site.submit(site.spec("c"))
    assert site.cluster.find(site.spec("c")) is None
    (site.natives[native] / "exit.json").write_text("{}")
    site.states()
    site.submit(site.spec("c"))
    assert len(site.slurm.srun) == 3


def test_a_refused_allocation_is_asked_for_ever_less_often_but_again(site):
    hold(site)
    site.slurm.jobs.clear()
    site.slurm.say = "Requested reservation is invalid"
    before = len(site.asked("sbatch"))
    for _ in range(3000):
        site.now += 0.2
        site.cluster.states({})
    assert 8 <= len(site.asked("sbatch")) - before <= 20
    site.slurm.say = ""
    for _ in range(400):
        site.now += 0.2
        site.cluster.states({})
    assert len(site.slurm.jobs) == 1


def test_while_no_further_allocation_is_given_steps_go_on_in_those_that_are_held(site):
    hold(site, allocations=2, everything=True)
    site.slurm.say = "Requested node configuration is not available"
    before, taken = len(site.asked("sbatch")), 0
    wish = Resources(1, 9, 9)
    for number in range(300):
        site.now += 0.2
        site.cluster.states(site.natives)
        if number % 10 == 0:
            assert site.cluster.fitting(wish, 1, urgent=False) == 1
            native = site.submit(dataclasses.replace(site.spec(f"s{number}"), resources=wish))
            (site.natives[native] / "exit.json").write_text("{}")
            taken += 1
    assert taken == len(site.slurm.srun) == 30
    assert len(site.asked("sbatch")) - before <= 6  # and steps do not hurry the next question


def test_what_is_held_is_given_back(site):
    hold(site)
    site.cluster.release()
    assert site.asked("scancel")[-1] == ("scancel", "--quiet", "101")


def test_what_is_held_is_given_back_until_it_is_gone(site):
    """After the stop the first try may be in vain: sshd was away, or Slurm did not answer."""
    hold(site)
    site.granted = None
    site.slurm.error = InfrastructureError(Failure.NODE_LOST, "No answer.")
    with pytest.raises(InfrastructureError):
        site.cluster.release()
    site.slurm.error = None
    site.now += 1
    site.cluster.states({})
    assert ("scancel", "--quiet", "101") in site.asked("scancel")
    for _ in range(20):
        site.now += 0.1
        site.cluster.states({})
    assert site.asked("scancel").count(("scancel", "--quiet", "101")) <= 2


def test_an_allocation_that_would_never_start_is_cancelled_and_another_asked_for(site):
    hold(site)
    site.slurm.jobs[101][1:] = ["RESV_DEL_HOLD", "Reservation 11010000 was deleted"]
    for _ in range(4):
        site.states()
    assert ("scancel", "--quiet", "101") in site.asked("scancel")
    assert site.slurm.jobs[102][1] == "PENDING"


def test_a_step_ends_with_its_allocation_at_once_and_for_its_reason(site):
    hold(site)
    native = site.submit(dataclasses.replace(site.spec("fast"), urgent=True, resources=Resources(3, 9, 9)))
    site.slurm.jobs[101][1] = "NODE_FAIL"  # before the step was ever listed
    assert site.states()[native] is GONE
    assert site.cluster.ending(native).code is Failure.NODE_LOST
    assert site.cluster.ending(native).words == "Its node failed."


def test_a_step_is_at_home_for_the_next_daemon_too(site):
    hold(site)
    native = site.submit(dataclasses.replace(site.spec("fast"), urgent=True, resources=Resources(3, 9, 9)))
    site.cluster.close()
    site.cluster = site.another(site.cluster._held.settings)
    site.slurm.jobs[101][1] = "TIMEOUT"
    assert site.states()[native] is GONE
    assert site.cluster.ending(native).code is Failure.PREEMPTED
    assert "reservation" in site.cluster.ending(native).words


def test_what_is_gone_can_never_begin(site):
    """A step may be created a minute later, when nobody waits for it any more."""
    hold(site)
    native = site.submit(dataclasses.replace(site.spec("fast"), urgent=True, resources=Resources(3, 9, 9)))
    site.slurm.jobs[101][1] = "NODE_FAIL"
    assert not (site.natives[native] / "pid.json").exists()
    assert site.states()[native] is GONE
    assert read_started(site.natives[native]).pid == 0


def test_a_step_the_controller_has_forgotten_lives_by_its_heartbeat(site):
    hold(site)
    native = site.submit(dataclasses.replace(site.spec("fast"), urgent=True, resources=Resources(3, 9, 9)))
    site.steps[101, 3] = native.split(":")[3]
    assert site.states()[native] is RUNNING
    site.steps.clear()
    (site.natives[native] / "pid.json").write_text('{"pid": 5}')
    for beat in range(10):
        (site.natives[native] / "heartbeat.json").write_text(str(beat))
        assert site.states()[native] is UNKNOWN
    assert [site.states()[native] for _ in range(2)][-1] is GONE


def test_as_long_as_the_site_is_not_known_nothing_is_given(site):
    """A job of its own would take a whole node, where each node is held."""

    class Unknown(FixedLayout):
        def look(self, granted):
            return None

    site.cluster._layouts = Unknown(Layout(HeldSettings(), ClusterSize(2, 8, 8000)))
    with pytest.raises(NoRoom, match="how the site is used"):
        site.submit(site.spec())
    assert site.asked("sbatch") == []


def test_the_number_of_a_job_that_was_forgotten_and_given_to_another_is_not_cancelled(site):
    """As after a crash of the controller."""
    first, second = site.spec("a"), site.spec("b")
    lost = site.submit(first)
    site.slurm.jobs.clear()
    site.slurm.number = 100
    other = site.submit(second)
    assert lost.split(":")[2] == other.split(":")[2]
    site.states()
    site.cluster.cancel(lost, first.directory)
    for _ in range(3):
        site.states()
    assert site.asked("scancel") == []
    assert site.states()[other] is QUEUED


@pytest.mark.parametrize("text", ["", "local:ab-1", "slurm:a:b:c", "slurm:1:2", "slurm:a:１:c"])
def test_ids_that_are_not_ours_are_unknown(site, text):
    assert site.cluster.states({text: site.root})[text] is UNKNOWN
    assert site.cluster.ending(text) is None


def test_resources_that_are_lost_for_a_moment_cost_nothing(site):
    hold(site, everything=True)
    native = site.submit(site.spec("a"))
    site.steps[101, 3] = native.split(":")[3]
    assert site.states()[native] is RUNNING
    site.granted = None  # somebody edits the metadata: the beamtime goes on
    site.cluster.states(site.natives)
    assert site.asked("scancel") == []
    site.granted = GRANTED
    assert site.states()[native] is RUNNING
    site.granted = None
    site.cluster.release()  # this is the stop
    site.states()
    assert ("scancel", "--quiet", "101") in site.asked("scancel")


def test_an_attempt_nobody_can_ask_about_is_ended_before_it_counts_as_gone(site):
    spec = site.spec()
    native = site.submit(spec)
    site.states()
    site.granted = None
    site.now += 100
    site.states()
    site.now += 100
    assert site.states()[native] is GONE
    assert (spec.directory / "cancel").exists()  # its launcher ends, if the account comes back
    assert (spec.directory / "pid.json").exists()  # and one that has not begun never does
