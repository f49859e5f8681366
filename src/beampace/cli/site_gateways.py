"""Rows of `beampace check --site` about the gateways: is a host key pinned, and are we let in?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import asyncssh

from beampace.beamtime.resources import OnlineResources
from beampace.cli import site_questions as ask
from beampace.cli.site_row import Row
from beampace.cluster.slurm.line import SshSettings, host_and_port
from beampace.cluster.slurm.ssh import SshTransport
from beampace.core.errors import BeampaceError

AT_ONCE = 8
STEP = "Have it brought back, or name others as `gateways` in [cluster.slurm]."
NONE = "neither the metadata (reservedNodes) nor the configuration name a gateway"


@dataclass(frozen=True, slots=True)
class Tried:
    """A gateway, whether it let us in, and its row."""

    gateway: str
    ok: bool
    row: Row


def try_gateways(granted: OnlineResources, settings: SshSettings) -> tuple[Tried, ...]:
    """Log in to each gateway, several at once; none keeps another from being tried."""
    gateways = settings.gateways or granted.nodes
    if not gateways:
        question = replace(ask.GATEWAY, text="Can a gateway be reached?")
        step = "Have nodes reserved for the beamtime, or name `gateways` in [cluster.slurm]."
        return (Tried("", ok=False, row=question.problem(NONE, "the metadata", step)),)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(lambda gateway: _try(granted, settings, gateway), gateways))


def reachable(settings: SshSettings, tried: Sequence[Tried]) -> SshSettings:
    """The settings with the gateways that let us in, and patience enough to connect to them."""
    good = tuple(one.gateway for one in tried if one.ok)
    return replace(settings, gateways=good, patience_s=len(good) * settings.connect_s + 1.0)


def _try(granted: OnlineResources, settings: SshSettings, gateway: str) -> Tried:
    question = replace(ask.GATEWAY, text=ask.GATEWAY.text.format(gateway=gateway))
    host, port = host_and_port(gateway, settings.port)
    evidence = f"ssh -p {port} {granted.account}@{host} hostname; {settings.known_hosts}"
    alone = replace(settings, gateways=(gateway,), patience_s=settings.connect_s + 1.0)
    transport = SshTransport(lambda: granted, alone)
    began = time.monotonic()
    try:
        done = transport.run(("hostname",))
    except BeampaceError as error:
        words = error.detail.removeprefix("The cluster cannot be reached: ")
        found = f"no: {words} {pinned(settings, host, port)}"
        return Tried(gateway, ok=False, row=question.problem(found, evidence, error.hint or STEP))
    finally:
        transport.close()
    name = done.stdout.strip().splitlines()
    found = f"yes, after {time.monotonic() - began:.1f} s; it calls itself {name[-1] if name else 'nothing'}."
    row = question.found(f"{found} {pinned(settings, host, port)}", evidence, ask.GATEWAY.safe)
    return Tried(gateway, ok=True, row=row)


def pinned(settings: SshSettings, host: str, port: int) -> str:
    """Whether a host key is pinned, as a sentence."""
    try:
        keys, authorities, *_ = asyncssh.match_known_hosts(str(settings.known_hosts), host, "", port)
    except (OSError, ValueError, asyncssh.Error):
        return "The file of pinned host keys cannot be read."
    return "Its host key is pinned." if keys or authorities else "No host key of it is pinned."
