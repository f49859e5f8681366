"""Wiring: from a configuration to a daemon with everything it needs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from beampace.beamtime import BeamtimeWatch, FixedBeamtime, OpenBeamtime
from beampace.cluster import LocalCluster, Standby
from beampace.core.errors import BeampaceError
from beampace.core.ports import Cluster
from beampace.core.sighting import Trouble
from beampace.engines.recipe import Loaded
from beampace.plan import DEFAULT_RULES
from beampace.service.capacities import capacity_of
from beampace.service.control import DaemonControl
from beampace.service.daemon import Daemon
from beampace.service.desk import Desk
from beampace.service.groups import Groups
from beampace.service.hooks import HookPlan, Hooks, checked_plan
from beampace.service.job_places import JobPlaces, LocalPlaces, NodePlaces
from beampace.service.metrics import Metrics
from beampace.service.places import socket_path
from beampace.service.publishing import Publisher
from beampace.service.reconcile import Reconciler
from beampace.service.result_pages import ResultPages
from beampace.service.settings import Settings
from beampace.service.slurm_parts import slurm_cluster
from beampace.service.socket_server import Allowed, serve_control
from beampace.service.space import SpaceWatch
from beampace.service.standing import rule_troubles, without_http
from beampace.service.starting import PROGRAM
from beampace.service.state import this_daemon
from beampace.store import Lease, Ledger, open_ledger
from beampace.watch import Identifier, Watch, WatchSettings
from beampace.web.access.door import Door

FULL_NICE = 15
"""Nice level of work nobody waits for: where cores are shared, it gets what the rest leaves."""

WARM = (
    "beampace.cli.job",
    "beampace.work.look",
    "beampace.work.map",
    "beampace.work.process",
    "beampace.work.kernels:load_kernels",
)
"""What the standby process has loaded before anybody asks."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Engines that can be used, those that are recipes among them, and what is wrong with others."""

    available: frozenset[str] = frozenset()
    recipes: Mapping[str, Loaded] = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()


def steady_clock() -> Callable[[], datetime]:
    """The wall clock as it was at the start, going on with the monotonic one.

    A step of the wall clock while the daemon runs then moves no retry and turns no order of events around.
    """
    began, mark = datetime.now(UTC), time.monotonic()
    return lambda: began + timedelta(seconds=time.monotonic() - mark)


@contextmanager
def assembled(settings: Settings, engines: Engines, log: FilteringBoundLogger) -> Iterator[Daemon]:
    """A daemon, taken apart at the end; its jobs go on.

    Raises:
        InputError: a value of the configuration cannot be used, or another daemon works with the ledger
            (bad_request).
        InfrastructureError: the ledger cannot be opened.
    """
    with ExitStack() as stack:
        url = settings.store.url.get_secret_value()
        ledger = open_ledger(url or settings.state_dir, clock=steady_clock())
        stack.callback(ledger.close)
        lease = stack.enter_context(closing(ledger.lease(this_daemon())))
        cluster, places = _cluster(settings)
        stack.callback(cluster.close)
        identifier = Identifier()
        stack.callback(identifier.close)
        desk = Desk(
            settings,
            ledger,
            cluster,
            log,
            settings.rules if settings.rules is not None else DEFAULT_RULES,
            places,
            engines.available,
            engines.recipes,
        )
        hooks = Hooks(_hook_plan(settings))
        stack.callback(hooks.close)
        daemon = _daemon(desk, identifier, hooks, lease)
        stack.callback(daemon.reconciler.claims.release)
        stack.callback(daemon.reconciler.close)
        daemon.stand(*engines.troubles, *rule_troubles(desk.rules, desk.engines, desk.recipes))
        yield daemon


def _cluster(settings: Settings) -> tuple[Cluster, JobPlaces]:
    if settings.cluster.kind == "slurm":
        nodes = NodePlaces(settings.cluster.slurm)
        return slurm_cluster(settings, nodes), nodes
    standby = Standby(WARM, {PROGRAM: "beampace.cli.main:run"}) if settings.cluster.warm else None
    local = LocalCluster(settings.state_dir / "cluster", standby=standby, nice=FULL_NICE)
    return local, LocalPlaces(settings.state_dir)


def _hook_plan(settings: Settings) -> HookPlan:
    section = settings.results.hooks
    return checked_plan(section.command, section.url.get_secret_value(), section.timeout_s)


def _daemon(desk: Desk, identifier: Identifier, hooks: Hooks, lease: Lease) -> Daemon:
    settings, metrics = desk.settings, Metrics()
    reconciler = Reconciler(
        desk=desk,
        beamtimes=_beamtimes(settings, desk.ledger),
        watch_of=lambda beamtime: _watch(beamtime, settings, identifier),
        groups=Groups.of(settings.groups),
        counting=identifier.counting,
        publisher=Publisher(desk, hooks, ResultPages(desk), metrics),
        space=SpaceWatch(desk),
        capacity=capacity_of(settings.cluster),
        metrics=metrics,
    )
    return Daemon(desk, reconciler, metrics, lease)


def _beamtimes(settings: Settings, ledger: Ledger) -> BeamtimeWatch:
    """Looks for beamtimes; the one the ledger has open is remembered, so that its end is noticed."""
    section = settings.beamtime
    last = next((row for row in ledger.beamtimes() if row.closed is None), None)
    roots = section.roots if section.fixed is None else FixedBeamtime(section.fixed, section.id)
    known = None if last is None else OpenBeamtime.at(last.id, Path(last.root), last.root_id)
    return BeamtimeWatch(roots, time.monotonic, known, section.grace_s)


def _watch(beamtime: OpenBeamtime, settings: Settings, identifier: Identifier) -> Watch:
    paces = WatchSettings(active_s=settings.watch.poll_s)
    return Watch(beamtime.raw, paces, identifier)


@asynccontextmanager
async def served(daemon: Daemon) -> AsyncIterator[int | None]:
    """The daemon's socket and, if switched on, its HTTP interface; gives the port, or None for no HTTP."""
    settings = daemon.desk.settings
    control = DaemonControl(daemon, _door(daemon))
    allowed = Allowed.of(settings.control.allowed_users, settings.control.allowed_groups)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serve_control(control, socket_path(settings.state_dir), allowed))
        yield None if control.door is None else await _http(stack, daemon, control, control.door)


def _door(daemon: Daemon) -> Door | None:
    from beampace.service.web_parts import page_settings

    section = daemon.desk.settings.http
    return Door(daemon.desk.ledger, page_settings(section)) if section.port else None


async def _http(stack: AsyncExitStack, daemon: Daemon, control: DaemonControl, door: Door) -> int | None:
    """Serve HTTP; what keeps it from being served is told and keeps nothing else from working."""
    from beampace.service.web_parts import web_parts
    from beampace.web.app import create_app
    from beampace.web.http import serve_http

    settings = daemon.desk.settings
    try:
        parts = stack.enter_context(web_parts(daemon, control, door))
        return await stack.enter_async_context(
            serve_http(create_app(parts), settings.http.host, settings.http.port)
        )
    except BeampaceError as error:
        daemon.stand(without_http(error))
        return None
