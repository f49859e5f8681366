"""From what the command line asks for to a `Scenario`."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import reduce

from beampace.cli.options import parse_cell
from beampace.cli.words import Trouble, Wanted
from beampace.core.dataset import DatasetKind
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.simulate.background import Background
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.detectors import CATALOGUE
from beampace.simulate.fate import Fate
from beampace.simulate.grid import Blob, Grid
from beampace.simulate.panel import true_beam, true_detector
from beampace.simulate.scenario import HeaderErrors, Lattice, Scenario

MOST_FRAMES = 1_000_000
MOST_SEED = 2**32 - 1
LONGEST_NAME = 100
REFLECTIONS = (20, 20_000_000)
"""Reflections within the detector's reach below which there is no crystal and above which no memory."""

_TOO_LARGE = (
    "The detector would see about {0:.2g} reflections of --unit-cell {1}; {2} to {3} can be simulated."
)


def scenario_of(wanted: Wanted) -> Scenario:
    """The scenario the command line asks for.

    Raises:
        InputError: the name, a number, the cell, space group, detector or grid cannot be.
    """
    check_name(wanted.name)
    check_numbers(wanted)
    cell = parse_cell(wanted.unit_cell)
    if cell is None:
        raise failure(Failure.BAD_REQUEST, "--unit-cell is needed.")
    base = Scenario(
        name=wanted.name,
        detector=detector_name(wanted.detector),
        wavelength=wanted.wavelength,
        distance=wanted.distance,
        crystal=CrystalSpec(cell, wanted.space_group, wanted.b_factor, seed=wanted.seed),
        lattices=(Lattice(seed=wanted.seed),),
        photons=wanted.photons,
        mosaicity=wanted.mosaicity,
        start=wanted.start,
        width=wanted.width,
        n_frames=wanted.frames,
        background=Background(level=wanted.background),
        seed=wanted.seed,
    )
    check_reach(base, wanted.unit_cell)
    scenario = of_kind(wanted.kind, base, parse_grid(wanted.grid))
    return reduce(with_trouble, wanted.trouble, scenario)


def check_name(name: str) -> None:
    """Refuse a name that is not one plain component of a path.

    Raises:
        InputError: it is empty, hidden, an option, too long, or leads to another directory.
    """
    plain = name.isprintable() and "/" not in name and name.strip() == name and name[:1] not in (".", "-")
    if not (name and plain and len(name.encode()) <= LONGEST_NAME):
        raise failure(
            Failure.BAD_REQUEST,
            f"--name takes the beginning of a file name of at most {LONGEST_NAME} bytes, without / and not "
            f"beginning with . or -, not {name[:LONGEST_NAME]!r}.",
        )


def check_numbers(wanted: Wanted) -> None:
    """Refuse numbers that nothing can be simulated with; what is not a number lies in no range.

    Raises:
        InputError: naming the option and its range.
    """
    ranges = (
        ("--wavelength", wanted.wavelength, 0.1, 6.0),
        ("--distance", wanted.distance, 20.0, 9000.0),
        ("--photons", wanted.photons, 1e-3, 1e9),
        ("--mosaicity", wanted.mosaicity, 1e-4, 5.0),
        ("--width", wanted.width, -180.0, 180.0),
        ("--start", wanted.start, -3600.0, 3600.0),
        ("--background", wanted.background, 0.0, 1e4),
        ("--b-factor", wanted.b_factor, 0.0, 1000.0),
        ("--rate", wanted.rate, 0.0, 1e4),
        ("--frames", wanted.frames, 1, MOST_FRAMES),
        ("--seed", wanted.seed, 0, MOST_SEED),
    )
    for option, value, least, most in ranges:
        if not least <= value <= most:
            raise failure(Failure.BAD_REQUEST, f"{option} takes {least:.10g} to {most:.10g}, not {value}.")


def check_reach(scenario: Scenario, cell: str) -> None:
    """Refuse a cell of which the detector sees nothing, or more than fits into memory.

    The reflections within 1/d are the volume of that sphere over the volume of the reciprocal cell.

    Raises:
        InputError: naming the cell.
    """
    if scenario.crystal is None:
        return
    d_min = true_detector(scenario).best_resolution(true_beam(scenario))
    count = 4 / 3 * math.pi * scenario.crystal.unit_cell.volume / d_min**3
    if not REFLECTIONS[0] <= count <= REFLECTIONS[1]:
        raise failure(
            Failure.BAD_REQUEST,
            _TOO_LARGE.format(count, cell, *REFLECTIONS),
            "Choose another --unit-cell, --distance, --wavelength or --detector.",
        )


def detector_name(word: str) -> str:
    """The name in the catalogue of `16M`, `EIGER2 X 16M`, `PILATUS3 6M`, ...

    Raises:
        InputError: there is no such detector.
    """
    name = word if word in CATALOGUE else f"EIGER2 X {word}"
    if name not in CATALOGUE:
        raise failure(Failure.BAD_REQUEST, f"--detector: {word!r} is none of {', '.join(CATALOGUE)}.")
    return name


def parse_grid(text: str) -> tuple[int, int]:
    """`COLUMNSxROWS`.

    Raises:
        InputError: not of that form, or too many cells.
    """
    columns, cross, rows = text.partition("x")
    digits = len(str(MOST_FRAMES))
    known = all(side.isdecimal() and len(side) <= digits for side in (columns, rows))
    if not (cross and known and 1 <= int(columns) * int(rows) <= MOST_FRAMES):
        raise failure(
            Failure.BAD_REQUEST,
            f"--grid takes COLUMNSxROWS of at most {MOST_FRAMES} cells, not {text[:40]!r}.",
        )
    return int(columns), int(rows)


def of_kind(kind: DatasetKind, base: Scenario, grid: tuple[int, int]) -> Scenario:
    """The scenario of a dataset kind: test shots are 90 degrees apart, a grid holds two crystals."""
    if kind is DatasetKind.SCREENING:
        return replace(base, interval=90.0)
    if kind is DatasetKind.STILLS:
        return replace(base, width=0.0)
    if kind is DatasetKind.GRID:
        return replace(base, width=0.0, grid=two_crystals(*grid), n_frames=grid[0] * grid[1])
    return base


def two_crystals(columns: int, rows: int) -> Grid:
    """A raster with a large crystal, and a small one that overlaps nothing."""
    large = Blob((columns * 0.4, rows * 0.45), (columns * 0.18, rows * 0.2, 2.0), turn=25.0)
    small = Blob((columns * 0.82, rows * 0.75), (columns * 0.08, rows * 0.1, 1.0))
    return Grid(columns, rows, (large, small))


def with_trouble(scenario: Scenario, trouble: Trouble) -> Scenario:
    """The scenario with something gone wrong."""
    middle = scenario.n_frames // 2
    changes: dict[Trouble, dict[str, object]] = {
        Trouble.BLANK: {"crystal": None},
        Trouble.ICE: {"crystal": None, "background": replace(scenario.background, ice=2.0, grains=40.0)},
        Trouble.TWO_LATTICES: {"lattices": (Lattice(1, 0.6), Lattice(2, 0.4))},
        Trouble.DRIFTS: {"fate": Fate(drift=1.0)},
        Trouble.DIES: {"fate": Fate(intensity_left=0.05, b_growth=15.0)},
        Trouble.SLIPS: {"fate": Fate(slip=2.0, slip_frame=middle)},
        Trouble.LEAVES: {"fate": Fate(leaves=(middle, middle + max(1, scenario.n_frames // 10)))},
        Trouble.BEAM_OFF: {"header": HeaderErrors(beam_shift=(30.0, 0.0))},
        Trouble.DISTANCE_OFF: {"header": HeaderErrors(distance_factor=1.1)},
        Trouble.AXIS_FLIPPED: {"header": HeaderErrors(axis_flipped=True)},
    }
    return replace(scenario, **changes[trouble])  # type: ignore[arg-type]
