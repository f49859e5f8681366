"""Playing a beamtime against a daemon: its configuration, a recipe that reads every frame, the wait."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from beampace.core.dataset import DatasetKind
from beampace.core.job import JobState
from beampace.service.places import TOKENS
from beampace.simulate.beamtime.acts import Script
from beampace.simulate.beamtime.daemon import NO_FAKETIME, Daemon, faketime_library, with_clock
from beampace.simulate.beamtime.metadata import Beamtime
from beampace.simulate.beamtime.mischief import Mischief
from beampace.simulate.beamtime.played import Played, PlayedDataset
from beampace.simulate.beamtime.player import Player
from beampace.simulate.beamtime.script import DETAILED_FRAMES, write_script
from beampace.simulate.beamtime.stage import stage_of
from beampace.simulate.beamtime.stock import Stock, lay_in
from beampace.simulate.beamtime.wishes import Fault, Wishes
from beampace.store import Ledger, open_ledger
from beampace.web.tokens import create_tokens
from tests.support.invariant import Evidence, Violation, Works, check, gather

BEAMTIME = "11010000"
EVERY_FRAME = "every_frame"
READER = '''"""Reads every frame of a dataset and takes at least a second for it, as an engine would."""

import json
import sys
import time
from pathlib import Path

import h5py
import hdf5plugin

BEGAN = time.monotonic()
master, out, first, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
counts, number = [], 0
with h5py.File(master, "r", locking=False) as handle:
    data = handle["entry/data"]
    for name in sorted(name for name in data if name.startswith("data_")):
        try:
            stack = data[name]
        except (KeyError, OSError):
            continue
        for frame in stack:
            number += 1
            counts.append(int((frame < 2**32 - 1).sum()))
(out / "counts.json").write_text(json.dumps({"frames": number, "counts": counts}))
time.sleep(max(0.0, float(sys.argv[5]) - (time.monotonic() - BEGAN)))
print(f"read {number} frames of {first} to {last}")
'''


@dataclass(frozen=True)
class Site:
    """Where a replay takes place: the beamtime, and the daemon with its configuration."""

    base: Path
    cores: int = 4
    urgent_cores: int = 1
    patience_s: float = 4.0
    read_s: float = 1.0
    engines: tuple[str, ...] = ()
    attempts: int = 3
    looks: bool = True
    drain_s: float = 60.0
    works: bool = True
    grace_s: float = 5.0
    port: int = 0

    @property
    def beamtime(self) -> Beamtime:
        return Beamtime(BEAMTIME, self.base / "beamtime")

    @property
    def root(self) -> Path:
        """What the daemon is told to look at."""
        return self.beamtime.root

    @property
    def state_dir(self) -> Path:
        return self.base / "state"

    @property
    def config(self) -> Path:
        return self.base / "beampace.toml"

    @property
    def argv(self) -> tuple[str, ...]:
        return (sys.executable, "-m", "beampace", "serve", "--config", str(self.config))

    def prepare(self) -> None:
        """Write the configuration, the recipe and its program."""
        recipes = self.base / "recipes"
        recipes.mkdir(parents=True)
        (recipes / "read_frames.py").write_text(READER)
        (recipes / f"{EVERY_FRAME}.toml").write_text(self.recipe)
        self.config.write_text(self.configuration)
        self.beamtime.make()
        if self.port:
            self.state_dir.mkdir(mode=0o700)
            create_tokens(self.state_dir / TOKENS)

    @property
    def recipe(self) -> str:
        program = self.base / "recipes" / "read_frames.py"
        return f"""schema = "recipe-1"
name = "{EVERY_FRAME}"
about = "Reads every frame."
kinds = ["rotation", "screening", "grid", "stills"]
command = [
  "{self.python}", "{program}", "{{companion}}", "{{out}}", "{{first}}", "{{last}}", "{self.read_s}",
]
read = "exit"
required = ["counts"]

[resources]
cores = 1
memory_mb = 500
minutes = 2

[results]
counts = "counts.json"
"""

    @property
    def configuration(self) -> str:
        return f"""state_dir = "{self.state_dir}"
{"" if self.works else "rules = []"}

[beamtime]
roots = ["{self.root}"]
drain_s = {self.drain_s}
grace_s = {self.grace_s}

[watch]
patience_s = {self.patience_s}

{self.cluster}
[engines]
recipes = ["{self.base / "recipes"}"]
available = {list(self.engines)}

[http]
port = {self.port}

[groups]
rule = "folder"

{"".join(rule_text(*rule) for rule in self.rules)}"""

    @property
    def python(self) -> Path:
        """What jobs' programs are run with."""
        return Path(sys.executable)

    @property
    def cluster(self) -> str:
        """The configuration of the cluster."""
        return f"""[cluster]
cores = {self.cores}
memory_mb = 16000
urgent_cores = {self.urgent_cores}
attempts = {self.attempts}
"""

    @property
    def rules(self) -> tuple[tuple[str, str, str, str, str, str, int], ...]:
        """Name, kinds, event, work, engine, class, least frames."""
        if not self.works:
            return ()
        quick = ("look at grids and test shots", "grid screening", "seen", "look", "", "urgent", 1)
        live = ("look at scans", "rotation stills", "seen", "look", "", "live", 1)
        full = ("read every frame", "rotation", "complete", "process", EVERY_FRAME, "full", 1)
        dials = ("process", "rotation", "complete", "process", "dials", "full", DETAILED_FRAMES)
        return (quick, *((live,) if self.looks else ()), full, *((dials,) if "dials" in self.engines else ()))

    def expected(self, dataset: PlayedDataset) -> Works:
        """What the rules ask for, said a second time and without the planner."""
        quick = dataset.kind in (DatasetKind.GRID, DatasetKind.SCREENING)
        works = {("look", "")} if quick or self.looks else set()
        if dataset.kind == DatasetKind.ROTATION:
            works.add(("process", EVERY_FRAME))
            if "dials" in self.engines and dataset.n_announced >= DETAILED_FRAMES:
                works.add(("process", "dials"))
        return frozenset(works)

    def fails(self, dataset: PlayedDataset) -> Mapping[tuple[str, str], str]:
        """Works that end without an answer, through no fault of the crystal, with their codes."""
        del dataset
        return {}


def rule_text(name: str, kinds: str, on: str, work: str, engine: str, work_class: str, least: int) -> str:
    """A `[[rules]]` table."""
    return f"""[[rules]]
name = "{name}"
kinds = {kinds.split()}
on = "{on}"
work = "{work}"
engine = "{engine}"
work_class = "{work_class}"
min_frames = {least}

"""


@dataclass
class Replay:
    """A beamtime played against a daemon."""

    site: Site
    wishes: Wishes
    stocks: dict[str, Stock] = field(default_factory=dict)
    settle_s: float = 120.0
    argv: tuple[str, ...] = ()
    after_stop_s: float = 0.0

    def play(self) -> Played:
        """Play it; the daemon has ended afterwards."""
        script = self.script()
        lay_in_all(script, self.stocks)
        daemon = Daemon(self.argv or self.site.argv, self.site.base, {})
        library, clock_file = faketime_library(), None
        if self.wishes.faults.get(Fault.CLOCK_STEP):
            assert library is not None, NO_FAKETIME
            clock_file = self.site.base / "clock"
            daemon = with_clock(daemon, library, clock_file)
        mischief = Mischief(daemon, self.site.state_dir, self.site.beamtime.root / "processed", clock_file)
        return self.player(script, mischief, daemon).play()

    def script(self) -> Script:
        """What is played."""
        return write_script(self.wishes, datetime.now(UTC))

    def player(self, script: Script, mischief: Mischief, daemon: Daemon) -> Player:
        """Who plays it."""
        stage = stage_of(script, self.site.beamtime, self.stocks, self.wishes.rate, self.wishes.seed)
        settled = Settled(self.site.state_dir, script)
        return Player(
            stage,
            mischief,
            daemon,
            settled=settled,
            settle_s=self.settle_s,
            after_stop_s=self.after_stop_s,
        )

    def evidence(self, played: Played) -> Evidence:
        with ledger_of(self.site.state_dir) as ledger:
            return gather(played, ledger, self.site.expected, self.site.fails)

    def violations(self, played: Played) -> list[Violation]:
        with ledger_of(self.site.state_dir) as ledger:
            return check(played, ledger, self.site.state_dir, self.site.expected, self.site.fails)


def lay_in_all(script: Script, stocks: dict[str, Stock]) -> None:
    """Simulate what the script shows and nobody has simulated yet."""
    for name in sorted({play.stock for play in script.plays} - stocks.keys()):
        stocks[name] = lay_in(name, cores=2)


@contextmanager
def ledger_of(state_dir: Path) -> Iterator[Ledger]:
    """The ledger of a daemon."""
    ledger = open_ledger(state_dir)
    try:
        yield ledger
    finally:
        ledger.close()


@dataclass
class Settled:
    """Whether the ledger knows every dataset and nothing waits or runs, for a few looks in a row."""

    state_dir: Path
    script: Script
    looks: int = 4
    every_s: float = 0.5
    _quiet: int = 0
    _next: float = 0.0

    def __call__(self) -> bool:
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + self.every_s
        if not (self.state_dir / "log").is_dir():
            return False  # the daemon has not begun; opening the ledger would be in its way
        with ledger_of(self.state_dir) as ledger:
            datasets = ledger.datasets()
            newest = {row.path: row for row in sorted(datasets, key=lambda row: row.id)}.values()
            ended = all(row.state != "growing" for row in newest)  # what was written over is not waited for
            done = all(job.state is JobState.ENDED for job in ledger.jobs())
        least = len({(play.place, play.name) for play in self.script.plays})
        self._quiet = self._quiet + 1 if len(datasets) >= least and ended and done else 0
        return self._quiet >= self.looks


def wait_until(condition: Callable[[], bool], seconds: float, every_s: float = 0.1) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every_s)
    return condition()


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, int(-(-share * len(ordered) // 1)) - 1))]
