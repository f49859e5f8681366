"""Sections of `beampace check --site` about the cluster: the way there, Slurm, files and programs there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath

from beampace.beamtime import OnlineResources, OpenBeamtime
from beampace.cli.site_gateways import reachable, try_gateways
from beampace.cli.site_here import ProbePlace
from beampace.cli.site_node import node_probes
from beampace.cli.site_page import Section
from beampace.cli.site_programs import program_probes
from beampace.cli.site_reach import Answer, Reach, answered, silent, unasked
from beampace.cli.site_slurm import Facts, facts_of, slurm_probes
from beampace.cli.site_submit import submit_probes
from beampace.cluster.slurm import LocalTransport, SshTransport, Transport
from beampace.core.errors import BeampaceError
from beampace.service.job_places import NodePlaces
from beampace.service.slurm_parts import paces_of, ssh_of


@dataclass(frozen=True, slots=True)
class Way:
    """What is known before the cluster is asked.

    Attributes:
        beamtime: the open one.
        granted: what it grants.
        places: names of files on nodes.
        place: a directory made here for probing.
        stop: raises `Cancelled` once somebody asked to stop.
    """

    beamtime: OpenBeamtime
    granted: OnlineResources
    places: NodePlaces
    place: ProbePlace
    stop: Callable[[], None]


def cluster_sections(way: Way) -> Iterator[Section]:
    """The sections; a cluster that cannot be reached has all its questions in them all the same."""
    via = way.places.section.via
    if via == "local":
        yield from _asked(way, LocalTransport())
    elif via == "rest":
        why = 'slurmrestd runs no commands; with via = "ssh" it is asked'
        yield from _told(way, LocalTransport(), unasked(why))
    else:
        yield from _through_ssh(way)


def _through_ssh(way: Way) -> Iterator[Section]:
    settings = ssh_of(way.places.section)
    tried = try_gateways(way.granted, settings)
    yield "The way to the cluster", tuple(one.row for one in tried)
    transport = SshTransport(lambda: way.granted, reachable(settings, tried))
    try:
        if any(one.ok for one in tried):
            yield from _asked(way, transport)
        else:
            yield from _told(way, transport, silent("no gateway can be reached"))
    finally:
        transport.close()


def _asked(way: Way, transport: Transport) -> Iterator[Section]:
    """The sections, with answers; a controller that gave none is not asked again and again."""
    way.stop()
    facts = facts_of(reach_of(way, transport))
    mute = silent(facts.why or "Slurm does not answer")
    known = bool(facts.config or facts.partition)
    yield from _told(way, transport, answered, answered if known else mute, facts)


def _told(
    way: Way, transport: Transport, answer: Answer, slurm: Answer | None = None, facts: Facts | None = None
) -> Iterator[Section]:
    reach, facts = reach_of(way, transport), facts or Facts()
    metadata = way.beamtime.metadata
    yield "Slurm", (slurm or answer)(chain(slurm_probes(reach, facts), submit_probes(reach)))
    yield "Files on a node", answer(node_probes(reach, way.place, way.beamtime.root))
    beamline = "" if metadata is None else metadata.beamline
    yield "Programs on a node", answer(program_probes(reach, beamline))


def reach_of(way: Way, transport: Transport) -> Reach:
    """The way to the cluster, with what the configuration says of jobs."""
    section = way.places.section
    inside = ("apptainer", "exec", *section.container_args, section.container) if section.container else ()
    return Reach(
        transport,
        way.granted,
        paces_of(section),
        node=_on_node(way),
        core=way.beamtime.core_path,
        python=section.python,
        program=(*inside, *(section.program or (sys.executable,))),
        setup=section.setup,
        stop=way.stop,
    )


def _on_node(way: Way) -> PurePosixPath | None:
    """The beamtime's directory as nodes see it, or None when the metadata do not say."""
    try:
        return PurePosixPath(way.places.there(way.beamtime.root))
    except BeampaceError:
        return None
