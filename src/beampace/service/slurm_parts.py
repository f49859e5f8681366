"""Slurm as the configuration has it: the way there, what is on a node, how the site is used."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path, PurePosixPath

from beampace.cluster.slurm import (
    Asked,
    CommandQueue,
    FixedLayout,
    Grants,
    Layouts,
    LocalTransport,
    NodeSide,
    Queue,
    RestQueue,
    RestSettings,
    SlurmCluster,
    SlurmSettings,
    SshSettings,
    SshTransport,
    SurveyedLayout,
    Surveyor,
    Transport,
    layout_of_jobs,
    probe,
)
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.service.job_places import NodePlaces
from beampace.service.settings import ClusterSection, Settings
from beampace.service.slurm_section import SlurmSection


def slurm_cluster(settings: Settings, places: NodePlaces) -> SlurmCluster:
    """The cluster.

    Raises:
        InputError: the configuration lacks something (bad_request).
    """
    section = settings.cluster.slurm
    checked(settings)
    grants = Grants(places.granted, section.farewell_s)
    queue, layouts = _by_rest(settings, grants) if section.via == "rest" else _by_programs(settings, grants)
    node, paces = node_of(section, places), paces_of(section)
    return SlurmCluster(settings.state_dir, queue, grants, layouts, node, paces)


def checked(settings: Settings) -> None:
    """See that everything is said that is needed.

    Raises:
        InputError: it is not; the key is named (bad_request).
    """
    section = settings.cluster.slurm
    if section.via == "ssh" and section.known_hosts is None:
        detail = "[cluster.slurm] names no `known_hosts`: host keys are pinned, never believed."
        hint = "Have the staff of the cluster confirm the gateways' keys, and name the file that holds them."
        raise failure(Failure.BAD_REQUEST, detail, hint)
    if section.via == "rest" and not (section.rest_url and section.rest_token):
        detail = "[cluster.slurm] names no `rest_url` or no `rest_token`: slurmrestd is not asked without."
        raise failure(Failure.BAD_REQUEST, detail, "Name its address, and a file of mode 0600 with a token.")
    if ".." in PurePosixPath(section.work_room).parts:
        raise failure(Failure.BAD_REQUEST, "[cluster.slurm] work_room leads out of the beamtime.")


def ssh_of(section: SlurmSection) -> SshSettings:
    """How the cluster is reached through ssh."""
    return SshSettings(
        known_hosts=section.known_hosts or Path("/etc/ssh/ssh_known_hosts"),
        gateways=section.gateways,
        port=section.port,
        key=section.ssh_key,
        allow_open_key=section.allow_open_key,
    )


def asked_of(section: ClusterSection) -> Asked:
    """What is said of the site beforehand."""
    slurm = section.slurm
    return Asked(
        shape=slurm.shape,
        nodes=slurm.nodes,
        node_cores=slurm.node_cores,
        node_memory_mb=slurm.node_memory_mb,
        urgent_cores=section.urgent_cores or 0,
        urgent_memory_mb=section.urgent_memory_mb or 0,
        hold_s=slurm.hold_s,
        renew_s=slurm.renew_s,
        most_time_s=slurm.most_time_s,
    )


def node_of(section: SlurmSection, places: NodePlaces) -> NodeSide:
    """How things are on a node."""
    return NodeSide(
        python=section.python,
        program=section.program or (sys.executable,),
        setup=section.setup,
        view=lambda path: PurePosixPath(places.there(path)),
        other_account=section.via != "local",
        grace_s=section.grace_s,
        scratch=section.scratch,
        scratch_mb=section.scratch_mb,
        container=section.container,
        container_args=section.container_args,
    )


def paces_of(section: SlurmSection) -> SlurmSettings:
    """Paces and limits."""
    return SlurmSettings(
        poll_s=section.poll_s,
        quiet_s=max(section.poll_s, section.quiet_s),
        closed_s=section.closed_s,
        nice=section.nice,
        sbatch=section.sbatch,
        programs=section.programs,
        job_log=section.job_log,
    )


def _by_programs(settings: Settings, grants: Grants) -> tuple[Queue, Layouts]:
    """Slurm's programs, here or through ssh; they say what the site is."""
    section = settings.cluster.slurm
    here = section.via == "local"
    transport: Transport = LocalTransport() if here else SshTransport(grants.lasting, ssh_of(section))
    queue = CommandQueue(transport, section.programs, section.job_log, SlurmSettings().answer_s)
    ask = partial(probe, transport, programs=section.programs)
    return queue, SurveyedLayout(Surveyor(ask, time.monotonic), asked_of(settings.cluster))


def _by_rest(settings: Settings, grants: Grants) -> tuple[Queue, Layouts]:
    """slurmrestd: it knows no steps, so all attempts are jobs; the configuration says what the site is."""
    section = settings.cluster.slurm
    rest = RestSettings(
        url=section.rest_url,
        token_file=section.rest_token or Path(),
        version=section.rest_version,
        allow_http=True,
        allow_open_token=section.allow_open_key,
    )
    return RestQueue(rest, grants.lasting), FixedLayout(layout_of_jobs(asked_of(settings.cluster)))
