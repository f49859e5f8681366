"""`beampace demo`: a small beamtime, one scan of it live, processed and shown."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beampace.cli.console import ConsoleProgress
from beampace.cli.guard import available_cores, guarded
from beampace.cli.process import STYLES, run_process
from beampace.cli.scenarios import two_crystals
from beampace.cli.simulate import Plan, write_simulation
from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.results import Result
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.options import InfoFile, WriteOptions
from beampace.simulate.scenario import Lattice, Scenario
from beampace.work import FanOut, Finished, ProcessOptions, Switch
from beampace.work.map import MapOptions, map_grid
from beampace.work.map_shape import GridWishes

ORTHORHOMBIC = CrystalSpec(UnitCell(38.1, 47.3, 56.7, 90, 90, 90), "P212121", b_factor=60, seed=11)
MONOCLINIC = CrystalSpec(UnitCell(62.4, 37.2, 45.8, 90, 103.5, 90), "C2", b_factor=60, seed=12)
LIVE_RATE = 20.0
PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Scan:
    """One dataset of the demonstration: scenario, directory below `raw`, pace of the files."""

    scenario: Scenario
    place: str
    images_per_file: int
    rate: float = 0.0


def scans() -> tuple[tuple[Scan, ...], Scan]:
    """The datasets that are there when the demonstration begins, and the one that is taken live."""
    base = Scenario(distance=95.0, photons=120.0, lattices=(Lattice(seed=3),), width=1.0, n_frames=100)
    ortho = replace(base, crystal=ORTHORHOMBIC, name="ortho_1", seed=21)
    grid = replace(base, crystal=ORTHORHOMBIC, name="ortho_grid_1", width=0.0, grid=two_crystals(12, 8))
    shots = replace(ortho, name="ortho_shots_1", width=0.1, interval=90.0, n_frames=4)
    mono = replace(base, crystal=MONOCLINIC, name="mono_1", seed=22, n_frames=160)
    there = (
        Scan(grid, "user1/ortho/grid_001", 12),
        Scan(shots, "user1/ortho/screening_001", 1),
        Scan(ortho, "user1/ortho/rotational_001", 100),
    )
    return there, Scan(mono, "user1/mono/rotational_001", 25, LIVE_RATE)


def demo_command(directory: Path, cores: int | None) -> int:
    """Carry out the command; returns the exit code."""
    console = Console()

    def run(switch: Switch) -> int:
        started = time.monotonic()
        played = play(numbered(directory), cores or available_cores(), console, switch)
        console.print(overview(played.rotations))
        console.print(Text(f"Map: {played.grid.result.verdict.words}"))
        console.print("Look at these:")
        for path in played.pages:
            console.print(Text(str(path)), soft_wrap=True)
        console.print(f"The demonstration took {time.monotonic() - started:.0f} s.", highlight=False)
        return int(max(one.exit for one in (played.grid, *played.rotations)))

    return guarded(Console(stderr=True), run)


@dataclass(frozen=True, slots=True)
class Played:
    """What came of the small beamtime."""

    grid: Finished
    rotations: tuple[Finished, ...]

    @property
    def pages(self) -> tuple[Path, ...]:
        """What a person looks at."""
        maps = (self.grid.directory / "map.png",) if self.grid.directory else ()
        return (*maps, *(one.directory / "report.html" for one in self.rotations if one.directory))


def play(beamtime: Path, cores: int, console: Console, switch: Switch) -> Played:
    """Write the small beamtime, work on what is there, then on a scan while it is taken."""
    there, live = scans()
    console.print(Text(f"A small beamtime is simulated in {beamtime}"), soft_wrap=True)
    with ConsoleProgress(console) as bars:
        progress = FanOut((bars, switch))
        masters = [write_simulation(_plan(scan, beamtime, cores), progress) for scan in there]
        progress.note("The grid scan becomes a map; the test shots wait for a strategy.")
        grid = map_grid(_mapped(masters[0], beamtime, there[0], cores), progress)
        progress.note("The rotation scan is processed.")
        first = run_process(_asked(masters[-1], beamtime, there[-1], cores), progress)
        progress.note(f"Another one is taken now, at {LIVE_RATE:.0f} frames/s, and processed as it comes.")
        with detector(live, beamtime) as writer:
            master = _wait_for(writer, beamtime, live, progress)
            second = run_process(_asked(master, beamtime, live, cores), progress)
    return Played(grid, (first, second))


@contextmanager
def detector(scan: Scan, beamtime: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The detector of the demonstration: a process of its own that writes a dataset at its pace."""
    with subprocess.Popen(
        _command(scan, beamtime), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as writer:
        try:
            yield writer
        finally:
            writer.terminate()


def _command(scan: Scan, beamtime: Path) -> list[str]:
    """`beampace simulate` for a scan."""
    scenario, crystal = scan.scenario, scan.scenario.crystal or ORTHORHOMBIC
    options = {
        "name": scenario.name,
        "space-group": crystal.space_group,
        "unit-cell": ",".join(str(value) for value in crystal.unit_cell.parameters),
        "frames": scenario.n_frames,
        "width": scenario.width,
        "distance": scenario.distance,
        "b-factor": crystal.b_factor,
        "photons": scenario.photons,
        "seed": scenario.seed,
        "images-per-file": scan.images_per_file,
        "rate": scan.rate,
        "cores": 1,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-m", "beampace", "simulate", str(beamtime / "raw" / scan.place), *words]


def numbered(directory: Path) -> Path:
    """`directory/NNN` with the first number that is free."""
    number = 1
    while (directory / f"{number:03d}").exists():
        number += 1
    place = directory / f"{number:03d}"
    place.mkdir(parents=True)
    return place.absolute()


def overview(finished: Iterable[Finished]) -> Table:
    """One row per processed dataset."""
    table = Table(title="Results", title_style="bold", pad_edge=False)
    for head in ("dataset", "verdict", "space group", "unit cell", "d_min", "compl.", "CC1/2"):
        table.add_column(head, no_wrap=head not in ("dataset", "space group"), overflow="fold")
    for one in finished:
        verdict = Text(one.result.verdict.code, style=STYLES.get(one.exit, "bold red"))
        name = one.result.dataset.name if one.result.dataset else ""
        table.add_row(name, verdict, *_numbers(one.result))
    return table


def _numbers(result: Result) -> tuple[str, ...]:
    if result.crystal is None or result.statistics is None:
        return ()
    crystal, overall = result.crystal, result.statistics.overall
    return (
        "\n".join(crystal.space_group_candidates),
        "{:.1f} {:.1f} {:.1f}\n{:.1f} {:.1f} {:.1f}".format(*crystal.unit_cell),
        f"{overall.d_min:.2f}",
        "-" if overall.completeness is None else f"{100 * overall.completeness:.0f} %",
        "-" if overall.cc_half is None else f"{overall.cc_half:.3f}",
    )


def _plan(scan: Scan, beamtime: Path, cores: int) -> Plan:
    options = WriteOptions(
        images_per_file=scan.images_per_file, rate=scan.rate, info=InfoFile.AFTER, patch=True, patch_delay=0.2
    )
    return Plan(scan.scenario, beamtime / "raw" / scan.place, options, cores)


def _mapped(master: Path, beamtime: Path, scan: Scan, cores: int) -> MapOptions:
    out = _results(beamtime, scan, "map")
    wishes = GridWishes(snaked=scan.scenario.grid.snake if scan.scenario.grid else None)
    return MapOptions((master,), wishes, cores=cores, out=out, patience_s=PATIENCE_S)


def _results(beamtime: Path, scan: Scan, work: str) -> Path:
    return beamtime / "processed" / scan.place / "beampace" / f"{work}_001"


def _asked(master: Path, beamtime: Path, scan: Scan, cores: int) -> ProcessOptions:
    out = _results(beamtime, scan, "process")
    return ProcessOptions(master=master, cores=cores, out=out, patience_s=PATIENCE_S)


def _wait_for(writer: subprocess.Popen[bytes], beamtime: Path, scan: Scan, progress: Progress) -> Path:
    """The master file, once the detector has written it."""
    master = beamtime / "raw" / scan.place / f"{scan.scenario.name}_master.h5"
    progress.stage("wait for the detector")
    while not master.exists():
        progress.check()
        if writer.poll():
            raise failure(Failure.ENGINE_FAILED, f"The simulated detector ended with {writer.returncode}.")
        time.sleep(0.1)
    return master
