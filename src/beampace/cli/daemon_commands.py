"""The commands that talk to the daemon, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beampace.core.dataset import DatasetKind

StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        help="The daemon's directory; else BEAMPACE_STATE_DIR, the configuration's, the usual one.",
    ),
]
Config = Annotated[Path | None, typer.Option("--config", help="The daemon's configuration file.")]
Json = Annotated[bool, typer.Option("--json", help="Print the answer and nothing else to standard output.")]
Beamtime = Annotated[
    str, typer.Argument(metavar="[BEAMTIME]", help="Id of the beamtime; the open or last one by default.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for command in (serve, status, announce, reprocess, cancel, report, capacity):
        app.command()(command)
    settings = typer.Typer(name="config", help="The daemon's configuration.", no_args_is_help=True)
    settings.command()(show)
    settings.command()(verify)
    settings.command()(schema)
    settings.command()(tokens)
    app.add_typer(settings)


def serve(
    config: Config = None,
    root: Annotated[
        Path | None,
        typer.Option(help="Work on this directory with raw and processed; no metadata file is needed."),
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """The daemon: sees datasets, plans work, keeps it running and publishes results."""
    from beampace.cli.serve import serve_command

    raise typer.Exit(serve_command(config, root, state_dir))


def show(
    config: Config = None,
    *,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
) -> None:
    """Every key and its value."""
    from beampace.cli.config import show_command

    raise typer.Exit(show_command(config, origin=origin))


def verify(config: Config = None) -> None:
    """Say whether a daemon can be started with the configuration; wrong keys are named."""
    from beampace.cli.config import verify_command

    raise typer.Exit(verify_command(config))


def tokens(config: Config = None) -> None:
    """Make the token file of the HTTP interface and print the tokens, once."""
    from beampace.cli.config import tokens_command

    raise typer.Exit(tokens_command(config))


def schema() -> None:
    """The schema of the configuration file, JSON."""
    from beampace.cli.config import schema_command

    raise typer.Exit(schema_command())


def status(
    beamtime: Beamtime = "",
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every second.")] = False,
    state_dir: StateDir = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """How things are: beamtime, what runs and waits, last results, troubles."""
    from beampace.cli.calling import Where
    from beampace.cli.status import status_command

    raise typer.Exit(status_command(Where(state_dir, config), beamtime, json=json, watch=watch))


def announce(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Master file, there or still to come.")],
    kind: Annotated[DatasetKind | None, typer.Option(help="What it is, when the files do not say.")] = None,
    group: Annotated[str, typer.Option(help="Whose it is.")] = "",
    sample: Annotated[str, typer.Option(help="Sample or puck position.")] = "",
    frames: Annotated[int | None, typer.Option(help="Frames planned.", min=1)] = None,
    *,
    state_dir: StateDir = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Tell the daemon of a dataset before it finds it; the same twice changes nothing."""
    from beampace.cli.announce import Announced, announce_command
    from beampace.cli.calling import Where

    typed = Announced(path, kind, group, sample, frames)
    raise typer.Exit(announce_command(Where(state_dir, config), typed, json=json))


def reprocess(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Number of a dataset, or its master.")],
    engine: Annotated[str, typer.Option(help="Engine or recipe; the usual one by default.")] = "",
    images: Annotated[str | None, typer.Option(help="Frames A:B, from 1, both included.")] = None,
    space_group: Annotated[str | None, typer.Option(help="Space group to impose, e.g. P43212 or 96.")] = None,
    unit_cell: Annotated[str | None, typer.Option(help="Expected cell a,b,c,alpha,beta,gamma.")] = None,
    d_min: Annotated[float | None, typer.Option(help="Resolution limit in angstrom.")] = None,
    *,
    state_dir: StateDir = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Have the daemon process a dataset again, with other wishes."""
    from beampace.cli.calling import Where
    from beampace.cli.reprocess import Wished, reprocess_command

    typed = Wished(dataset, engine, images, space_group, unit_cell, d_min)
    raise typer.Exit(reprocess_command(Where(state_dir, config), typed, json=json))


def cancel(
    named: Annotated[
        str, typer.Argument(metavar="JOB|DATASET", help="Key of a job; number or master of a dataset.")
    ],
    *,
    state_dir: StateDir = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """End a job, or all work on a dataset that has not ended."""
    from beampace.cli.calling import Where
    from beampace.cli.cancel import cancel_command

    raise typer.Exit(cancel_command(Where(state_dir, config), named, json=json))


def report(
    beamtime: Beamtime = "",
    html: Annotated[Path | None, typer.Option(help="Write the page to this file.")] = None,
    accounts: Annotated[
        Path | None, typer.Option(help="Write what each group used to this CSV file.")
    ] = None,
    *,
    state_dir: StateDir = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """A beamtime in numbers: lag, lost, doubled, failures, what each group used; needs no daemon."""
    from beampace.cli.calling import Where
    from beampace.cli.report import Reported, report_command

    typed = Reported(beamtime, html, accounts)
    raise typer.Exit(report_command(Where(state_dir, config), typed, json=json))


def capacity(
    description: Annotated[
        str,
        typer.Argument(
            metavar="DESCRIPTION",
            help="TOML file that describes a beamtime; or p11-today, p11-scans, p11-maxwell: shipped.",
        ),
    ] = "p11-maxwell",
    nodes: Annotated[
        int | None, typer.Option(help="Nodes, in the place of the description's.", min=1, max=1000)
    ] = None,
    most: Annotated[int, typer.Option(help="Nodes beyond which nothing is tried.", min=1, max=1000)] = 64,
    seed: Annotated[int, typer.Option(help="Chooses all that is random.", min=0)] = 1,
    repeats: Annotated[int, typer.Option(help="How often the beamtime is simulated.", min=4, max=100)] = 6,
    plot: Annotated[Path | None, typer.Option(help="Write the picture to this PNG file.")] = None,
    beamtime: Annotated[
        str | None,
        typer.Option(help="Simulate this beamtime of the ledger, and compare lags with what was measured."),
    ] = None,
    *,
    state_dir: Annotated[
        Path | None,
        typer.Option("--state-dir", help="Take costs from the ledger in this daemon's directory."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Take costs from the ledger of this configuration.")
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the schema of a description, JSON, and end.")
    ] = False,
    text: Annotated[bool, typer.Option("--print", help="Print the description, and end.")] = False,
    json: Json = False,
) -> None:
    """How many nodes keep the lag of a beamtime bounded: a simulation with the daemon's rules and order."""
    from beampace.cli.calling import Where
    from beampace.cli.capacity import Asked, capacity_command, print_command, schema_command

    if schema or text:
        raise typer.Exit(schema_command() if schema else print_command(description))
    measured = any(given is not None for given in (state_dir, config, beamtime))
    asked = Asked(description, nodes, most, seed, repeats, plot, measured, beamtime)
    raise typer.Exit(capacity_command(Where(state_dir, config), asked, json=json))
