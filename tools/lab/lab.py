"""A laboratory that runs: where it is, how clients reach it, which processes are its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tools.lab import beamtime, configuration, processes
from tools.lab import plan as plans
from tools.lab.place import Place
from tools.lab.plan import Plan, Ports
from tools.lab.processes import LabError, remember, remembered, spawn

COMMAND_S = 30.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs of the system are; the daemons' and the clients' PATH."""


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
    def metadata(self) -> Path:
        """The metadata file in the beamline's view."""
        return beamtime.metadata_path(self.place, self.plan)

    @property
    def granted(self) -> Mapping[str, str]:
        """`onlineAnalysis` of the metadata as it is now."""
        online: Mapping[str, str] = json.loads(self.metadata.read_text(encoding="utf-8"))["onlineAnalysis"]
        return online

    @property
    def reservation(self) -> str:
        """Name of the reservation in the metadata as they are now."""
        return self.granted["slurmReservation"]

    @property
    def partition(self) -> str:
        """Name of the partition in the metadata as they are now."""
        return self.granted["slurmPartition"]

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
        """Base of slurmrestd, without a slash at its end."""
        return f"http://127.0.0.1:{self.ports.slurmrestd}"

    def key(self, account: str) -> Path:
        """Private key of an account, readable by root."""
        return self.place.ssh / f"id_{account}"

    def announce(
        self,
        *,
        reservation: str | None = None,
        partition: str | None = None,
        gateways: Sequence[str] = configuration.GATEWAYS[:1],
    ) -> None:
        """Write the metadata anew; what is not named is as the laboratory was planned."""
        names = (reservation or self.plan.beamtime, partition or self.plan.partition)
        now = datetime.now()  # the metadata hold local time
        beamtime.announce(self.place, self.plan, *names, list(gateways), now)

    def run(
        self, argv: Sequence[str], user: str | None = None, text: str = "", *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program with the clients' environment, as root or as an account (without ssh).

        Args:
            argv: program and arguments.
            user: the account; root when None.
            text: what it reads.
            check: whether failing is an error.

        Raises:
            LabError: it failed and `check` is set.
        """
        return run(argv, self.environment, user, text, check=check)

    def ssh(self, user: str | None = None) -> list[str]:
        """The command line of OpenSSH up to the remote command, with the pinned host key."""
        account = user or self.user
        options = [f"UserKnownHostsFile={self.known_hosts}", "IdentitiesOnly=yes", "BatchMode=yes"]
        options += ["StrictHostKeyChecking=yes", "ConnectTimeout=10"]
        words = [word for option in options for word in ("-o", option)]
        login = ["-p", str(self.ssh_port), "-l", account, self.ssh_host]
        return ["ssh", "-q", "-F", "none", "-i", str(self.key(account)), *words, *login]

    def token(self, user: str | None = None, lifespan_s: int = 3600) -> str:
        """A token for slurmrestd.

        Raises:
            LabError: slurmctld gives none.
        """
        words = ["scontrol", "token", f"username={user or self.user}", f"lifespan={lifespan_s}"]
        return self.run(words).stdout.strip().removeprefix("SLURM_JWT=")

    def queue(self) -> dict[str, str]:
        """Unfinished jobs of everybody: id -> state."""
        lines = self.run(["squeue", "-h", "-o", "%i %T"]).stdout.splitlines()
        return {words[0]: words[1] for line in lines if (words := line.split())}

    def nodes(self) -> dict[str, str]:
        """Node -> state in Slurm's words, with * when it does not answer; empty without slurmctld."""
        said = self.run(["sinfo", "-h", "-N", "-o", "%N %T"], check=False).stdout
        return {words[0]: words[1] for line in said.splitlines() if (words := line.split())}

    def daemon(self, name: str) -> int | None:
        """Process id of a daemon such as slurmctld, slurmd.cn01 or sshd; None when it does not run."""
        return remembered(self.place.run / f"{name}.json")

    def daemons(self) -> dict[str, int]:
        """Daemons that run -> process id."""
        names = sorted(path.stem for path in self.place.run.glob("*.json"))
        return {name: pid for name in names if (pid := self.daemon(name)) is not None}

    def launch(self, name: str, argv: Sequence[str], extra: Mapping[str, str] | None = None) -> int:
        """Start a daemon in the foreground of a session of its own and write its id down."""
        environment = {"PATH": PATH, "LC_ALL": "C.UTF-8", **self.environment, **(extra or {})}
        environment[configuration.MARK] = str(self.place.root)
        pid = spawn(list(argv), environment, self.place.log / f"{name}.out")
        remember(self.place.run / f"{name}.json", pid)
        return pid

    def processes(self) -> dict[int, int]:
        """All that runs because of this laboratory (daemons, steps, jobs, sessions) -> when it began."""
        roots = set(self.daemons().values())
        roots |= processes.carrying(configuration.MARK, str(self.place.root))
        return processes.known(processes.trees(roots))


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    user: str | None = None,
    text: str = "",
    *,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a program with PATH and these variables only; see `Lab.run`."""
    words = list(argv)
    if user is not None:
        # setpriv still has root's rights when it looks for the program; env has not.
        words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "env", *words]
    done = subprocess.run(
        words,
        env={"PATH": PATH, "HOME": "/", "LC_ALL": "C.UTF-8", **environment},
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_S,
        cwd="/",
    )
    if check and done.returncode:
        raise LabError(
            f"{' '.join(words)}: exit status {done.returncode}, said: {done.stderr or done.stdout}"
        )
    return done


def opened(root: Path) -> Lab:
    """A laboratory that was started by somebody else.

    Raises:
        LabError: there is none.
    """
    place = Place(root.resolve())
    try:
        plan, ports = plans.read(place.record)
    except (OSError, ValueError) as error:
        raise LabError(
            f"{root} holds no laboratory: {error}. Start one with tools/slurm-lab start."
        ) from error
    return Lab(place, plan, ports)
