"""From what the command line asks for to a `Scenario`."""

from __future__ import annotations

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
from beampace.simulate.scenario import HeaderErrors, Lattice, Scenario


def scenario_of(wanted: Wanted) -> Scenario:
    """The scenario the command line asks for.

    Raises:
        InputError: the cell, space group, detector or grid cannot be.
    """
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
    scenario = of_kind(wanted.kind, base, parse_grid(wanted.grid))
    return reduce(with_trouble, wanted.trouble, scenario)


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
        InputError: not of that form.
    """
    columns, cross, rows = text.partition("x")
    if not (cross and columns.isdecimal() and rows.isdecimal() and int(columns) and int(rows)):
        raise failure(Failure.BAD_REQUEST, f"--grid takes COLUMNSxROWS, not {text!r}.")
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
