"""Slurm behind the cluster protocol: here or through ssh as the beamtime user."""

from beampace.cluster.slurm.book import Patience
from beampace.cluster.slurm.cluster import SlurmCluster
from beampace.cluster.slurm.grants import Grants
from beampace.cluster.slurm.held import HeldSettings
from beampace.cluster.slurm.layout import Asked, Layout, layout_of_jobs
from beampace.cluster.slurm.layouts import FixedLayout, Layouts, SurveyedLayout
from beampace.cluster.slurm.line import SshSettings
from beampace.cluster.slurm.node import NodeSide
from beampace.cluster.slurm.probe import Site, probe
from beampace.cluster.slurm.queue import CommandQueue, Queue
from beampace.cluster.slurm.rest import RestQueue
from beampace.cluster.slurm.rest_settings import RestSettings
from beampace.cluster.slurm.settings import SlurmSettings
from beampace.cluster.slurm.ssh import SshTransport
from beampace.cluster.slurm.states import Fate, fate_of
from beampace.cluster.slurm.surveyor import Surveyor
from beampace.cluster.slurm.transport import (
    Completed,
    LocalTransport,
    RecordedTransport,
    Transport,
    Unreachable,
)

__all__ = [
    "Asked",
    "CommandQueue",
    "Completed",
    "Fate",
    "FixedLayout",
    "Grants",
    "HeldSettings",
    "Layout",
    "Layouts",
    "LocalTransport",
    "NodeSide",
    "Patience",
    "Queue",
    "RecordedTransport",
    "RestQueue",
    "RestSettings",
    "Site",
    "SlurmCluster",
    "SlurmSettings",
    "SshSettings",
    "SshTransport",
    "SurveyedLayout",
    "Surveyor",
    "Transport",
    "Unreachable",
    "fate_of",
    "layout_of_jobs",
    "probe",
]
