"""`beampace simulate beamtime`: plays a beamtime in real time, and injects faults into it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from beampace.cli.console import ConsoleProgress
from beampace.cli.guard import available_cores, guarded
from beampace.core.dataset import DatasetKind
from beampace.core.errors import failure
from beampace.core.ports import Progress
from beampace.core.taxonomy import Exit, Failure
from beampace.simulate.beamtime.acts import Act, Deed, Script
from beampace.simulate.beamtime.daemon import NO_FAKETIME, Daemon, faketime_library, state_dir_of, with_clock
from beampace.simulate.beamtime.metadata import Beamtime
from beampace.simulate.beamtime.mischief import Mischief
from beampace.simulate.beamtime.played import PLAYED_FILE, Played
from beampace.simulate.beamtime.player import Player
from beampace.simulate.beamtime.script import write_script
from beampace.simulate.beamtime.stage import stage_of
from beampace.simulate.beamtime.stock import Stock, lay_in
from beampace.simulate.beamtime.wishes import Fault, Wishes
from beampace.work import FanOut, Switch

CLOCK_FILE = ".daemon_clock"
_QUIET = frozenset({Deed.HALF_FILE, Deed.FILE, Deed.INFO, Deed.PATCH})


@dataclass(frozen=True, slots=True)
class BeamtimeAsked:
    """The options of `beampace simulate beamtime`."""

    directory: Path
    id: str
    daemon: str
    cores: int | None
    kinds: str
    faults: tuple[str, ...]
    habits: bool
    slow: bool
    numbers: Mapping[str, float]

    @property
    def wishes(self) -> Wishes:
        """The beamtime they describe.

        Raises:
            InputError: there is no such beamtime.
        """
        check_id(self.id)
        return Wishes(
            **self.numbers,  # type: ignore[arg-type]  # numbers are checked by Wishes
            kinds=parse_kinds(self.kinds),
            faults=parse_faults(self.faults),
            habits=self.habits,
            slow=self.slow,
        )


def check_id(text: str) -> None:
    """Refuse a beamtime id that is no number.

    Raises:
        InputError: it is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise failure(Failure.BAD_REQUEST, f"--id takes at most 16 digits, not {text!r}.")


def parse_faults(words: tuple[str, ...]) -> dict[Fault, int]:
    """`KIND` or `KIND=COUNT`, each of them any number of times.

    Raises:
        InputError: there is no such fault, or the count is none.
    """
    wanted: dict[Fault, int] = {}
    for word in words:
        kind, equals, count = word.partition("=")
        if kind not in tuple(Fault) or (equals and not (count.isdecimal() and len(count) < 6)):
            known = ", ".join(Fault)
            raise failure(Failure.BAD_REQUEST, f"--faults takes KIND or KIND=COUNT of {known}, not {word!r}.")
        wanted[Fault(kind)] = wanted.get(Fault(kind), 0) + int(count or 1)
    return wanted


def parse_kinds(text: str) -> tuple[DatasetKind, ...]:
    """Kinds of datasets, separated by commas.

    Raises:
        InputError: there is no such kind.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in tuple(DatasetKind):
            known = ", ".join(DatasetKind)
            raise failure(Failure.BAD_REQUEST, f"--kinds takes some of {known}, not {word!r}.")
    return tuple(DatasetKind(word) for word in words)


def beamtime_command(asked: BeamtimeAsked) -> int:
    """Carry out the command; returns the exit code."""
    console = Console(stderr=True)

    def run(switch: Switch) -> int:
        with ConsoleProgress(console) as bars:
            played = play(asked, FanOut((bars, switch)))
        show(played, console)
        sys.stdout.write(f"{asked.directory / PLAYED_FILE}\n")
        return int(Exit.RESULT)

    return guarded(console, run)


def play(asked: BeamtimeAsked, progress: Progress) -> Played:
    """Simulate the frames, then play.

    Raises:
        InputError: something was played in the directory before, or a fault cannot be injected.
        Cancelled: `progress` said so.
        OSError: files cannot be written.
    """
    wishes, beamtime = asked.wishes, Beamtime(asked.id, asked.directory.absolute())
    if (beamtime.root / PLAYED_FILE).exists() or beamtime.raw.exists():
        raise failure(
            Failure.BAD_REQUEST, f"{beamtime.root} holds a beamtime already.", "Choose another directory."
        )
    daemon, mischief = prepared(wishes, asked.daemon, beamtime)
    beamtime.make()
    script = write_script(wishes, datetime.now(UTC))
    stocks = stocks_of(script, asked.cores or available_cores(), progress)
    stage = stage_of(script, beamtime, stocks, wishes.rate, wishes.seed)
    progress.stage(f"playing beamtime {asked.id}", len(script.acts))
    told = _Telling(progress, script)
    return Player(stage, mischief, daemon, check=progress.check, told=told).play()


def prepared(wishes: Wishes, words: str, beamtime: Beamtime) -> tuple[Daemon | None, Mischief]:
    """The daemon, if there is to be one, and what injects faults.

    Raises:
        InputError: a fault is wanted that cannot be injected.
    """
    daemon = Daemon.from_words(words, beamtime.root) if words else None
    needy = [fault for fault, count in wishes.faults.items() if count and fault.needs_daemon]
    if needy and daemon is None:
        raise failure(Failure.BAD_REQUEST, f"--faults {needy[0]} needs a daemon.", "Give --daemon.")
    clock_file: Path | None = None
    if daemon is not None and wishes.faults.get(Fault.CLOCK_STEP):
        library, clock_file = faketime_library(), beamtime.root / CLOCK_FILE
        if library is None:
            raise failure(Failure.BAD_REQUEST, NO_FAKETIME)
        daemon = with_clock(daemon, library, clock_file)
    state_dir = state_dir_of(daemon.argv) if daemon is not None else None
    return daemon, Mischief(daemon, state_dir, beamtime.root / "processed", clock_file)


def stocks_of(script: Script, cores: int, progress: Progress) -> dict[str, Stock]:
    """Simulate every scan the script shows, once."""
    wanted = sorted({play.stock for play in script.plays})
    progress.stage("simulating frames", len(wanted))
    stocks: dict[str, Stock] = {}
    for name in wanted:
        progress.check()
        stocks[name] = lay_in(name, cores)
        progress.advance(len(stocks))
    return stocks


@dataclass
class _Telling:
    """Tells of what is played, but not of every file."""

    progress: Progress
    script: Script
    done: int = 0

    def __call__(self, act: Act) -> None:
        self.done += 1
        self.progress.advance(self.done)
        if act.deed is Deed.MASTER:
            play = self.script.play(act.play)
            self.progress.note(f"{play.place}/{play.name}: {play.kind}, {play.fate}")
        elif act.deed not in _QUIET:
            self.progress.note(act.deed.replace("_", " "))


def show(played: Played, console: Console) -> None:
    """What was played, in a few lines."""
    frames = sum(one.n_written for one in played.datasets)
    console.print(Text(f"{len(played.datasets)} datasets with {frames} frames were played."))
    for at, words in played.injected:
        console.print(Text(f"{at[11:19]} {words}"))
    for words in played.skipped:
        console.print(Text(f"not injected: {words}", style="yellow"))
