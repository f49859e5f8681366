"""A laboratory: started, opened by somebody else, stopped."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tools.lab import accounts, beamtime, configuration, processes
from tools.lab import plan as plans
from tools.lab.place import LONGEST, Place
from tools.lab.plan import Plan, Ports
from tools.lab.processes import LabError, remember, remembered, spawn, until

COMMAND_S = 30.0
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sshd", "setpriv", "ssh-keygen", "useradd")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Lab:
    """A laboratory that was started.

    Attributes:
        place: where everything is.
        plan: what it is.
        ports: where its daemons listen.
    """

    place: Place
    plan: Plan
    ports: Ports

    @property
    def slurm_conf(self) -> Path:
        """Configuration for client commands."""
        return self.place.slurm_conf

    @property
    def environment(self) -> dict[str, str]:
        """What client commands need in their environment."""
        return {"SLURM_CONF": str(self.place.slurm_conf)}

    @property
    def user(self) -> str:
        """The account in the metadata."""
        return self.plan.accounts[0]

    @property
    def reservation(self) -> str:
        """Name of the reservation the laboratory starts with."""
        return self.plan.beamtime

    @property
    def metadata(self) -> Path:
        """The metadata file in the beamline's view."""
        return beamtime.metadata_path(self.place, self.plan)

    @property
    def ssh_host(self) -> str:
        """Address of sshd."""
        return configuration.GATEWAYS[0]

    @property
    def ssh_port(self) -> int:
        """Port of sshd."""
        return self.ports.sshd

    @property
    def known_hosts(self) -> Path:
        """File with the pinned host keys."""
        return self.place.known_hosts

    @property
    def rest_url(self) -> str:
        """Base of slurmrestd."""
        return f"http://127.0.0.1:{self.ports.slurmrestd}"

    def key(self, account: str) -> Path:
        """Private key of an account, readable by root."""
        return self.place.ssh / f"id_{account}"

    def run(
        self, argv: list[str], user: str | None = None, text: str | None = None, *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program with the clients' environment, as root or as an account (without ssh).

        Args:
            argv: program and arguments.
            user: the account; root when None.
            text: what it reads; nothing when None.
            check: whether failing is an error.

        Raises:
            subprocess.CalledProcessError: it failed and `check` is set.
        """
        if user is not None:
            argv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *argv]
        return subprocess.run(
            argv,
            env={"PATH": _PATH, "HOME": "/", "LC_ALL": "C.UTF-8", **self.environment},
            input=text or "",
            capture_output=True,
            text=True,
            check=check,
            timeout=COMMAND_S,
            cwd="/",
        )

    def ssh(self, user: str | None = None) -> list[str]:
        """The command line of OpenSSH up to the remote command, with the pinned host key."""
        account = user or self.user
        options = [f"UserKnownHostsFile={self.known_hosts}", "IdentitiesOnly=yes", "BatchMode=yes"]
        options += ["StrictHostKeyChecking=yes", "ConnectTimeout=10"]
        words = [word for option in options for word in ("-o", option)]
        login = ["-p", str(self.ssh_port), "-l", account, self.ssh_host]
        return ["ssh", "-q", "-F", "none", "-i", str(self.key(account)), *words, *login]

    def queue(self) -> list[str]:
        """Ids of unfinished jobs of everybody."""
        return self.run(["squeue", "-h", "-o", "%i"]).stdout.split()

    def nodes_ready(self) -> int:
        """How many nodes are idle or at work."""
        said = self.run(
            ["sinfo", "-h", "-N", "-t", "idle,mixed,alloc,resv", "-o", "%N %T"], check=False
        ).stdout
        return len({line.split()[0] for line in said.splitlines() if not line.endswith("*")})

    def daemon(self, name: str) -> int | None:
        """Process id of a daemon such as slurmctld, slurmd.cn01 or sshd; None when it does not run."""
        return remembered(self.place.run / f"{name}.json")

    def launch(self, name: str, argv: list[str], extra: Mapping[str, str] | None = None) -> int:
        """Start a daemon in the foreground of its own session and write its id down."""
        environment = {"PATH": _PATH, "LC_ALL": "C.UTF-8", **self.environment, **(extra or {})}
        environment[configuration.MARK] = str(self.place.root)
        pid = spawn(argv, environment, self.place.log / f"{name}.out")
        remember(self.place.run / f"{name}.json", pid)
        return pid

    def processes(self) -> set[int]:
        """Everything that runs because of this laboratory: daemons, steps, jobs, sessions."""
        roots = {pid for path in self.place.run.glob("*.json") if (pid := remembered(path)) is not None}
        roots |= processes.carrying(configuration.MARK, str(self.place.root))
        return processes.trees(roots) - processes.own_line()


def missing() -> str:
    """Why no laboratory can be made here, as a sentence; "" when one can."""
    if os.geteuid() != 0:
        return "a laboratory needs root: it makes accounts and runs daemons under several"
    absent = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
    return f"not installed: {', '.join(absent)}; tools/setup-tests installs them" if absent else ""


def start(root: Path, plan: Plan | None = None) -> Lab:
    """Start a laboratory below a directory; whatever an earlier one left running there is ended first.

    Raises:
        LabError: it cannot be made here, or a part does not answer.
    """
    if reason := missing():
        raise LabError(reason[0].upper() + reason[1:] + ".")
    root = root.resolve()
    if len(str(root)) > LONGEST:
        raise LabError(f"{root} is too long for Unix sockets below it: at most {LONGEST} characters.")
    place, wanted = Place(root), plan or Plan()
    _clear(place)
    root.mkdir(parents=True, exist_ok=True)
    lab = Lab(place, wanted, plans.free_ports(wanted.nodes))
    plans.write(place.record, lab.plan, lab.ports)
    try:
        _prepare(lab)
        _start_daemons(lab)
    except BaseException:
        stop(lab)
        raise
    return lab


def opened(root: Path) -> Lab:
    """A laboratory that was started by somebody else.

    Raises:
        LabError: there is none.
    """
    place = Place(root.resolve())
    try:
        plan, ports = plans.read(place.record)
    except OSError as error:
        raise LabError(
            f"{root} holds no laboratory: {error}. Start one with tools/slurm-lab start."
        ) from error
    return Lab(place, plan, ports)


def stop(lab: Lab) -> None:
    """End everything that runs because of a laboratory; its files stay.

    Raises:
        LabError: a process does not end.
    """
    if lab.daemon("slurmctld") is not None:
        lab.run(["scancel", "--quiet", "--state=PENDING,SUSPENDED,RUNNING"], check=False)
    everything = lab.processes()
    ranks = (
        "slurmrestd",
        *(f"slurmd.{name}" for name in lab.plan.node_names),
        "slurmctld",
        "slurmdbd",
        "mariadbd",
    )
    for name in (*ranks, "sshd", "munged"):
        if (pid := lab.daemon(name)) is not None:
            processes.end([pid])
    processes.end(everything | lab.processes(), patience_s=1.0)


def _clear(place: Place) -> None:
    """End and remove what an earlier laboratory left in this directory, and nothing that is not its own."""
    if place.record.exists():
        stop(opened(place.root))
        for name in (
            "etc",
            "run",
            "log",
            "state",
            "spool",
            "munge",
            "ssh",
            "gpfs",
            "beamline",
            "asap3",
            "db",
        ):
            shutil.rmtree(place.root / name, ignore_errors=True)
        place.record.unlink()
    elif place.root.exists() and any(place.root.iterdir()):
        raise LabError(f"{place.root} holds other things: name a directory that is empty or does not exist.")


def _prepare(lab: Lab) -> None:
    place = lab.place
    for name in ("etc", "run", "log", "state", "spool", "munge", "ssh"):
        (place.root / name).mkdir(parents=True)
    place.root.chmod(0o755)
    for directory in (place.root / "state", place.log):
        shutil.chown(directory, "slurm", "slurm")
    shutil.chown(place.munge, "munge", "munge")
    _secret(place.munge / "munge.key", 1024, "munge")
    _secret(place.jwt_key, 32, "slurm")
    host = socket.gethostname().split(".")[0]
    place.slurm_conf.write_text(configuration.slurm_conf(place, lab.plan, lab.ports, host), encoding="utf-8")
    (place.root / "etc/cgroup.conf").write_text("CgroupAutomount=no\n", encoding="utf-8")
    _prepare_ssh(lab)
    now = datetime.now()  # the metadata hold local time
    beamtime.make_tree(place, lab.plan, now)
    beamtime.give_key(place, lab.plan)
    gateways = [lab.ssh_host]
    beamtime.announce(place, lab.plan, lab.reservation, lab.plan.partition, gateways, now)


def _secret(path: Path, size: int, owner: str) -> None:
    path.touch(mode=0o600)
    path.write_bytes(secrets.token_bytes(size))
    shutil.chown(path, owner, owner)
    path.chmod(0o400)


def _prepare_ssh(lab: Lab) -> None:
    place = lab.place
    _make_key(place.ssh / "host_ed25519")
    public = (place.ssh / "host_ed25519.pub").read_text(encoding="utf-8")
    place.known_hosts.write_text(configuration.known_hosts(lab.ports, public), encoding="utf-8")
    (place.ssh / "sshd_config").write_text(
        configuration.sshd_config(place, lab.plan, lab.ports), encoding="utf-8"
    )
    for account in lab.plan.accounts:
        accounts.make(account)
        _make_key(lab.key(account))
        shutil.copyfile(f"{lab.key(account)}.pub", place.ssh / f"authorized_{account}")


def _make_key(path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "laboratory", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=COMMAND_S)


def _start_daemons(lab: Lab) -> None:
    start_munged(lab)
    start_slurmctld(lab)
    for name in lab.plan.node_names:
        start_slurmd(lab, name)
    start_sshd(lab)
    ready = f"nodes are ready; see {lab.place.log}"
    until(lambda: lab.nodes_ready() == lab.plan.nodes, ready)
    reserve(lab, lab.reservation)


def start_munged(lab: Lab) -> None:
    """Start munged and wait for its socket."""
    directory = lab.place.munge
    argv = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--foreground"]
    argv += [f"--socket={lab.place.munge_socket}", f"--key-file={directory}/munge.key", "--num-threads=2"]
    argv += [f"--pid-file={directory}/munged.pid", f"--log-file={directory}/munged.log"]
    lab.launch("munged", [*argv, f"--seed-file={directory}/munged.seed"])
    until(lab.place.munge_socket.is_socket, f"munged answers; see {lab.place.log}/munged.out")


def start_slurmctld(lab: Lab) -> None:
    """Start the controller and wait until it answers."""
    lab.launch("slurmctld", ["slurmctld", "-D"])
    answers = f"slurmctld answers; see {lab.place.log}/slurmctld.log"
    until(lambda: lab.run(["scontrol", "ping"], check=False).returncode == 0, answers)


def start_slurmd(lab: Lab, node: str) -> None:
    """Start the daemon of a node."""
    (lab.place.root / "spool" / node).mkdir(exist_ok=True)
    lab.launch(f"slurmd.{node}", ["slurmd", "-D", "-N", node])


def start_sshd(lab: Lab) -> None:
    """Start sshd and wait until it takes connections."""
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # compiled into sshd; Debian's service makes it too
    config = str(lab.place.ssh / "sshd_config")
    lab.launch("sshd", ["/usr/sbin/sshd", "-D", "-f", config, "-E", str(lab.place.log / "sshd.log")])
    until(lambda: listens(lab.ssh_host, lab.ssh_port), f"sshd listens; see {lab.place.log}/sshd.log")


def listens(host: str, port: int) -> bool:
    """Whether somebody takes connections."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def reserve(lab: Lab, name: str, hours: int = 48) -> None:
    """Make a reservation of the reserved nodes for the first account.

    Raises:
        subprocess.CalledProcessError: Slurm refused.
    """
    nodes = ",".join(lab.plan.reserved_nodes)
    words = [f"reservationname={name}", f"user={lab.user}", "starttime=now", f"duration={hours}:00:00"]
    lab.run(["scontrol", "create", "reservation", *words, f"nodes={nodes}", "flags=ignore_jobs,overlap"])
