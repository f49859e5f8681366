"""A replay whose jobs run on the laboratory's Slurm, through ssh as the beamtime user."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from beampace.simulate.beamtime.metadata import Beamtime
from tests.support.replay import Site
from tools.lab.interpreter import kernels, shared_python
from tools.lab.lab import Lab

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class LabBeamtime(Beamtime):
    """The beamtime of a laboratory: its directories are there, its metadata are the laboratory's."""

    lab: Lab

    def make(self) -> None:
        """The laboratory made it."""

    def announce(self, begins: datetime, *, pre_start: bool = False) -> None:
        """Write the metadata file with what is reserved at this moment."""
        del begins, pre_start
        partition = self.lab.partition if self.metadata.exists() else self.lab.plan.partition
        reservation = self.lab.reservation if self.metadata.exists() else self.lab.plan.beamtime
        self.lab.announce(reservation=reservation, partition=partition)


@dataclass(frozen=True)
class SlurmSite(Site):
    """Where a replay takes place whose jobs run on a laboratory's Slurm."""

    lab: Lab = field(kw_only=True)
    more: str = ""
    sizes: str = ""

    @property
    def beamtime(self) -> Beamtime:
        """Where the detector writes: the directory that `current` leads to."""
        return LabBeamtime(self.lab.plan.beamtime, self.lab.place.files(self.lab.plan.beamtime), self.lab)

    @property
    def root(self) -> Path:
        return self.lab.place.current

    @property
    def python(self) -> Path:
        """What jobs' programs are run with."""
        return shared_python(self.lab)

    @property
    def setup(self) -> tuple[str, ...]:
        """Lines of shell before each job."""
        return (f"export NUMBA_CACHE_DIR={kernels(self.lab)}",)

    @property
    def cluster(self) -> str:
        return f"""[cluster]
kind = "slurm"
attempts = {self.attempts}
{self.sizes}
[cluster.slurm]
known_hosts = "{self.lab.known_hosts}"
port = {self.lab.ssh_port}
node_base = "{self.lab.place.node_base}"
python = "/usr/bin/python3"
program = ["{self.python}"]
setup = {json.dumps(self.setup)}
job_log = "{self.lab.place.log / "jobcomp.txt"}"
scratch = ["/tmp"]
scratch_mb = 10
grace_s = 1.0
poll_s = 0.3
quiet_s = 1.0
closed_s = 5.0
farewell_s = 5.0
{self.more}
"""


S = TypeVar("S", bound=SlurmSite)


def slurm_site(lab: Lab, cls: type[S] = SlurmSite, **values: object) -> S:  # type: ignore[assignment]
    """A place for a replay below the laboratory's directory, which the beamtime's account may read."""
    base = lab.place.root / f"site-{next(_NUMBERS)}"
    base.mkdir(mode=0o755)
    site = cls(base, lab=lab, **values)  # type: ignore[arg-type]
    site.prepare()
    return site
