"""Each daemon of a laboratory: how it is started and when it counts as there."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from tools.lab.lab import Lab
from tools.lab.processes import until

_AS = ("setpriv", "--clear-groups")
READY = ("idle", "mixed", "allocated", "reserved", "completing")


def start_munged(lab: Lab) -> None:
    """Start munged and wait for its socket."""
    directory = lab.place.munge
    argv = [*_AS, "--reuid=munge", "--regid=munge", "munged", "--foreground", "--num-threads=2"]
    argv += [f"--socket={lab.place.munge_socket}", f"--key-file={directory}/munge.key"]
    argv += [f"--pid-file={directory}/munged.pid", f"--log-file={directory}/munged.log"]
    lab.launch("munged", [*argv, f"--seed-file={directory}/munged.seed"])
    until(lab.place.munge_socket.is_socket, _log(lab, "munged answers", "munged.out"))


def start_slurmctld(lab: Lab) -> None:
    """Start the controller and wait until it answers."""
    lab.launch("slurmctld", ["slurmctld", "-D"])
    ping = ["scontrol", "ping"]
    until(lambda: lab.run(ping, check=False).returncode == 0, _log(lab, "slurmctld answers", "slurmctld.log"))


def start_slurmd(lab: Lab, node: str) -> None:
    """Start the daemon of a node; `wait_for_nodes` waits for it."""
    (lab.place.root / "spool" / node).mkdir(exist_ok=True)
    lab.launch(f"slurmd.{node}", ["slurmd", "-D", "-N", node])


def slurmd_listens(lab: Lab, node: str) -> bool:
    """Whether the daemon of a node takes connections; Slurm may not know yet."""
    return listens(lab.ports.slurmd[lab.plan.node_names.index(node)])


def wait_for_nodes(lab: Lab, *names: str) -> None:
    """Wait until nodes can take jobs or have some."""
    until(lambda: all(slurmd_listens(lab, name) for name in names), _log(lab, "every slurmd listens", ""))
    until(lambda: _ready(lab.nodes(), names), _log(lab, "nodes are ready", "slurmctld.log"))


def start_sshd(lab: Lab) -> None:
    """Start sshd and wait until it takes connections."""
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # compiled into sshd; Debian's service makes it too
    config = str(lab.place.ssh / "sshd_config")
    # sshd starts itself again for each connection and needs its own absolute path for that.
    lab.launch("sshd", ["/usr/sbin/sshd", "-D", "-f", config, "-E", str(lab.place.log / "sshd.log")])
    until(lambda: listens(lab.ssh_port), _log(lab, "sshd listens", "sshd.log"))


def start_slurmrestd(lab: Lab) -> None:
    """Start slurmrestd, which refuses to run as root or as Slurm's user, and wait until it listens."""
    versions = "v0.0.37,v0.0.38" + (",dbv0.0.38" if lab.plan.accounting else "")
    argv = [*_AS, "--reuid=nobody", "--regid=nogroup", "slurmrestd", "-a", "rest_auth/jwt", "-s", versions]
    lab.launch("slurmrestd", [*argv, f"127.0.0.1:{lab.ports.slurmrestd}"], {"SLURM_JWT": "daemon"})
    until(lambda: listens(lab.ports.slurmrestd), _log(lab, "slurmrestd listens", "slurmrestd.out"))


def listens(port: int) -> bool:
    """Whether somebody takes connections at a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _ready(states: Mapping[str, str], names: Iterable[str]) -> bool:
    return all(states.get(name) in READY for name in names)


def _log(lab: Lab, what: str, name: str) -> str:
    return f"{what}; see {lab.place.log / name}"
