"""`beampace demo`: a small beamtime, one scan of it live, worked on by the daemon and shown."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from beampace.cli.console import ConsoleProgress
from beampace.cli.demo_results import exit_of_all, overview, results_below
from beampace.cli.guard import available_cores, guarded
from beampace.cli.scenarios import two_crystals
from beampace.cli.simulate import Plan, write_simulation
from beampace.core.cell import UnitCell
from beampace.core.errors import BeampaceError, Cancelled, failure
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.service.places import socket_path
from beampace.service.socket_client import ask
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.options import InfoFile, WriteOptions
from beampace.simulate.scenario import Lattice, Scenario
from beampace.web import (
    AccessLinkRequest,
    ErrorAnswer,
    LinkAnswer,
    ResultInfo,
    StatusAnswer,
    StatusRequest,
)
from beampace.work import FanOut, Switch

ORTHORHOMBIC = CrystalSpec(UnitCell(38.1, 47.3, 56.7, 90, 90, 90), "P212121", b_factor=60, seed=11)
MONOCLINIC = CrystalSpec(UnitCell(62.4, 37.2, 45.8, 90, 103.5, 90), "C2", b_factor=60, seed=12)
BEAMTIME = "beamtime"
LIVE_RATE = 20.0
PATIENCE_S = 20.0
ASK_EVERY_S = 1.0
STARTED_WITHIN_S = 60.0


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


def demo_command(directory: Path, cores: int | None, *, stay: bool = False) -> int:
    """Carry out the command; returns the exit code.

    Args:
        directory: where it goes.
        cores: for the simulation; all by default.
        stay: keep daemon and pages at the end, until somebody stops it.
    """
    console = Console()

    def run(switch: Switch) -> int:
        started = time.monotonic()
        place = numbered(directory)
        beamtime, state = place / BEAMTIME, place / "state"
        serve = ("--root", str(beamtime), "--state-dir", str(state))
        with played(beamtime, state, serve, cores or available_cores(), console, switch):
            shown = results_below(beamtime / "processed")
            console.print(overview(shown))
            console.print("Look at these:")
            pages = [page for one in shown for page in one.pages]
            for page in (place / BEAMTIME / "processed" / "index.html", *pages):
                console.print(Text(str(page)), soft_wrap=True)
            console.print(f"The demonstration took {time.monotonic() - started:.0f} s.", highlight=False)
            _stay(console, switch, asked=stay)
        return exit_of_all(shown)

    return guarded(Console(stderr=True), run)


def _stay(console: Console, switch: Switch, *, asked: bool) -> None:
    """Keep the pages until somebody stops it, when that was asked for."""
    if not asked:
        console.print("`beampace demo --stay` keeps the pages open at the end.")
        return
    console.print("The pages stay open until Ctrl-C.")
    with suppress(Cancelled):
        while True:
            switch.check()
            time.sleep(ASK_EVERY_S)


@contextmanager
def played(
    beamtime: Path, state_dir: Path, serve: Sequence[str], cores: int, console: Console, progress: Progress
) -> Iterator[None]:
    """The small beamtime, written and worked on, a scan of it live; the daemon goes on for the block.

    Args:
        beamtime: its directory, with `raw` and `processed`.
        state_dir: the daemon's directory.
        serve: what `beampace serve` is told.
        cores: for the simulation.
        console: where it is shown.
        progress: asked whether to stop.

    Raises:
        InfrastructureError: the daemon ended, or never answered.
        Cancelled: `progress.check` said so.
    """
    there, live = scans()
    console.print(Text(f"A small beamtime is simulated in {beamtime}"), soft_wrap=True)
    with ConsoleProgress(console) as bars:
        for scan in there:
            write_simulation(plan_of(scan, beamtime, cores), FanOut((bars, progress)))
    with ExitStack() as stack:
        daemon = stack.enter_context(running_daemon(serve, state_dir))
        tell_address(daemon, console, progress)
        console.print(
            "The daemon is started: grid scan, test shots and rotation scan are worked on by themselves."
        )
        console.print(f"Another scan is taken now, at {LIVE_RATE:.0f} frames/s.")
        stack.enter_context(detector(live, beamtime))
        follow(daemon, len(there) + 1, console, progress)
        yield


@contextmanager
def running_daemon(serve: Sequence[str], state_dir: Path) -> Iterator[Daemon]:
    """`beampace serve` with these arguments, for as long as the context lasts."""
    command = [sys.executable, "-P", "-m", "beampace", "serve", *serve]
    settings = {"BEAMPACE_WATCH__PATIENCE_S": f"{PATIENCE_S:g}", "BEAMPACE_HTTP__PORT": str(free_port())}
    environment = {**os.environ, **settings}
    with (
        place_for_words(state_dir) as words,
        subprocess.Popen(command, stdout=words, stderr=words, env=environment) as process,
    ):
        try:
            yield Daemon(process, socket_path(state_dir), state_dir.parent / WORDS)
        finally:
            process.terminate()


def free_port() -> int:
    """A port of this machine that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


WORDS = "daemon.txt"
"""What the daemon says, beside its directory."""


@contextmanager
def place_for_words(state_dir: Path) -> Iterator[int]:
    """A file for what the daemon says."""
    with (state_dir.parent / WORDS).open("wb") as stream:
        yield stream.fileno()


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon of our own: its process, its socket, and the file of its words."""

    process: subprocess.Popen[bytes]
    socket: Path
    words: Path

    def status(self) -> StatusAnswer | None:
        """How things are, or None while it starts.

        Raises:
            InfrastructureError: it has ended.
        """
        if self.process.poll() is not None:
            said = self.words.read_text(encoding="utf-8", errors="replace").strip()[-500:]
            raise failure(Failure.ENGINE_FAILED, f"The daemon ended with {self.process.returncode}: {said}")
        try:
            answer = ask(self.socket, StatusRequest())
        except BeampaceError as error:
            if error.code is Failure.DAEMON_MISSING:
                return None
            raise
        return answer if isinstance(answer, StatusAnswer) else None


def tell_address(daemon: Daemon, console: Console, progress: Progress) -> None:
    """Say under which address the pages let in, once.

    Raises:
        InfrastructureError: the daemon ended, or never answered.
        Cancelled: `progress.check` said so.
    """
    deadline = time.monotonic() + STARTED_WITHIN_S
    while daemon.status() is None:
        progress.check()
        if time.monotonic() > deadline:
            raise failure(Failure.TIMED_OUT, f"The daemon did not answer at {daemon.socket}.")
        time.sleep(0.1)
    answer = ask(daemon.socket, AccessLinkRequest(note="the demonstration"))
    if isinstance(answer, LinkAnswer):
        console.print("The pages, live; the address lets in once:")
        console.print(Text(answer.address), soft_wrap=True)
    elif isinstance(answer, ErrorAnswer):
        console.print(Text(f"There are no pages: {answer.words}"), soft_wrap=True)


def follow(daemon: Daemon, n_datasets: int, console: Console, progress: Progress) -> None:
    """Show each result as it comes, until all datasets have ended and nothing is left to do.

    Raises:
        InfrastructureError: the daemon ended, or never answered.
        Cancelled: `progress.check` said so.
    """
    seen: set[int] = set()
    deadline = time.monotonic() + STARTED_WITHIN_S
    while True:
        progress.check()
        status = daemon.status()
        if status is not None:
            deadline = float("inf")
            for result in sorted(status.results, key=lambda result: result.id):
                if result.id not in seen:
                    seen.add(result.id)
                    console.print(Text(_line(result)), soft_wrap=True)
            if finished(status, n_datasets):
                return
        elif time.monotonic() > deadline:
            raise failure(Failure.TIMED_OUT, f"The daemon did not answer at {daemon.socket}.")
        time.sleep(ASK_EVERY_S)


def finished(status: StatusAnswer, n_datasets: int) -> bool:
    """Whether every dataset has ended and nothing runs or waits."""
    ended = sum(number for state, number in status.datasets.items() if state != "growing")
    return ended == n_datasets and not status.running and not status.next


def _line(result: ResultInfo) -> str:
    work = f"{result.work.value} {result.engine}".strip()
    lag = result.last_frame_to_result_s
    after = "" if lag is None else f" ({lag:.0f} s after the last frame was seen)"
    return f"{result.place}: {work}: {result.words}{after}"


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


def plan_of(scan: Scan, beamtime: Path, cores: int) -> Plan:
    """What is written for a scan."""
    options = WriteOptions(
        images_per_file=scan.images_per_file, rate=scan.rate, info=InfoFile.AFTER, patch=True, patch_delay=0.2
    )
    return Plan(scan.scenario, beamtime / "raw" / scan.place, options, cores)
