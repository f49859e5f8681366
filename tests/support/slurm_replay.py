"""The replay of a beamtime on the laboratory's Slurm, with everything that can go wrong there.

Programs of jobs wait for the faults (`slurm_saboteur`); the player waits for them, too, so that data come in
before, during and after each of them. The last datasets come when all others are done: with their work under
way the beamtime ends.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from beampace.core.dataset import DatasetKind
from beampace.core.taxonomy import Failure
from beampace.simulate.beamtime.acts import Act, Deed, Fate, Play, Script
from beampace.simulate.beamtime.daemon import Daemon
from beampace.simulate.beamtime.mischief import Mischief
from beampace.simulate.beamtime.played import PlayedDataset
from beampace.simulate.beamtime.player import Player
from beampace.simulate.beamtime.script import write_script
from beampace.simulate.beamtime.stage import Stage, stage_of
from beampace.simulate.beamtime.wishes import Wishes
from tests.support.invariant import Evidence, Works
from tests.support.replay import EVERY_FRAME, Replay, Settled, ledger_of
from tests.support.slurm_saboteur import Holds, Saboteur, Submits
from tests.support.slurm_site import SlurmSite
from tools.lab import faults
from tools.lab.processes import until

HASTY = "hasty"
HASTY_S = 6.0
"""Seconds that the recipe for stills grants."""
MEMORY_MB = 400
"""Of the recipe for scans, for the first attempt; each further one that ran out of it gets twice as much."""
LAST = 4
"""Datasets whose work is under way when the beamtime ends."""
KINDS = (
    DatasetKind.STILLS,
    DatasetKind.ROTATION,
    DatasetKind.ROTATION,
    DatasetKind.GRID,
    DatasetKind.ROTATION,
    DatasetKind.SCREENING,
    DatasetKind.ROTATION,
)
WISHES = Wishes(
    datasets=40,
    kinds=KINDS,
    pace_s=1.0,
    frames=10,
    rate=50,
    linger_s=0.5,
    seed=4,
)
GATES = {12: "start", 20: "to go out", 25: "node", 28: "to end"}
"""Number of a dataset -> what must have happened before it comes."""
READER = '''"""Reads every frame; waits, lingers or takes memory where the test wants it."""

import json
import os
import sys
import time
from pathlib import Path

BEGAN = time.monotonic()
here = Path(__file__).parent
companion, out, name, read_s = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
task = json.loads((here / "tasks.json").read_text()).get(name, "")
first = not list(out.parents[1].glob(f"process_*/{out.name}/began"))
(out / "began").touch()


def held():
    """What is waited for, if this is one of those that wait for it."""
    note = {"attempt": "BEAMPACE_ATTEMPT", "node": "SLURMD_NODENAME", "job": "SLURM_JOB_ID"}
    note = {key: os.environ[name] for key, name in note.items()}
    for armed in sorted((here / "armed").iterdir()):
        for number in range(int(armed.read_text())):
            path = here / "notes" / f"{armed.name}-{number}"
            try:
                file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            except FileExistsError:
                continue
            os.write(file, json.dumps({**note, "pid": os.getpid()}).encode())
            return armed.name
    return ""


fresh = os.environ["BEAMPACE_ATTEMPT"].endswith("-1")
fault = held() if fresh and out.name == "every_frame" and not task else ""
import h5py
import hdf5plugin

number = 0
with h5py.File(companion, "r", locking=False) as handle:
    for entry in sorted(entry for entry in handle["entry/data"] if entry.startswith("data_")):
        try:
            number += sum(1 for frame in handle["entry/data"][entry])
        except (KeyError, OSError):
            continue
taken = []
for _ in range({"greedy": 10, "hog": 80}.get(task, 0)):
    taken.append(b"x" * 50_000_000)
    time.sleep(0.1)
if task == "late" or (task == "late once" and first):
    time.sleep(600)
while fault and not (here / "struck" / fault).exists():
    time.sleep(0.1)
(out / "counts.json").write_text(json.dumps({"frames": number}))
time.sleep(max(0.0, read_s - (time.monotonic() - BEGAN)))
'''


@dataclass(frozen=True)
class FaultySite(SlurmSite):
    """Where it takes place.

    Attributes:
        tasks: name of a dataset -> how its work fares: `greedy` needs more memory than it gets at first,
            `hog` more than it ever gets; `late once` and `late` take too long; `last` runs when the beamtime
            ends.
    """

    tasks: Mapping[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        super().prepare()
        recipes = self.base / "recipes"
        (recipes / "read_frames.py").write_text(READER)
        (recipes / "tasks.json").write_text(json.dumps({n: t for n, t in self.tasks.items() if t != "last"}))
        (recipes / f"{EVERY_FRAME}.toml").write_text(self._recipe(EVERY_FRAME, 5, 2.0))
        (recipes / f"{HASTY}.toml").write_text(self._recipe(HASTY, 1, HASTY_S / 60))
        self.holds.prepare()

    @property
    def holds(self) -> Holds:
        """Where programs wait."""
        return Holds(self.base / "recipes")

    def _recipe(self, name: str, cores: int, minutes: float) -> str:
        program = self.base / "recipes/read_frames.py"
        return f"""schema = "recipe-1"
name = "{name}"
kinds = ["rotation", "stills"]
command = ["{self.python}", "{program}", "{{companion}}", "{{out}}", "{{name}}", "{self.read_s}"]
read = "exit"
required = ["counts"]
[resources]
cores = {cores}
memory_mb = {MEMORY_MB}
minutes = {minutes}
[results]
counts = "counts.json"
"""

    @property
    def rules(self) -> tuple[tuple[str, str, str, str, str, str, int], ...]:
        hasty = ("read stills", "stills", "complete", "process", HASTY, "full", 1)
        return (*super().rules, hasty)

    def expected(self, dataset: PlayedDataset) -> Works:
        stills = {("process", HASTY)} if dataset.kind == DatasetKind.STILLS else set()
        return (super().expected(dataset) | stills) - self.fails(dataset).keys()

    def fails(self, dataset: PlayedDataset) -> Mapping[tuple[str, str], str]:
        found = {
            "hog": {("process", EVERY_FRAME): Failure.OUT_OF_MEMORY.value},
            "late": {("process", HASTY): Failure.TIMED_OUT.value},
            "last": {("process", EVERY_FRAME): Failure.BEAMTIME_CLOSED.value},
        }
        return found.get(self.tasks.get(dataset.name, ""), {})


KILLS = (8, 15, 25, 30)
"""Datasets soon after which the daemon is killed."""


def with_kills(script: Script) -> Script:
    """The script with the daemon being killed now and then."""
    begins = {act.play: act.at for act in script.acts if act.deed is Deed.MASTER}
    kills = (Act(begins[number] + 0.4, Deed.KILL_DAEMON, value=0.5) for number in KILLS)
    return replace(script, acts=tuple(sorted((*script.acts, *kills), key=lambda act: act.at)))


def tasks_of(script: Script) -> dict[str, str]:
    """Which ordinary datasets are treated in which way; the same for every script of the same wishes."""
    renamed = {act.play for act in script.acts if act.deed in (Deed.COPY_MASTER, Deed.RENAME_MASTER)}
    places = Counter(play.place for play in script.plays)

    def plain(kind: DatasetKind) -> list[str]:
        fit = [play for play in script.plays if play.kind is kind and play.fate is Fate.COMPLETE]
        return [one.name for one in fit if places[one.place] == 1 and one.number not in renamed]

    scans, stills = plain(DatasetKind.ROTATION), plain(DatasetKind.STILLS)
    last = dict.fromkeys(scans[-LAST:], "last")
    return {scans[0]: "hog", scans[1]: "greedy", stills[0]: "late", stills[1]: "late once"} | last


@dataclass
class Clock:
    """Seconds of the play; they do not pass while somebody waits for a fault."""

    lost_s: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() - self.lost_s

    def stopped(self, wait: Callable[[], None]) -> None:
        """Wait without the play getting late."""
        began = time.monotonic()
        wait()
        self.lost_s += time.monotonic() - began


@dataclass
class FaultyStage(Stage):
    """Carries out a script whose beamtime begins and ends as the laboratory's."""

    site: FaultySite = field(kw_only=True)
    saboteur: Saboteur = field(kw_only=True)
    clock: Clock = field(kw_only=True)
    last: tuple[Act, ...] = field(kw_only=True)
    submits_at_stop: int = 0

    def carry_out(self, act: Act) -> None:
        if act.deed is Deed.STOP:
            self._stop()
            return
        if act.deed is Deed.MASTER and (event := GATES.get(act.play)):
            self.clock.stopped(lambda: self.saboteur.wait_for(event))
        super().carry_out(act)
        if act.deed is Deed.PRE_START:
            self.saboteur.start()

    def _stop(self) -> None:
        """End the beamtime with work of the last datasets running and waiting."""
        self.site.holds.arm("stop", LAST)
        begin = time.monotonic() - self.last[0].at
        for act in self.last:
            time.sleep(max(0.0, act.at - (time.monotonic() - begin)))
            super().carry_out(act)
        lab, saboteur = self.site.lab, self.saboteur
        running = saboteur.held("stop", 2)
        waiting = saboteur.queued(running) if saboteur.shared else saboteur.waiting()
        met = {"running": tuple(one.attempt for one in running), "waiting": waiting}
        self.played.stopped = datetime.now(UTC).isoformat()
        if saboteur.shared:  # staff take their time: the daemon itself has the chance to clear up
            reservation = lab.reservation
            self.beamtime.metadata.unlink()
            lab.place.current.unlink()
            until(lambda: not lab.queue(), "the daemon gave back all it had", 60.0)
            faults.end_account(lab, reservation)
        else:
            faults.stop_beamtime(lab)
        until(self._closed, "the beamtime is closed", 60.0)
        self.submits_at_stop = Submits(lab).all()
        saboteur.note("stop", "the beamtime ended", **met)

    def _closed(self) -> bool:
        with ledger_of(self.site.state_dir) as ledger:
            return all(row.closed is not None for row in ledger.beamtimes())


@dataclass
class FaultyReplay(Replay):
    """Plays it."""

    site: FaultySite
    after_stop_s: float = 4.0
    stage: FaultyStage | None = None

    def script(self) -> Script:
        return with_kills(super().script())

    def player(self, script: Script, mischief: Mischief, daemon: Daemon) -> Player:
        lab = self.site.lab
        faults.rename_reservation(lab, f"{lab.plan.beamtime}_pre", move_jobs=False)
        plain = stage_of(script, self.site.beamtime, self.stocks, self.wishes.rate, self.wishes.seed)
        numbers = {play.number for play in script.plays if self.site.tasks.get(play.name) == "last"}
        now, later = split(script, numbers)
        saboteur = Saboteur(
            lab,
            self.site.state_dir,
            self.site.holds,
            plain.played,
            move_jobs=not lab.plan.shared,
            must_end=[name for name, task in self.site.tasks.items() if task in ("hog", "late")],
        )
        clock = Clock()
        values = {name: getattr(plain, name) for name in ("beamtime", "stocks", "frame_time_s", "played")}
        self.stage = FaultyStage(
            replace(script, acts=now), **values, site=self.site, saboteur=saboteur, clock=clock, last=later
        )
        settled = Settled(self.site.state_dir, without(script, numbers))
        return Player(
            self.stage,
            mischief,
            daemon,
            clock=clock,
            check=saboteur.check,
            settled=lambda: saboteur.done and settled(),
            settle_s=self.settle_s,
            after_stop_s=self.after_stop_s,
        )


def split(script: Script, numbers: set[int]) -> tuple[tuple[Act, ...], tuple[Act, ...]]:
    """The acts but those of some datasets and the start, and the acts of these datasets."""
    later = tuple(act for act in script.acts if act.play in numbers)
    now = tuple(act for act in script.acts if act.play not in numbers and act.deed is not Deed.START)
    return now, later


def without(script: Script, numbers: set[int]) -> Script:
    """The script without some of its datasets."""
    kept: tuple[Play, ...] = tuple(play for play in script.plays if play.number not in numbers)
    return replace(script, plays=kept)


def faulty_tasks(wishes: Wishes) -> dict[str, str]:
    """See `tasks_of`."""
    return tasks_of(write_script(wishes, datetime.now(UTC)))


def endings(evidence: Evidence) -> Counter[tuple[str, str]]:
    """How often attempts ended with which code and words, with N for every number in them."""
    found = (attempt for many in evidence.attempts.values() for attempt in many)
    return Counter((one.code, _plain(one.detail)) for one in found)


def _plain(words: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "N", re.sub(r"/tmp/\S+", "PATH", words))
