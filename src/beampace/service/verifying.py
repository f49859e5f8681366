"""Whether a daemon could be started with a configuration: what `serve` builds is checked, nothing started."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from beampace.beamtime import FixedBeamtime, GroupTableFile
from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.plan import DEFAULT_RULES
from beampace.service.assembly import Engines
from beampace.service.capacities import capacity_of
from beampace.service.configuration import Configuration
from beampace.service.groups import Groups
from beampace.service.hooks import checked_plan
from beampace.service.settings import Settings
from beampace.service.slurm_parts import checked
from beampace.service.socket_server import Allowed
from beampace.service.standing import rule_troubles
from beampace.service.state import CLOSED
from beampace.service.web_parts import tokens_of
from beampace.store.address import address_of
from beampace.store.file_system import refuse_network


@dataclass(frozen=True, slots=True)
class Check:
    """Something that is checked: the keys it depends on, and the check itself, which raises what is wrong."""

    keys: tuple[str, ...]
    do: Callable[[Settings], object]


def faults_of(configuration: Configuration, engines: Engines) -> list[str]:
    """Everything that keeps the daemon from doing what the configuration says: place, key and words of each.

    Args:
        configuration: it can be read.
        engines: what of its engines and recipes can be used.
    """
    settings = configuration.settings
    found = [
        _said(configuration, check.keys, error.detail)
        for check in CHECKS
        for error in _failed(check, settings)
    ]
    found += [_said(configuration, ("engines.recipes",), one.words) for one in engines.troubles]
    rules = DEFAULT_RULES if settings.rules is None else settings.rules
    troubles = rule_troubles(rules, engines.available, engines.recipes)
    return found + [_said(configuration, ("rules", "engines.available"), one.words) for one in troubles]


def _failed(check: Check, settings: Settings) -> Iterator[BeampaceError]:
    try:
        check.do(settings)
    except BeampaceError as error:
        yield error


def _said(configuration: Configuration, keys: tuple[str, ...], words: str) -> str:
    """Words with the first of the keys that somebody has set, and where."""
    origins = configuration.origins
    key = next((key for key in keys if origins.get(key, "default") != "default"), keys[0])
    origin = origins.get(key, "default")
    place = str(configuration.file or "the defaults") if origin == "default" else origin
    return f"{place}: {key}: {words}"


def _beamtime(settings: Settings) -> None:
    if settings.beamtime.fixed is not None:
        FixedBeamtime(settings.beamtime.fixed, settings.beamtime.id)


def _table(settings: Settings) -> None:
    if settings.groups.table is not None:
        _, wrong = GroupTableFile(settings.groups.table).read()
        if wrong:
            raise failure(Failure.BAD_REQUEST, " ".join(f"{one.where}: {one.words}" for one in wrong))


def _hook_command(settings: Settings) -> None:
    command = settings.results.hooks.command
    checked_plan(command, "")
    if command and not (Path(command[0]).is_file() and os.access(command[0], os.X_OK)):
        raise failure(Failure.BAD_REQUEST, f"{command[0]} is no program that may be run.")


def _slurm(settings: Settings) -> None:
    if settings.cluster.kind != "slurm":
        return
    checked(settings)
    hosts = settings.cluster.slurm.known_hosts
    if settings.cluster.slurm.via == "ssh" and hosts is not None and not os.access(hosts, os.R_OK):
        raise failure(Failure.BAD_REQUEST, f"{hosts} cannot be read: no gateway would be believed.")


def _tokens(settings: Settings) -> None:
    if settings.http.port:
        try:
            tokens_of(settings)
        except BeampaceError as error:
            raise failure(error.code, f"{error.detail} {error.next_step}") from error


def _proxies(settings: Settings) -> None:
    section = settings.http
    if section.port and section.public_url.startswith("https:") and not section.proxies:
        raise failure(
            Failure.BAD_REQUEST,
            f"{section.public_url} is https, but no proxy is believed that says so: nobody could log in. "
            "Name the address of the proxy.",
        )


def _ledger(settings: Settings) -> None:
    address = address_of(settings.store.url.get_secret_value() or settings.state_dir)
    if address.file is not None:
        refuse_network(address.file)


def _state(settings: Settings) -> None:
    for directory in (settings.state_dir, *(settings.state_dir / name for name in CLOSED)):
        _writable(directory)


def _writable(directory: Path) -> None:
    """See that a directory can be written, or made."""
    there = next(path for path in (directory, *directory.parents) if path.exists() or path.is_symlink())
    if not there.is_dir():
        raise failure(Failure.BAD_REQUEST, f"{there} is no directory.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise failure(Failure.BAD_REQUEST, f"{there} cannot be written by this account (uid {os.geteuid()}).")


CHECKS = (
    Check(("state_dir",), _state),
    Check(("store.url", "state_dir"), _ledger),
    Check(("beamtime.fixed", "beamtime.id"), _beamtime),
    Check(
        ("cluster.urgent_cores", "cluster.live_cores", "cluster.urgent_memory_mb", "cluster.cores"),
        lambda settings: capacity_of(settings.cluster),
    ),
    Check(("cluster.slurm.known_hosts", "cluster.slurm.work_room", "cluster.kind"), _slurm),
    Check(("http.tokens", "http.port"), _tokens),
    Check(("http.proxies", "http.public_url"), _proxies),
    Check(("control.allowed_users",), lambda settings: Allowed.of(settings.control.allowed_users)),
    Check(("control.allowed_groups",), lambda settings: Allowed.of((), settings.control.allowed_groups)),
    Check(("groups.pattern", "groups.rule"), lambda settings: Groups.of(settings.groups)),
    Check(("groups.table",), _table),
    Check(("results.hooks.command",), _hook_command),
    Check(
        ("results.hooks.url",),
        lambda settings: checked_plan((), settings.results.hooks.url.get_secret_value()),
    ),
)
"""What `serve` builds, each with the keys it is built from."""
