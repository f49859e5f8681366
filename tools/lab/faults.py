"""Faults of a cluster, for tests and the replay. Each returns as soon as the fault is there."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from tools.lab import daemons, processes, running
from tools.lab.lab import Lab
from tools.lab.processes import until

DOWN_S = 60.0
"""Slurm notices a dead node after about 26 s."""


def kill_node(lab: Lab, node: str) -> None:
    """Take the power from a node: its daemon and all that runs on it die at once; Slurm is not told."""

    def dead() -> bool:
        daemons_of, rest = _on_node(lab, node)
        # The step daemons go before their jobs: they would report how the jobs ended.
        for rank in (daemons_of, rest):
            processes.kill(processes.known(rank))
        return not daemons_of | rest

    until(dead, f"nothing runs on {node}")  # what was born during the search is found by the next one


def _on_node(lab: Lab, node: str) -> tuple[set[int], set[int]]:
    """Slurm's own processes of a node, and those of its jobs."""
    slurmd = {pid} if (pid := lab.daemon(f"slurmd.{node}")) is not None else set()
    slurms = processes.holding(lab.place.log / f"slurmd.{node}.log") | slurmd
    jobs = processes.carrying("SLURMD_NODENAME", node)
    jobs &= processes.carrying("SLURM_CONF", str(lab.slurm_conf))
    return slurms, processes.trees(slurms | jobs) - slurms


def declare_down(lab: Lab, node: str) -> None:
    """Tell Slurm what it finds out 26 s after `kill_node`: jobs are requeued or end with NODE_FAIL."""
    lab.run(["scontrol", "update", f"nodename={node}", "state=down", "reason=fault"])


def wait_until_down(lab: Lab, node: str) -> None:
    """Wait until Slurm has found out by itself."""
    until(lambda: lab.nodes().get(node, "").startswith("down"), f"{node} is down", DOWN_S)


def restore_node(lab: Lab, node: str) -> None:
    """Bring a node back and wait until it can take jobs."""
    daemons.start_slurmd(lab, node)
    daemons.wait_for_nodes(lab, node)


@contextmanager
def slurmctld_down(lab: Lab, number: int = signal.SIGKILL) -> Iterator[None]:
    """Without controller for as long as the block lasts; jobs go on.

    After SIGKILL it has forgotten the last seconds, as after a crash: a job that just began begins again.
    """
    _end_daemon(lab, "slurmctld", number)
    try:
        yield
    finally:
        daemons.start_slurmctld(lab)
        alive = [name for name in lab.plan.node_names if lab.daemon(f"slurmd.{name}") is not None]
        daemons.wait_for_nodes(lab, *alive)


def restart_slurmctld(lab: Lab, number: int = signal.SIGTERM) -> None:
    """Restart the controller as an administrator does, or with SIGKILL as a crash does."""
    with slurmctld_down(lab, number):
        pass


@contextmanager
def sshd_down(lab: Lab, *, sessions: bool = True) -> Iterator[None]:
    """Without sshd for as long as the block lasts.

    Args:
        lab: the laboratory.
        sessions: whether open connections break, as when the gateway dies; what runs in them is not killed.
    """
    if sessions:
        cut_connections(lab)
    _end_daemon(lab, "sshd", signal.SIGTERM)
    if sessions:
        cut_connections(lab)  # that were made in between
    try:
        yield
    finally:
        daemons.start_sshd(lab)


def cut_connections(lab: Lab) -> None:
    """Break every open ssh connection; sshd goes on."""
    listener = lab.daemon("sshd")
    log = lab.place.log / "sshd.log"
    found = processes.trees([listener] if listener else []) | processes.holding(log)
    found = {pid for pid in found if processes.program(pid) == "sshd"}
    processes.kill(processes.known(found - {listener}))


def rename_reservation(lab: Lab, name: str, *, move_jobs: bool = True) -> None:
    """Replace the reservation by another of the same nodes, as between pre-start and start, and announce it.

    Args:
        lab: the laboratory.
        name: of the new one.
        move_jobs: whether jobs go over to it; else they are cancelled: Slurm removes no reservation in use.
    """
    old, partition = lab.reservation, lab.partition
    running.reserve(lab, name)
    lab.announce(reservation=name, partition=partition)
    if move_jobs:
        for job in _jobs_of(lab, old):
            lab.run(["scontrol", "update", f"jobid={job}", f"reservation={name}"], check=False)
    _delete(lab, old)


def end_reservation(lab: Lab) -> None:
    """Let the reservation's time be over in a second.

    Slurm notices up to 30 s later: jobs that run get TIMEOUT, jobs that wait RESV_DEL_HOLD.
    """
    end = datetime.now() + timedelta(seconds=2)  # an earlier end is refused
    words = [f"reservation={lab.reservation}", f"endtime={end:%Y-%m-%dT%H:%M:%S}"]
    lab.run(["scontrol", "update", *words])


def reserve_again(lab: Lab, name: str) -> None:
    """Make a reservation of the same nodes and announce it, as staff do after one has ended too early."""
    running.reserve(lab, name)
    lab.announce(reservation=name, partition=lab.partition)


@contextmanager
def drained(lab: Lab, *nodes: str) -> Iterator[None]:
    """With nodes being drained: what runs there goes on, and nothing else begins."""
    names = ",".join(nodes)
    lab.run(["scontrol", "update", f"nodename={names}", "state=drain", "reason=fault"])
    try:
        yield
    finally:
        lab.run(["scontrol", "update", f"nodename={names}", "state=resume"])


def delete_reservation(lab: Lab) -> None:
    """Cancel the reservation's jobs and remove it at once, as staff do."""
    _delete(lab, lab.reservation)


def cancel_jobs(lab: Lab, jobs: Iterable[str]) -> None:
    """Cancel jobs behind the back of whoever submitted them; what has just ended by itself is left."""
    lab.run(["scancel", *jobs], check=False)


def stop_beamtime(lab: Lab) -> None:
    """What stopBeamtime does: views, key, jobs and reservation are gone; data stay in the core view."""
    reservation = lab.reservation
    for view in (lab.place.current, lab.place.node_view):
        view.unlink()
    end_account(lab, reservation)


def end_account(lab: Lab, reservation: str) -> None:
    """The last step of stopBeamtime, for one that takes its time: key, jobs and reservation are gone."""
    (lab.place.ssh / f"authorized_{lab.user}").unlink()
    cut_connections(lab)
    _delete(lab, reservation)


def _end_daemon(lab: Lab, name: str, number: int) -> None:
    pid = lab.daemon(name)
    table = processes.known([pid] if pid is not None else [])
    (processes.kill if number == signal.SIGKILL else processes.end)(table)


def reservations(lab: Lab) -> list[str]:
    """Names of all reservations."""
    said = lab.run(["scontrol", "-o", "show", "reservation"]).stdout
    words = (line.split()[0] for line in said.splitlines() if line.startswith("ReservationName="))
    return [word.removeprefix("ReservationName=") for word in words]


def _jobs_of(lab: Lab, reservation: str) -> list[str]:
    lines = lab.run(["squeue", "-h", "-o", "%i|%v"]).stdout.splitlines()
    return [job for job, _, name in (line.partition("|") for line in lines) if name == reservation]


def _delete(lab: Lab, reservation: str) -> None:
    """Cancel whatever still refers to a reservation, and remove it."""

    def gone() -> bool:
        if jobs := _jobs_of(lab, reservation):
            lab.run(["scancel", *jobs], check=False)
        lab.run(["scontrol", "delete", f"reservation={reservation}"], check=False)
        return reservation not in reservations(lab)

    until(gone, f"reservation {reservation} is gone; see {lab.place.log}/slurmctld.log")
