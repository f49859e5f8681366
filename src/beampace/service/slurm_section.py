"""`[cluster.slurm]`: how jobs get to a Slurm cluster, and what is on its nodes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import Field

from beampace.service.section import Section


class SlurmSection(Section):
    """How jobs get to Slurm as the beamtime user, and what is on the nodes."""

    via: Literal["ssh", "local", "rest"] = "ssh"
    """Through ssh as the account of the metadata, by Slurm's programs of this machine as the daemon's own
    account, or by slurmrestd."""
    known_hosts: Path | None = None
    """File with the pinned host keys of the gateways; none is believed that is not in it."""
    gateways: tuple[str, ...] = ()
    """`host` or `host:port` to log in to, tried in turn; by default the reserved nodes of the metadata."""
    port: int = Field(default=22, ge=1, le=65535)
    """Port of the gateways where none is named."""
    ssh_key: Path | None = None
    """Private key to use instead of the metadata's, mode 0600."""
    allow_open_key: bool = False
    """Use the private key also when other accounts may read it."""
    rest_url: str = ""
    """Base of slurmrestd, such as `https://max-slurm-rest.desy.de/sapi`."""
    rest_version: str = Field(default="", pattern=r"^(v0\.0\.\d{2})?$")
    """Version of its interface; empty takes the highest that both sides know."""
    rest_token: Path | None = None
    """File with the token, mode 0600; read at every use."""
    account: str = Field(default="", pattern=r"^[A-Za-z0-9_.-]{0,64}$")
    """Account whose jobs they are, where the metadata name none."""
    partition: str = Field(default="", pattern=r"^[A-Za-z0-9_.,+-]{0,128}$")
    """Partition, where the metadata name none."""
    reservation: str = Field(default="", pattern=r"^[A-Za-z0-9_.,+-]{0,128}$")
    """Reservation, where the metadata name none."""
    shape: Literal["auto", "exclusive", "shared"] = "auto"
    """Whether a job has its node for itself: asked of Slurm, or said here."""
    nodes: int = Field(default=0, ge=0)
    """Exclusive nodes that are held at most; 0 holds all of the reservation, or one where there is none."""
    node_cores: int = Field(default=0, ge=0)
    """Cores of a node; 0 asks Slurm."""
    node_memory_mb: int = Field(default=0, ge=0)
    """Memory of a node, MB; 0 asks Slurm."""
    hold_s: int = Field(default=86400, ge=120)
    """Seconds for which nodes are held at a time."""
    renew_s: int = Field(default=1800, ge=10)
    """Seconds before the end of what is held at which it is asked for again."""
    most_time_s: int = Field(default=0, ge=0)
    """Longest time limit that is asked for, seconds; 0 asks Slurm."""
    nice: int = Field(default=100, ge=0)
    """How much lower jobs that nobody waits for are queued where nodes are shared."""
    sbatch: tuple[str, ...] = ()
    """Further arguments of sbatch, each `--name=value`."""
    programs: PurePosixPath | None = None
    """Directory of Slurm's programs where they run; by default PATH."""
    job_log: str = ""
    """Job-completion log there, for sites without accounting."""
    poll_s: float = Field(default=1.0, ge=0.1, le=60)
    """Seconds from one question to Slurm to the next while something happens."""
    quiet_s: float = Field(default=5.0, ge=0.1, le=300)
    """The same while nothing changes."""
    closed_s: float = Field(default=30.0, ge=0)
    """Seconds after the stop of the beamtime from which on attempts nobody can ask for count as gone."""
    farewell_s: float = Field(default=20.0, ge=0)
    """Seconds after the stop for which the account is still used, to cancel and to give back."""
    node_base: str = Field(default="/beamline", pattern=r"^(/[^\x00-\x1f]*)?$")
    """Where nodes mount beamlines: `<node_base>/<beamline>/current`. Empty: nodes see the same paths."""
    read: Literal["node", "core"] = "node"
    """View from which jobs read raw data: `node` is what the detector writes, `core` comes minutes later."""
    paths: dict[str, str] = Field(default_factory=dict)
    """Directories outside the beamtime under the names nodes have for them, such as `/common/p11` =
    `/asap3/petra3/gpfs/common/p11`."""
    work_room: str = Field(default="processed/.beampace", pattern=r"^[A-Za-z0-9_][^\x00-\x1f]*$")
    """Directory for the jobs' files, below the beamtime's, that nodes can write to."""
    python: str = "python3"
    """Interpreter on the nodes for the launcher, 3.9 or later."""
    program: tuple[str, ...] = ()
    """Interpreter on the nodes that has beampace; by default the daemon's own path."""
    setup: tuple[str, ...] = ()
    """Lines of shell before each job, such as `module load maxwell xds`."""
    container: str = ""
    """Image in which jobs run (`apptainer exec`), as nodes see it."""
    container_args: tuple[str, ...] = ()
    """Further arguments of `apptainer exec`."""
    scratch: tuple[str, ...] = ("/scratch", "/tmp")  # noqa: S108 (the launcher makes a directory of its own)
    """Local directories of the nodes for temporary files; the first with room is taken."""
    scratch_mb: int = Field(default=20000, ge=0)
    """Room that has to be free there, MB."""
    grace_s: float = Field(default=10.0, ge=0)
    """Seconds a cancelled program has to end by itself; below Slurm's `KillWait`."""
