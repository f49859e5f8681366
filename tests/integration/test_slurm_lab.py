"""The Slurm laboratory itself: what other tests take for granted when they use it."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.slurm_lab import GROUP, REPOSITORY, running_lab, slurm_lab, state_of, wait_for_state
from tools.lab import accounts, configuration, daemons, faults, processes, running
from tools.lab.interpreter import shared_python
from tools.lab.lab import Lab, opened
from tools.lab.plan import Plan
from tools.lab.processes import LabError, until

__all__ = ["slurm_lab"]
pytestmark = [pytest.mark.xdist_group(GROUP), pytest.mark.timeout(120)]
SMALL = Plan(beamtime="11018888", nodes=2, reserved=1, rest=False)
COMMAND = [sys.executable, "-m", "tools.lab"]


def by_ssh(
    lab: Lab, *words: str, text: str = "", user: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*lab.ssh(user), *words], input=text, text=True, capture_output=True, check=False, timeout=60
    )


def submit(lab: Lab, script: str, *words: str, user: str | None = None) -> subprocess.CompletedProcess[str]:
    options = [f"--partition={lab.partition}", "--time=5", "--output=/dev/null", *words]
    return by_ssh(lab, "sbatch", "--parsable", *options, text=f"#!/bin/sh\n{script}\n", user=user)


def submitted(lab: Lab, script: str, *words: str) -> str:
    done = submit(lab, script, f"--reservation={lab.reservation}", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def of_lab(root: Path) -> set[int]:
    """Processes by three independent signs: the mark, open logs, a command line that names the directory."""
    named = {
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(root).encode() in _bytes(path) and b"tools.lab" not in _bytes(path)
    }
    logs = {pid for path in (root / "log").glob("*") for pid in processes.holding(path)}
    return (named | logs | processes.carrying(configuration.MARK, str(root))) - processes.own_line()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.fixture
def whole(slurm_lab: Lab) -> Iterator[Lab]:
    """The laboratory, without jobs before and after."""
    yield slurm_lab
    slurm_lab.run(["scancel", "--state=PENDING"])
    slurm_lab.run(["scancel", "--state=RUNNING"])
    until(lambda: not slurm_lab.queue(), "the queue is empty")


def test_a_job_by_ssh_runs_as_the_account_and_writes_through_the_node_view(whole: Lab) -> None:
    place = whole.place.node_view / "processed"
    script = (
        f"cd {place} && id -un >who && echo $SLURMD_NODENAME $SLURM_JOB_RESERVATION >where && pwd -P >true"
    )
    job = submitted(whole, script)
    assert wait_for_state(whole, job, "COMPLETED", "FAILED") == "COMPLETED"
    here = whole.metadata.parent / "processed"
    assert (here / "who").read_text() == f"{whole.user}\n"
    node, reservation = (here / "where").read_text().split()
    assert node in whole.plan.reserved_nodes
    assert reservation == json.loads(whole.metadata.read_text())["onlineAnalysis"]["slurmReservation"]
    assert (here / "who").stat().st_uid == pwd.getpwnam(whole.user).pw_uid
    assert (here / "true").read_text().strip() == str((whole.place.current / "processed").resolve())


def test_the_reservation_keeps_others_out_and_its_own_in(whole: Lab) -> None:
    other = whole.plan.accounts[1]
    refused = submit(whole, "true", f"--reservation={whole.reservation}", user=other)
    assert refused.returncode == 1
    assert "Access denied to requested reservation" in refused.stderr
    unknown = submit(whole, "true", "--reservation=nosuch")
    assert "Requested reservation is invalid" in unknown.stderr
    reserved = submit(
        whole, "sleep 60", f"--nodelist={whole.plan.reserved_nodes[0]}", user=other
    ).stdout.strip()
    free = submit(whole, "sleep 60", f"--nodelist={whole.plan.node_names[-1]}", user=other).stdout.strip()
    wait_for_state(whole, free, "RUNNING")
    assert state_of(whole, reserved) == "PENDING"
    until(lambda: "ReqNodeNotAvail" in _reason(whole, reserved), "the reason is given")
    wait_for_state(whole, submitted(whole, "true"), "COMPLETED")


def _reason(lab: Lab, job: str) -> str:
    return lab.run(["squeue", "-h", "-j", job, "-o", "%r"]).stdout


def test_the_exclusive_partition_gives_a_node_to_one_job_and_the_shared_one_to_several(whole: Lab) -> None:
    node = f"--nodelist={whole.plan.reserved_nodes[1]}"
    alone = [submitted(whole, "sleep 60", node, "--cpus-per-task=1") for _ in range(2)]
    wait_for_state(whole, alone[0], "RUNNING")
    until(lambda: _reason(whole, alone[1]).strip() == "Resources", "the second waits for the node")
    whole.run(["scancel", *alone])
    wait_for_state(whole, alone[0], "CANCELLED")
    partition = "--partition=pshared_p11"
    both = [submitted(whole, "sleep 60", node, "--cpus-per-task=1", partition) for _ in range(2)]
    assert [wait_for_state(whole, job, "RUNNING") for job in both] == ["RUNNING", "RUNNING"]


def test_an_unknown_host_key_or_account_is_not_let_in(whole: Lab, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    empty.touch()
    words = [word.replace(str(whole.known_hosts), str(empty)) for word in whole.ssh()]
    assert subprocess.run([*words, "true"], check=False, capture_output=True, timeout=60).returncode == 255
    wrong = [word.replace(str(whole.key(whole.user)), str(whole.key("bttest05"))) for word in whole.ssh()]
    assert subprocess.run([*wrong, "true"], check=False, capture_output=True, timeout=60).returncode == 255
    assert by_ssh(whole, "true").returncode == 0


def test_rest_answers_with_a_token_and_not_without(whole: Lab) -> None:
    answer = _rest(whole, "slurm/v0.0.38/ping", whole.token(lifespan_s=60))
    assert [one["ping"] for one in answer["pings"]] == ["UP"]
    job = submitted(whole, "sleep 60")
    shown = _rest(whole, f"slurm/v0.0.38/job/{job}", whole.token(lifespan_s=60))["jobs"][0]
    assert shown["user_name"] == whole.user
    with pytest.raises(urllib.error.HTTPError) as refusal:
        _rest(whole, "slurm/v0.0.38/ping", "nonsense")
    refusal.value.close()
    assert refusal.value.code in (401, 500)  # this version says 500


def _rest(lab: Lab, path: str, token: str) -> dict[str, list[dict[str, str]]]:
    headers = {"X-SLURM-USER-NAME": lab.user, "X-SLURM-USER-TOKEN": token}
    request = urllib.request.Request(f"{lab.rest_url}/{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_the_account_reads_its_key_and_others_do_not_and_raw_is_not_written(whole: Lab) -> None:
    key = whole.metadata.parent / whole.granted["sshPrivateKeyPath"]
    assert by_ssh(whole, "cat", str(key)).stdout == whole.key(whole.user).read_text()
    assert by_ssh(whole, "cat", str(key), user="bttest05").returncode == 1
    assert by_ssh(whole, "touch", f"{whole.place.node_view}/raw/x").returncode == 1


def test_the_account_can_run_beampace(whole: Lab) -> None:
    said = by_ssh(whole, str(shared_python(whole)), "-c", "'import beampace, h5py; print(beampace.__name__)'")
    assert said.stdout == "beampace\n", said.stderr


def test_a_killed_node_takes_its_job_along_and_comes_back(whole: Lab) -> None:
    node = whole.plan.reserved_nodes[2]
    pid_file = whole.place.current / "processed/pid"
    script = f"echo $$ >{pid_file}.part; mv {pid_file}.part {pid_file}; exec sleep 300"
    job = submitted(whole, script, f"--nodelist={node}", "--no-requeue")
    until(pid_file.exists, "the job runs")
    faults.kill_node(whole, node)
    assert whole.daemon(f"slurmd.{node}") is None
    assert processes.began(int(pid_file.read_text())) is None
    assert not processes.holding(whole.place.log / f"slurmd.{node}.log")
    pid_file.unlink()
    faults.declare_down(whole, node)
    assert wait_for_state(whole, job, "NODE_FAIL") == "NODE_FAIL"
    faults.restore_node(whole, node)
    again = submitted(whole, "true", f"--nodelist={node}")
    wait_for_state(whole, again, "COMPLETED")


def test_a_restart_of_the_controller_loses_no_job(whole: Lab) -> None:
    job = submitted(whole, "sleep 300")
    wait_for_state(whole, job, "RUNNING")
    before = whole.daemon("slurmctld")
    with faults.slurmctld_down(whole, signal.SIGTERM):
        assert not daemons.listens(whole.ports.slurmctld)
    assert whole.daemon("slurmctld") not in (None, before)
    assert state_of(whole, job) == "RUNNING"


def test_without_sshd_connections_break_and_jobs_go_on(whole: Lab) -> None:
    job = submitted(whole, "sleep 300")
    wait_for_state(whole, job, "RUNNING")
    with subprocess.Popen(
        [*whole.ssh(), "echo in; exec sleep 300"], stdout=subprocess.PIPE, stderr=-3
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"in\n"
        with faults.sshd_down(whole):
            assert client.wait(30) == 255
            assert by_ssh(whole, "true").returncode == 255
    assert by_ssh(whole, "true").returncode == 0
    assert state_of(whole, job) == "RUNNING"


def test_the_reservation_is_renamed_with_its_jobs_and_the_old_name_is_refused(whole: Lab) -> None:
    old = whole.reservation
    job = submitted(whole, "sleep 300")
    wait_for_state(whole, job, "RUNNING")
    faults.rename_reservation(whole, f"{old}_next")
    try:
        assert state_of(whole, job) == "RUNNING"
        assert "Requested reservation is invalid" in submit(whole, "true", f"--reservation={old}").stderr
        wait_for_state(whole, submitted(whole, "true"), "COMPLETED")
    finally:
        faults.rename_reservation(whole, old, move_jobs=False)
    assert wait_for_state(whole, job, "CANCELLED") == "CANCELLED"
    assert faults.reservations(whole) == [old]


def test_jobs_are_cancelled_behind_our_back(whole: Lab) -> None:
    jobs = [submitted(whole, "sleep 300") for _ in range(2)]
    wait_for_state(whole, jobs[0], "RUNNING")
    faults.cancel_jobs(whole, jobs)
    for job in jobs:
        wait_for_state(whole, job, "CANCELLED")


def test_a_second_laboratory_beside_it_starts_soon_and_its_stop_leaves_nothing(whole: Lab) -> None:
    began = time.monotonic()
    with running_lab(SMALL) as lab:
        assert time.monotonic() - began < 30  # 10 s on a quiet machine, and that machine may be slower
        detached = "setsid sleep 300 >/dev/null 2>&1 </dev/null & echo $!"
        left = int(by_ssh(lab, detached).stdout)
        job = submitted(lab, "setsid sleep 300 & exec sleep 300")
        wait_for_state(lab, job, "RUNNING")
        root = lab.place.root
        before = of_lab(root)
        assert {left, *lab.daemons().values()} <= before
        assert len(before) > len(lab.daemons()) + 2  # the step and its two processes
        running.stop(lab)
        assert not of_lab(root)
        assert [pid for pid in before if processes.began(pid) is not None] == []
        assert not any(
            daemons.listens(port) for port in (lab.ssh_port, lab.ports.slurmctld, *lab.ports.slurmd)
        )
        assert whole.daemon("slurmctld") is not None
    assert not root.exists()
    assert set(whole.nodes()) == set(whole.plan.node_names)


def test_the_end_of_a_beamtime_takes_everything_but_the_data(whole: Lab) -> None:
    with running_lab(SMALL) as lab:
        kept = lab.place.current / "raw/kept"
        kept.touch()
        true = kept.resolve()
        job = submitted(lab, "sleep 300")
        wait_for_state(lab, job, "RUNNING")
        faults.stop_beamtime(lab)
        assert true.exists()
        assert not lab.metadata.exists()
        assert by_ssh(lab, "true").returncode == 255
        wait_for_state(lab, job, "CANCELLED")
        assert faults.reservations(lab) == []


def test_a_start_that_was_killed_is_cleared_by_the_next_and_ctrl_c_ends_it(whole: Lab) -> None:
    root = Path(f"/tmp/bp-slurm-half-{os.getpid()}")
    words = [*COMMAND, "run", str(root), "--nodes=2", "--reserved=1"]
    seen: set[int] = set()
    try:
        for found in ("run/slurmctld.json", "ready"):  # killed half-way, and when it ran
            with subprocess.Popen(words, cwd=REPOSITORY, stdout=-3) as killed:
                until((root / found).exists, "it starts", 60)
                assert not seen & of_lab(root)
                if found == "ready":
                    with pytest.raises(LabError, match=r"runs in .* already"):
                        running.start(root, SMALL)
                killed.kill()
            seen |= of_lab(root)
            assert len(seen) >= 2
        with subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as last:
            assert last.stdout is not None
            until(lambda: "Ctrl-C" in last.stdout.readline(), "it says that it is ready", 60)
            assert not seen & of_lab(root)
            last.send_signal(signal.SIGINT)
            assert last.wait(60) == 0
        assert not of_lab(root)
    finally:
        running.remove(opened(root))
    assert list(root.iterdir()) == []
    root.rmdir()


def test_a_laboratory_is_removed_when_whoever_started_its_keeper_is_gone(whole: Lab) -> None:
    root = Path(f"/tmp/bp-slurm-kept-{os.getpid()}")
    with subprocess.Popen([*COMMAND, "keep", str(root)], cwd=REPOSITORY, stdin=subprocess.PIPE) as keeper:
        pids = running.start(root, SMALL).daemons().values()
        assert keeper.stdin is not None
        keeper.stdin.close()  # as the system does when this process is killed
        assert keeper.wait(60) == 0
    assert len(pids) == 5
    assert [pid for pid in pids if processes.began(pid) is not None] == []
    assert not root.exists()


def test_accounts_are_made_once_and_only_those_made_here_are_removed(
    whole: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, other = f"bptesta{os.getpid() % 10000}", f"bptestb{os.getpid() % 10000}"
    monkeypatch.setattr(accounts, "SIGN", f"sign of {name}")  # the laboratory's own accounts stay
    with ThreadPoolExecutor() as pool:  # two useradd of one name would both succeed
        for made in [pool.submit(accounts.make, one) for one in (name, other, name)]:
            made.result()
    home = Path(pwd.getpwnam(name).pw_dir)
    assert home.is_dir()
    assert sorted(accounts.forget()) == [name, other]
    assert not home.exists()
    assert not accounts.exists(name)
    assert accounts.exists(whole.user)
    with pytest.raises(LabError, match="invalid user name"):
        accounts.make("no:name")


def test_a_directory_with_other_things_is_left_alone(tmp_path: Path, whole: Lab) -> None:
    other = Path(f"/tmp/bp-slurm-other-{os.getpid()}")
    other.mkdir()
    try:
        (other / "precious").touch()
        with pytest.raises(LabError, match="holds other things"):
            running.start(other, SMALL)
        with pytest.raises(LabError, match="holds no laboratory"):
            opened(other)
        assert (other / "precious").exists()
    finally:
        (other / "precious").unlink()
        other.rmdir()
    with pytest.raises(LabError, match="no beamtime id"):
        running.start(other, Plan(beamtime="../1"))
    with pytest.raises(LabError, match="5 reserved of 4 nodes"):
        running.start(other, Plan(reserved=5))
    with pytest.raises(LabError, match="too long"):
        running.start(tmp_path / ("x" * 80), SMALL)
