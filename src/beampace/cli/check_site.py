"""`beampace check --site`: asks this machine and the cluster what the site allows, and says what follows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from beampace.beamtime import BeamtimeWatch, FixedBeamtime, OnlineResources
from beampace.beamtime.watch import Observation
from beampace.cli import site_questions as ask
from beampace.cli.guard import guarded
from beampace.cli.site_cluster import Way, cluster_sections
from beampace.cli.site_here import (
    ProbePlace,
    account_row,
    acl_row,
    beamtime_row,
    key_row,
    metadata_of,
    metadata_rows,
    probe_place,
    processed_row,
)
from beampace.cli.site_page import Section, show
from beampace.cli.site_row import Row, as_json, exit_code
from beampace.service.configuration import load
from beampace.service.job_places import NodePlaces
from beampace.service.settings import BeamtimeSection, Settings
from beampace.service.slurm_section import SlurmSection
from beampace.work import Switch

PEOPLE = (ask.HTTP, ask.STOP, ask.GUI, ask.DETECTOR, ask.ASAPO, ask.LICENCES)
"""What cannot be asked of a machine."""


def check_site_command(config: Path | None, *, json: bool) -> int:
    """Carry out the command; returns the exit code."""

    def run(switch: Switch) -> int:
        settings = load(config).settings
        seen = observe(settings.beamtime)
        sections = site_sections(settings, seen, switch.check)
        if json:
            rows = [row for _, group in sections for row in group]
            sys.stdout.write(as_json(seen.open.id if seen.open is not None else "", rows) + "\n")
        else:
            rows = show(sections, Console())
        return int(exit_code(rows))

    return guarded(Console(stderr=True), run)


def observe(section: BeamtimeSection) -> Observation:
    """Look for the open beamtime as the daemon does."""
    roots = section.roots if section.fixed is None else FixedBeamtime(section.fixed, section.id)
    return BeamtimeWatch(roots, time.monotonic, grace_s=section.grace_s).observe()


def site_sections(settings: Settings, seen: Observation, stop: Callable[[], None]) -> Iterator[Section]:
    """The rows, in sections with a title; each is asked for when it is taken.

    Args:
        settings: the configuration.
        seen: the open beamtime.
        stop: raises `Cancelled` once somebody asked to stop.
    """
    slurm, places = settings.cluster.slurm, NodePlaces(settings.cluster.slurm)
    places.see(seen.open)
    granted = places.granted()
    yield "The beamtime", (beamtime_row(seen), *metadata_rows(seen), *_granted_rows(seen, granted, slurm))
    if seen.open is not None:
        with probe_place(seen.open.root / slurm.work_room) as place:
            yield "This machine", tuple(_here(place, granted, slurm))
            if granted is not None:
                yield from cluster_sections(Way(seen.open, granted, places, place, stop))
    yield "What only people know", tuple(question.open("cannot be asked of a machine") for question in PEOPLE)


def _granted_rows(seen: Observation, granted: OnlineResources | None, slurm: SlurmSection) -> tuple[Row, ...]:
    if seen.open is None:
        return ()
    evidence = f"onlineAnalysis in {metadata_of(seen)}"
    if granted is None:
        words = "nothing: the metadata name no online resources, and the configuration no account"
        return (ask.GRANTED.problem(words, evidence, ask.GRANTED.ask),)
    named = {
        "account": granted.account,
        "partition": granted.partition,
        "reservation": granted.reservation,
        "nodes": ", ".join(granted.nodes),
    }
    words = "; ".join(f"{name} {value}" for name, value in named.items() if value)
    so = f"Submits as this account, through {slurm.via}; the file is read again before each submit."
    return (ask.GRANTED.found(words, evidence, so),)


def _here(place: ProbePlace, granted: OnlineResources | None, slurm: SlurmSection) -> Iterator[Row]:
    yield account_row()
    if granted is not None and slurm.via == "ssh":
        key = slurm.ssh_key or granted.key
        yield key_row(key, configured=slurm.ssh_key is not None, allow_open=slurm.allow_open_key)
    yield processed_row(place)
    yield acl_row(place)
