"""Slurm behind the cluster protocol: here or through ssh as the beamtime user."""

from beampace.cluster.slurm.ssh import SshSettings, SshTransport
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
    "LocalTransport",
    "RecordedTransport",
    "SshSettings",
    "SshTransport",
    "Transport",
    "Unreachable",
    "fate_of",
]
