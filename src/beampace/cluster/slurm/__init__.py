"""Slurm behind the cluster protocol: here or through ssh as the beamtime user."""

from beampace.cluster.slurm.book import Patience
from beampace.cluster.slurm.cluster import SlurmCluster
from beampace.cluster.slurm.held import HeldSettings
from beampace.cluster.slurm.line import SshSettings
from beampace.cluster.slurm.node import NodeSide
from beampace.cluster.slurm.settings import SlurmSettings
from beampace.cluster.slurm.ssh import SshTransport
from beampace.cluster.slurm.states import Fate, fate_of
from beampace.cluster.slurm.transport import (
    Completed,
    LocalTransport,
    RecordedTransport,
    Transport,
    Unreachable,
)

__all__ = [
    "Completed",
    "Fate",
    "HeldSettings",
    "LocalTransport",
    "NodeSide",
    "Patience",
    "RecordedTransport",
    "SlurmCluster",
    "SlurmSettings",
    "SshSettings",
    "SshTransport",
    "Transport",
    "Unreachable",
    "fate_of",
]
