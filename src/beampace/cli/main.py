"""The program: commands and their options."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from beampace import __version__
from beampace.cli import access_commands, daemon_commands, numba_cache
from beampace.cli.two_words import TwoWords
from beampace.cli.words import FileFault, GridCorner, GridScore, Trouble, Wanted
from beampace.core.dataset import DatasetKind
from beampace.simulate.options import FileLayout

app = typer.Typer(
    name="beampace",
    cls=TwoWords,
    help="Processing that keeps pace with the beam: from the detector's frames to what its users need next.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
daemon_commands.register(app)
access_commands.register(app)


def run() -> None:
    """Entry point of the program."""
    numba_cache.choose(os.environ, numba_cache.shipped_directory())
    app()


def _version(wanted: bool) -> None:  # noqa: FBT001 - the form typer calls
    if wanted:
        sys.stdout.write(f"beampace {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Processing that keeps pace with the beam: from the detector's frames to what its users need next."""


Cores = Annotated[int | None, typer.Option(help="Cores to use; all by default.", min=1)]
Json = Annotated[
    bool, typer.Option("--json", help="Print the result record and nothing else to standard output.")
]

Quiet = Annotated[
    float | None,
    typer.Option(
        help="Seconds without a new frame that end a scan; by default it depends on the frame time.", min=0
    ),
]


@app.command()
def process(
    master: Annotated[
        Path, typer.Argument(metavar="MASTER", help="Master file of a rotation dataset (..._master.h5).")
    ],
    engine: Annotated[
        str, typer.Option(help="Engine: dials, xds, xds-stock, fast, or the name of a recipe.")
    ] = "dials",
    recipes: Annotated[
        Path | None,
        typer.Option(help="Directory with recipes (*.toml); those of BEAMPACE_RECIPES are known anyway."),
    ] = None,
    images: Annotated[str | None, typer.Option(help="Frames A:B, from 1, both included.")] = None,
    space_group: Annotated[str | None, typer.Option(help="Space group to impose, e.g. P43212 or 96.")] = None,
    unit_cell: Annotated[str | None, typer.Option(help="Expected cell a,b,c,alpha,beta,gamma.")] = None,
    d_min: Annotated[float | None, typer.Option(help="Resolution limit in angstrom.")] = None,
    free_r: Annotated[
        Path | None,
        typer.Option(metavar="REFERENCE", help="Merged MTZ file whose free-R flags are taken over."),
    ] = None,
    cores: Cores = None,
    out: Annotated[Path | None, typer.Option(help="Result directory: new or empty.")] = None,
    quiet: Annotated[
        float | None,
        typer.Option(
            help="Seconds without a new frame that end a scan; by default it depends on the frame time.",
            min=0,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """A rotation dataset to merged data; follows a scan that is still being written."""
    from beampace.cli.process import Asked, process_command

    asked = Asked(master, engine, images, space_group, unit_cell, d_min, cores, out, quiet, recipes, free_r)
    raise typer.Exit(process_command(asked, json=json))


@app.command()
def strategy(
    masters: Annotated[
        list[Path],
        typer.Argument(metavar="MASTER [MASTER...]", help="Master files of test shots of one crystal."),
    ],
    completeness: Annotated[float, typer.Option(help="Wanted, 0 to 1.")] = 0.99,
    multiplicity: Annotated[float | None, typer.Option(help="Least multiplicity.", min=1)] = None,
    i_over_sigma: Annotated[
        float, typer.Option(help="Wanted mean I/sigma at the resolution limit.", min=0.1)
    ] = 2.0,
    d_min: Annotated[float | None, typer.Option(help="Wanted resolution; else what the shots give.")] = None,
    anomalous: Annotated[bool, typer.Option("--anomalous", help="Plan for an anomalous signal.")] = False,
    transmission: Annotated[
        float | None, typer.Option(help="Of the test shots, 0 to 1; else what their master says.")
    ] = None,
    flux: Annotated[
        float | None, typer.Option(help="Photons/s at full transmission, for the dose.", min=0)
    ] = None,
    beam: Annotated[
        str | None, typer.Option(help="Width and height of the beam in um; else as configured, or 50x50.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Configuration file whose [beamline] says what the beamline can do."),
    ] = None,
    space_group: Annotated[str | None, typer.Option(help="Known space group, e.g. P43212 or 96.")] = None,
    unit_cell: Annotated[str | None, typer.Option(help="Known cell a,b,c,alpha,beta,gamma.")] = None,
    out: Annotated[Path | None, typer.Option(help="Result directory: new or empty.")] = None,
    quiet: Quiet = None,
    json: Json = False,
) -> None:
    """Test shots to a data-collection strategy: lattice, range, width, exposure, distance."""
    from beampace.cli.strategy import StrategyAsked, strategy_command

    asked = StrategyAsked(
        tuple(masters), completeness, multiplicity, i_over_sigma, d_min, anomalous, transmission, flux, beam,
        unit_cell, space_group, out, quiet, config,
    )  # fmt: skip
    raise typer.Exit(strategy_command(asked, json=json))


@app.command()
def look(
    master: Annotated[Path, typer.Argument(metavar="MASTER", help="Master file (..._master.h5).")],
    images: Annotated[str | None, typer.Option(help="Frames A:B, from 1, both included.")] = None,
    cores: Cores = None,
    out: Annotated[Path | None, typer.Option(help="Result directory: new or empty.")] = None,
    quiet: Quiet = None,
    json: Json = False,
) -> None:
    """An answer per image: spots, resolution, background, ice; follows a scan that is still being written."""
    from beampace.cli.look import LookAsked, look_command

    raise typer.Exit(look_command(LookAsked(master, images, cores, out, quiet), json=json))


@app.command("map")
def map_grid(
    masters: Annotated[
        list[Path],
        typer.Argument(
            metavar="MASTER [MASTER]",
            help="Master file of a grid scan; a second one of a grid at 90 degrees.",
        ),
    ],
    grid: Annotated[str | None, typer.Option(help="COLUMNSxROWS; else from info.txt or the files.")] = None,
    step_um: Annotated[str | None, typer.Option(help="Cell size X,Y in um.")] = None,
    snake: Annotated[
        bool | None,
        typer.Option("--snake/--raster", help="Scan order; the data decide by default.", show_default=False),
    ] = None,
    vertical: Annotated[
        bool, typer.Option("--vertical/--horizontal", help="Whether lines of the scan are columns or rows.")
    ] = False,
    corner: Annotated[GridCorner, typer.Option(help="Where the first frame lies.")] = GridCorner.TOP_LEFT,
    score: Annotated[GridScore, typer.Option(help="What the map shows.")] = GridScore.SPOTS,
    cores: Cores = None,
    out: Annotated[Path | None, typer.Option(help="Result directory: new or empty.")] = None,
    quiet: Quiet = None,
    json: Json = False,
) -> None:
    """A grid scan to a heat map with ranked crystals, filled while the scan runs."""
    from beampace.cli.map import MapAsked, map_command

    asked = MapAsked(
        tuple(masters), grid, step_um, snake, vertical, corner.value, score.value, cores, out, quiet
    )
    raise typer.Exit(map_command(asked, json=json))


@app.command()
def simulate(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the dataset goes; created.")],
    name: Annotated[str, typer.Option(help="Prefix of the files.")] = "simulated",
    kind: Annotated[DatasetKind, typer.Option(help="What to simulate.")] = DatasetKind.ROTATION,
    detector: Annotated[str, typer.Option(help="EIGER2 1M, 4M, 9M, 16M, or a full name.")] = "1M",
    space_group: Annotated[str, typer.Option(help="Any space group, e.g. P212121.")] = "P43212",
    unit_cell: Annotated[str, typer.Option(help="a,b,c,alpha,beta,gamma.")] = "78.5,78.5,37.5,90,90,90",
    frames: Annotated[int, typer.Option(help="Frames.", min=1)] = 360,
    start: Annotated[float, typer.Option(help="Spindle angle of the first frame, degrees.")] = 0.0,
    width: Annotated[float, typer.Option(help="Degrees per frame.")] = 0.5,
    grid: Annotated[str, typer.Option(help="COLUMNSxROWS of a grid scan.")] = "12x8",
    distance: Annotated[float, typer.Option(help="Detector distance, mm.")] = 100.0,
    wavelength: Annotated[float, typer.Option(help="Wavelength, angstrom.")] = 1.0332,
    background: Annotated[float, typer.Option(help="Background counts per pixel.", min=0)] = 0.3,
    photons: Annotated[float, typer.Option(help="Mean photons of a full spot at 3 to 5 angstrom.")] = 400.0,
    mosaicity: Annotated[float, typer.Option(help="Mosaicity (e.s.d.), degrees.")] = 0.12,
    b_factor: Annotated[float, typer.Option(help="B of the crystal, square angstrom.", min=0)] = 20.0,
    trouble: Annotated[list[Trouble] | None, typer.Option(help="What is wrong with the crystal.")] = None,
    layout: Annotated[FileLayout, typer.Option(help="File layout.")] = FileLayout.LEGACY,
    images_per_file: Annotated[int, typer.Option(help="Frames per data file.", min=1)] = 100,
    rate: Annotated[float, typer.Option(help="Frames per second; 0 is as fast as possible.", min=0)] = 0.0,
    fault: Annotated[list[FileFault] | None, typer.Option(help="What is wrong with the files.")] = None,
    seed: Annotated[int, typer.Option(help="Chooses atoms, orientation and noise.")] = 1,
    cores: Cores = None,
) -> None:
    """Write a synthetic dataset as the detector would leave it, and the truth beside it."""
    from beampace.cli.simulate import simulate_command

    wanted = Wanted(
        directory=directory,
        name=name,
        kind=kind,
        detector=detector,
        space_group=space_group,
        unit_cell=unit_cell,
        frames=frames,
        start=start,
        width=width,
        grid=grid,
        distance=distance,
        wavelength=wavelength,
        background=background,
        photons=photons,
        mosaicity=mosaicity,
        b_factor=b_factor,
        trouble=tuple(trouble or ()),
        layout=layout,
        images_per_file=images_per_file,
        rate=rate,
        fault=tuple(fault or ()),
        seed=seed,
        cores=cores,
    )
    raise typer.Exit(simulate_command(wanted))


@app.command("simulate beamtime")
def simulate_beamtime(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Directory of the beamtime; raw, processed... are made there."),
    ],
    datasets: Annotated[int, typer.Option(help="Datasets.")] = 12,
    pace: Annotated[float, typer.Option(help="Seconds from one dataset to the next.")] = 10.0,
    groups: Annotated[int, typer.Option(help="Groups that take turns.")] = 2,
    frames: Annotated[int, typer.Option(help="Frames of a rotation scan.")] = 20,
    images_per_file: Annotated[int, typer.Option(help="Frames per data file of a rotation scan.")] = 5,
    rate: Annotated[float, typer.Option(help="Frames per second.")] = 20.0,
    kinds: Annotated[
        str, typer.Option(help="Kinds of datasets, in turn.")
    ] = "grid,screening,rotation,stills",
    detailed: Annotated[
        int, typer.Option(help="Rotation scans of a larger detector, that give merged data.")
    ] = 0,
    habits: Annotated[
        bool,
        typer.Option(
            help="Aborted and blank scans, copied and renamed masters, a second run into a directory."
        ),
    ] = True,
    slow: Annotated[bool, typer.Option(help="A file system on which some files appear in pieces.")] = True,
    late: Annotated[float, typer.Option(help="Seconds by which late files are late.")] = 120.0,
    linger: Annotated[float, typer.Option(help="Seconds from the last frame to the end.")] = 60.0,
    faults: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[=COUNT]",
            help="Faults to inject: daemon-killed, job-killed, disk-full, clock-step, truncated, late.",
        ),
    ] = None,
    daemon: Annotated[
        str, typer.Option(help='Command line of a daemon to start, e.g. "beampace serve --config FILE".')
    ] = "",
    id: Annotated[str, typer.Option(help="Beamtime id, digits.")] = "11010000",  # noqa: A002
    seed: Annotated[int, typer.Option(help="Chooses everything else.")] = 1,
    cores: Cores = None,
) -> None:
    """Play a beamtime in real time, as P11's detector and control program would leave it; inject faults."""
    from beampace.cli.beamtime import BeamtimeAsked, beamtime_command

    asked = BeamtimeAsked(
        directory=directory,
        id=id,
        daemon=daemon,
        cores=cores,
        kinds=kinds,
        faults=tuple(faults or ()),
        habits=habits,
        slow=slow,
        numbers={
            "datasets": datasets,
            "pace_s": pace,
            "groups": groups,
            "frames": frames,
            "per_file": images_per_file,
            "rate": rate,
            "detailed": detailed,
            "late_s": late,
            "linger_s": linger,
            "seed": seed,
        },
    )
    raise typer.Exit(beamtime_command(asked))


@app.command()
def demo(
    directory: Annotated[Path, typer.Option("--dir", help="Where it goes.")] = Path("beampace-demo"),
    cores: Cores = None,
    stay: Annotated[bool, typer.Option("--stay", help="Keep the pages open at the end.")] = False,
) -> None:
    """Simulate a small beamtime, one scan of it live, process it, and show the results; pages live."""
    from beampace.cli.demo import demo_command

    raise typer.Exit(demo_command(directory, cores, stay=stay))


@app.command()
def check(
    site: Annotated[
        bool, typer.Option("--site", help="Ask what the cluster of the open beamtime allows, and say so.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="With --site: the daemon's configuration file.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what is installed, what is missing and how to get it."""
    if config is not None and not site:
        raise typer.BadParameter("it goes with --site.", param_hint="--config")
    if site:
        from beampace.cli.check_site import check_site_command

        raise typer.Exit(check_site_command(config, json=json))
    from beampace.cli.check import check_command

    raise typer.Exit(check_command(json=json))


@app.command(hidden=True)
def job(order: Annotated[Path, typer.Argument(metavar="ORDER.json", help="What to do.")]) -> None:
    """Carry out an order of the daemon's."""
    from beampace.cli.job import job_command

    raise typer.Exit(job_command(order))


@app.command(hidden=True)
def warm() -> None:
    """Compile all kernels now, so that nobody waits for it later."""
    from beampace.cli.warm import warm_command

    raise typer.Exit(warm_command())
