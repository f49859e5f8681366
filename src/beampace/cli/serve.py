"""`beampace serve`: the daemon."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from rich.console import Console

from beampace.cli.engines import engines
from beampace.cli.guard import guarded
from beampace.core.errors import BeampaceError
from beampace.core.sighting import Trouble
from beampace.core.taxonomy import Exit
from beampace.engines.recipe import list_recipes
from beampace.service.assembly import Engines, assembled, served
from beampace.service.configuration import Configuration, load
from beampace.service.daemon import Daemon
from beampace.service.logs import set_up, tear_down
from beampace.service.settings import Settings
from beampace.service.standing import engine_remark, engine_unusable, left_out
from beampace.service.state import own_directory
from beampace.work import Switch


def serve_command(config: Path | None, root: Path | None, state_dir: Path | None) -> int:
    """Carry out the command; returns the exit code."""
    console = Console(stderr=True)

    def run(switch: Switch) -> int:
        del switch  # the loop handles signals itself
        serve(overridden(load(config), root, state_dir).settings)
        return int(Exit.RESULT)

    return guarded(console, run)


def overridden(configuration: Configuration, root: Path | None, state_dir: Path | None) -> Configuration:
    """The configuration with what the command line says."""
    settings = configuration.settings
    if root is not None:
        section = settings.beamtime.model_copy(update={"fixed": root.absolute()})
        settings = settings.model_copy(update={"beamtime": section})
    if state_dir is not None:
        settings = settings.model_copy(update={"state_dir": state_dir.absolute()})
    return Configuration(settings, configuration.file, configuration.origins)


def serve(settings: Settings) -> None:
    """Serve until a signal comes.

    Raises:
        InputError: another daemon has the state directory, or a value cannot be used (bad_request).
        InfrastructureError: the ledger cannot be opened.
    """
    with own_directory(settings.state_dir):
        log = set_up(settings.log, settings.state_dir / "log", terminal=sys.stderr.isatty())
        try:
            with assembled(settings, engines_of(settings), log) as daemon:
                asyncio.run(_serve(daemon))
        finally:
            tear_down()


async def _serve(daemon: Daemon) -> None:
    async with served(daemon) as port:
        if port is not None:
            daemon.desk.log.info("http.listening", port=port)
        await daemon.run()


def engines_of(settings: Settings) -> Engines:
    """Engines that may be planned: those configured, else those installed; and every sound recipe."""
    recipes, wrong = list_recipes(settings.engines.recipes)
    installed, troubles = _installed()
    named = settings.engines.available
    available = frozenset(installed if named is None else named) | recipes.keys()
    return Engines(available, recipes, (*troubles, *(left_out(error) for error in wrong)))


def _installed() -> tuple[list[str], list[Trouble]]:
    """Engines that can be used, and what is to be known of them and of those that cannot."""
    names, troubles = [], []
    for name, engine in engines().items():
        try:
            if not engine.missing():
                names.append(name)
                troubles += [engine_remark(name, words) for words in engine.remarks()]
        except BeampaceError as error:
            troubles.append(engine_unusable(name, error))
    return names, troubles
