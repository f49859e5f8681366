"""What a site is, asked of a real Slurm, and the table `beampace check --site` makes of it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm import SshSettings, SshTransport, Unreachable
from beampace.cluster.slurm.probe import probe
from tests.support.slurm_lab import GROUP, slurm_lab
from tools.lab import daemons, faults
from tools.lab.interpreter import shared_python
from tools.lab.lab import Lab
from tools.lab.plan import EXCLUSIVE, SHARED

pytestmark = pytest.mark.xdist_group(GROUP)
__all__ = ["slurm_lab"]


def granted(lab: Lab, partition: str = EXCLUSIVE) -> OnlineResources:
    gateway = f"{lab.ssh_host}:{lab.ssh_port}"
    return OnlineResources(lab.user, lab.key(lab.user), lab.reservation, partition, (gateway,))


@pytest.fixture
def transport(slurm_lab: Lab) -> Iterator[SshTransport]:
    made = SshTransport(lambda: granted(slurm_lab), SshSettings(slurm_lab.known_hosts, patience_s=10.0))
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("partition", [EXCLUSIVE, SHARED])
def test_the_site_of_the_laboratory(slurm_lab: Lab, transport: SshTransport, partition: str) -> None:
    plan = slurm_lab.plan
    site = probe(transport, granted(slurm_lab, partition))
    assert site.exclusive is (partition == EXCLUSIVE)
    assert site.nodes == plan.reserved_nodes
    assert (site.cores, site.memory_mb) == (plan.cores, plan.memory_mb)
    assert (site.most_time_s, site.default_time_s) == (24 * 3600, 600)
    assert site.reservation_ends_s is not None
    assert 47 * 3600 < site.reservation_ends_s <= 48 * 3600
    said = slurm_lab.run(["sinfo", "--version"]).stdout
    assert site.version in said.split()
    assert site.accounting is False


def test_nodes_that_are_out_and_a_reservation_that_is_not_there(
    slurm_lab: Lab, transport: SshTransport
) -> None:
    first, *rest = slurm_lab.plan.reserved_nodes
    slurm_lab.run(["scontrol", "update", f"nodename={first}", "state=drain", "reason=State=IDLE is a joke"])
    try:
        assert probe(transport, granted(slurm_lab)).nodes == tuple(rest)
        faults.declare_down(slurm_lab, rest[0])
        assert probe(transport, granted(slurm_lab)).nodes == tuple(rest[1:])
    finally:
        slurm_lab.run(["scontrol", "update", f"nodename={first},{rest[0]}", "state=resume"])
        daemons.wait_for_nodes(slurm_lab, first, rest[0])
    known = probe(transport, granted(slurm_lab))
    missing = probe(transport, dataclasses.replace(granted(slurm_lab), reservation="nosuch"))
    assert missing == dataclasses.replace(known, nodes=(), cores=0, memory_mb=0, reservation_ends_s=None)


def test_without_reservation_all_nodes_of_the_partition_count(
    slurm_lab: Lab, transport: SshTransport
) -> None:
    site = probe(transport, dataclasses.replace(granted(slurm_lab), reservation=""))
    assert site.nodes == slurm_lab.plan.node_names


def test_a_site_that_cannot_be_reached_is_an_error(slurm_lab: Lab, transport: SshTransport) -> None:
    with faults.sshd_down(slurm_lab), pytest.raises(Unreachable):
        probe(transport, granted(slurm_lab))


class Check:
    """`beampace check --site` with the configuration of a laboratory's beamline."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self.lab = lab
        self.file = directory / "beampace.toml"
        self.key = directory / "key"
        shutil.copyfile(lab.place.current / "shared/id_rsa", self.key)
        self.key.chmod(0o600)
        self.configure()

    def configure(self, more: str = "", known_hosts: Path | None = None) -> None:
        self.file.write_text(f"""state_dir = "{self.file.parent}/state"
[beamtime]
roots = ["{self.lab.place.current}"]
[cluster]
kind = "slurm"
[cluster.slurm]
known_hosts = "{known_hosts or self.lab.known_hosts}"
port = {self.lab.ssh_port}
node_base = "{self.lab.place.node_base}"
python = "/usr/bin/python3"
program = ["{shared_python(self.lab)}"]
{more}
""")

    def run(self, *options: str, columns: int = 100) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "beampace", "check", "--site", "--config", str(self.file), *options]
        environment = {**os.environ, "COLUMNS": str(columns)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=240
        )
        assert not [line for line in self.secrets() if line in done.stdout + done.stderr]
        left = sorted(self.lab.place.files(self.lab.plan.beamtime).rglob("*beampace-check*"))
        assert not left
        return done

    def rows(self, exit_code: int) -> dict[str, dict[str, Any]]:
        """Question -> its row in the one JSON document."""
        done = self.run("--json")
        assert (done.returncode, done.stderr) == (exit_code, "")
        document = json.loads(done.stdout)
        assert document["schema"] == "check-site/1"
        assert document["beamtime"] == self.lab.plan.beamtime
        return {row["question"]: row for row in document["rows"]}

    def secrets(self) -> list[str]:
        """The lines of the private key."""
        return [line for line in self.key.read_text().splitlines() if not line.startswith("-----")]


@pytest.fixture
def check(slurm_lab: Lab, tmp_path: Path) -> Iterator[Check]:
    slurm_lab.announce()
    try:
        yield Check(slurm_lab, tmp_path)
    finally:
        slurm_lab.announce()


def states(rows: dict[str, dict[str, Any]], state: str) -> set[str]:
    return {question for question, row in rows.items() if row["state"] == state}


def test_everything_is_asked_and_answered(check: Check) -> None:
    rows = check.rows(0)
    assert states(rows, "problem") | states(rows, "not known") == set()
    assert len(states(rows, "not asked")) == 6
    assert rows["Which beamtime is open?"]["evidence"] == str(check.lab.metadata)
    assert "a job has whole nodes (OverSubscribe=EXCLUSIVE" in rows["Do jobs share nodes?"]["found"]
    assert rows["How many nodes, how large?"]["found"].startswith(
        "3 nodes (cn01, cn02, cn03), each with 8 cores"
    )
    assert "mode 0600" in rows["May the private key be used?"]["found"]
    account = check.lab.run(["id", check.lab.user]).stdout.strip()
    assert rows["Who is the account there?"]["found"].startswith(account)
    for question in (
        "Are our jobs accepted?",
        "Is --nice allowed?",
        "Is --array allowed?",
        "Is --dependency allowed?",
    ):
        assert rows[question]["found"] == "yes"
    assert f"as a file of {check.lab.user}" in rows["May jobs write on the node?"]["found"]
    for question in ("Do access lists (ACLs) work here?", "Do ACLs reach the nodes?"):
        assert rows[question]["found"] == "yes"
    assert not check.lab.queue()


def test_the_table_is_readable_at_every_width(check: Check) -> None:
    for columns in (60, 100, 200):
        done = check.run(columns=columns)
        assert done.returncode == 0
        lines = done.stdout.splitlines()
        assert max(len(line.rstrip()) for line in lines) <= columns
        assert "answered, 0 problems" in " ".join(lines[-2:])


def test_nodes_that_are_shared(check: Check) -> None:
    check.lab.announce(partition=SHARED)
    assert check.rows(0)["Do jobs share nodes?"]["found"].startswith("yes (OverSubscribe=NO")


def test_a_private_key_that_others_may_read(check: Check) -> None:
    check.key.chmod(0o644)
    check.configure(f'ssh_key = "{check.key}"')
    rows = check.rows(3)
    row = rows["May the private key be used?"]
    assert row["state"] == "problem"
    assert "may be read by others (mode 0644)" in row["found"]
    assert "chmod 600" in row["next_step"]
    assert "cluster.slurm.allow_open_key" in row["keys"]
    assert rows["Do jobs share nodes?"]["state"] == "not known"
    check.configure(f'ssh_key = "{check.key}"\nallow_open_key = true')
    assert "allow_open_key" in check.rows(0)["May the private key be used?"]["found"]


def test_a_reservation_that_is_not_there(check: Check) -> None:
    check.lab.announce(reservation="nosuch")
    rows = check.rows(3)
    assert states(rows, "problem") == {"Is the reservation there?", "Are our jobs accepted?"}
    assert "no reservation nosuch" in rows["Is the reservation there?"]["found"]
    assert "startBeamtime --online" in rows["Is the reservation there?"]["next_step"]
    assert "invalid" in rows["Are our jobs accepted?"]["found"]
    assert rows["Do jobs share nodes?"]["state"] == "found"


def test_a_reservation_of_somebody_else(check: Check) -> None:
    words = ["reservationname=other", "user=root", "starttime=now", "duration=1:00:00", "nodes=cn04"]
    check.lab.run(["scontrol", "create", "reservation", *words, "flags=overlap"])
    try:
        check.lab.announce(reservation="other")
        rows = check.rows(3)
    finally:
        check.lab.run(["scontrol", "delete", "reservation=other"])
    assert f"for root and not for {check.lab.user}" in rows["Is the reservation there?"]["found"]


def test_gateways_that_are_down_or_not_pinned(check: Check, tmp_path: Path) -> None:
    check.lab.announce(gateways=["127.0.0.1", "127.0.0.9", "127.0.0.2"])
    pinned = tmp_path / "known_hosts"
    lines = check.lab.known_hosts.read_text().splitlines(keepends=True)
    pinned.write_text("".join(line for line in lines if not line.startswith("[127.0.0.1]")))
    check.configure(known_hosts=pinned)
    rows = check.rows(3)
    assert states(rows, "problem") == {"Can 127.0.0.1 be reached?", "Can 127.0.0.9 be reached?"}
    assert "No host key of it is pinned" in rows["Can 127.0.0.1 be reached?"]["found"]
    assert str(pinned) in rows["Can 127.0.0.1 be reached?"]["next_step"]
    assert "does not answer" in rows["Can 127.0.0.9 be reached?"]["found"]
    assert "Its host key is pinned" in rows["Can 127.0.0.2 be reached?"]["found"]
    assert rows["Which Slurm is it?"]["state"] == "found"


def test_a_cluster_that_cannot_be_reached_leaves_all_questions_and_their_assumptions(check: Check) -> None:
    known = check.rows(0)
    with faults.sshd_down(check.lab):
        rows = check.rows(3)
    assert list(rows) == list(known)
    assert states(rows, "problem") == {f"Can {check.lab.ssh_host} be reached?"}
    assert rows["Do jobs share nodes?"]["state"] == "not known"
    assert "exclusive" in rows["Do jobs share nodes?"]["consequence"]


def test_a_controller_that_does_not_answer_stops_nothing_else(check: Check) -> None:
    with faults.slurmctld_down(check.lab, signal.SIGTERM):
        rows = check.rows(3)
    assert "Unable to contact slurm controller" in rows["Do jobs share nodes?"]["found"]
    assert rows["May jobs write on the node?"]["state"] == "found"


def test_raw_data_that_jobs_cannot_read_and_a_node_that_sees_another_place(check: Check) -> None:
    closed = check.lab.place.current / "raw/closed to jobs"
    closed.mkdir(mode=0o700)
    try:
        row = check.rows(3)["May jobs read raw on the node?"]
    finally:
        closed.rmdir()
    assert row["state"] == "problem"
    assert "closed to jobs" in row["found"]
    check.configure()
    text = check.file.read_text().replace(str(check.lab.place.node_base), "/nowhere")
    check.file.write_text(text)
    rows = check.rows(3)
    assert states(rows, "problem") == {
        "Do nodes see our files?",
        "May jobs read raw on the node?",
        "May jobs write on the node?",
    }
    assert "node_base" in rows["Do nodes see our files?"]["next_step"]


def test_a_beamtime_without_online_resources_and_none_at_all(check: Check) -> None:
    text = json.loads(check.lab.metadata.read_text())
    del text["onlineAnalysis"]
    check.lab.metadata.write_text(json.dumps(text))
    rows = check.rows(3)
    assert states(rows, "problem") == {"What is granted on the cluster?"}
    check.file.write_text(f'[beamtime]\nroots = ["{check.file.parent}/nothing"]\n')
    done = check.run("--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["beamtime"]) == (3, "")
    assert document["rows"][0]["state"] == "problem"


def test_bad_usage(check: Check) -> None:
    command = [sys.executable, "-m", "beampace", "check", "--config", str(check.file)]
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 2
    check.file.write_text("[cluster.slurm]\nnosuch = 1\n")
    done = check.run("--json")
    assert (done.returncode, done.stdout) == (2, "")
