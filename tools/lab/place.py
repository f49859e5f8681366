"""Where things lie below the directory of a laboratory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LONGEST = 70
"""Characters of the directory's path; a Unix socket's path has at most 107 with what comes below."""


@dataclass(frozen=True, slots=True)
class Place:
    """The directory of a laboratory; every path is below `root`."""

    root: Path

    @property
    def record(self) -> Path:
        """Plan and ports."""
        return self.root / "lab.json"

    @property
    def slurm_conf(self) -> Path:
        """Configuration of Slurm, for daemons and clients."""
        return self.root / "etc/slurm.conf"

    @property
    def jwt_key(self) -> Path:
        """The key that signs tokens."""
        return self.root / "etc/jwt.key"

    @property
    def munge(self) -> Path:
        """Directory of munge: key and socket."""
        return self.root / "munge"

    @property
    def munge_socket(self) -> Path:
        """The socket of munged."""
        return self.munge / "munge.socket"

    @property
    def log(self) -> Path:
        """Directory of logs."""
        return self.root / "log"

    @property
    def run(self) -> Path:
        """Directory of process ids."""
        return self.root / "run"

    @property
    def ssh(self) -> Path:
        """Directory of keys and of the configuration of sshd."""
        return self.root / "ssh"

    @property
    def known_hosts(self) -> Path:
        """Pinned host keys for clients."""
        return self.ssh / "known_hosts"

    @property
    def ready(self) -> Path:
        """Exists as soon as everything was started."""
        return self.root / "ready"

    @property
    def owner(self) -> Path:
        """The process with which the laboratory ends, if there is one."""
        return self.root / "owner.json"

    def files(self, beamtime: str) -> Path:
        """The true directory of the beamtime, which its three views lead to."""
        return self.root / "gpfs/beamtimes" / beamtime

    @property
    def current(self) -> Path:
        """The beamtime as beamline computers see it."""
        return self.root / "gpfs/current"

    @property
    def node_base(self) -> Path:
        """What `/beamline` is on a node."""
        return self.root / "beamline"

    @property
    def node_view(self) -> Path:
        """The beamtime as nodes see it."""
        return self.node_base / "p11/current"

    def core(self, beamtime: str, year: int) -> Path:
        """The beamtime on the core file system."""
        return self.root / f"asap3/petra3/gpfs/p11/{year}/data/{beamtime}"
