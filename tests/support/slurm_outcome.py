"""One play of the replay on Slurm, as a process of its own, and what came of it.

`python -m tests.support.slurm_outcome exclusive|shared FILE` starts a laboratory, plays, and leaves the
outcome as JSON. Two plays fit on one machine at once: they mostly wait.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from beampace.simulate.beamtime.played import Played
from tests.support.invariant import Evidence
from tests.support.slurm_faulty import FaultySite
from tests.support.slurm_holds import Submits
from tests.support.slurm_lab import REPOSITORY, running_lab
from tests.support.slurm_replay import WISHES, FaultyReplay, faulty_tasks
from tests.support.slurm_site import slurm_site
from tools.lab import configuration, processes
from tools.lab.lab import Lab
from tools.lab.plan import Plan

KEEP = "BEAMPACE_REPLAY_KEEP"
"""Variable that names a directory where logs and files of a play are kept."""


@dataclass(frozen=True)
class Outcome:
    """What came of a play.

    Attributes:
        seconds: from the start of the laboratory to the end of the daemon.
        violations: of the invariant.
        attempts: `<key>-<number>` -> code and words.
        tasks: task of a dataset -> code of each attempt to process it, and of the job in the end.
        strikes: faults as they were injected; see `Strike`.
        injected, skipped: as the player has it.
        submits: submits in all, when the beamtime was closed and a while later.
        jobs_left: what is still in the queue.
        processes_left: processes of the account.
    """

    seconds: float
    violations: list[str]
    attempts: dict[str, tuple[str, str]]
    tasks: dict[str, list[list[str]]]
    strikes: dict[str, dict[str, Any]]
    injected: list[str]
    skipped: list[str]
    submits: tuple[int, int]
    jobs_left: dict[str, str]
    processes_left: list[str]

    @property
    def table(self) -> str:
        """How often attempts ended with which code and words, with N for every number in them."""
        counts = Counter((code, _plain(words)) for code, words in self.attempts.values())
        return "\n".join(f"{n:4} {code:18} {words}" for (code, words), n in sorted(counts.items()))


def _plain(words: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "N", re.sub(r"/tmp/\S+", "PATH", words))


def play(shape: str) -> Outcome:
    """Play a beamtime on nodes of that shape."""
    began = time.monotonic()
    parent = os.getppid()
    with running_lab(Plan(shared=shape == "shared", rest=False)) as lab:
        site = slurm_site(lab, FaultySite, tasks=faulty_tasks(WISHES), drain_s=0.0, looks=False)
        replay = FaultyReplay(site, WISHES, settle_s=300, parent=parent)
        try:
            return outcome(replay, replay.play(), time.monotonic() - began)
        finally:
            _keep(site, shape)


def outcome(replay: FaultyReplay, played: Played, seconds: float) -> Outcome:
    """What came of it, as long as the laboratory is there."""
    evidence, stage, lab = replay.evidence(played), replay.stage, replay.site.lab
    assert stage is not None
    attempts = [one for many in evidence.attempts.values() for one in many]
    return Outcome(
        seconds,
        [str(violation) for violation in replay.violations(played)],
        {f"{one.job}-{one.number}": (one.code, one.detail) for one in attempts},
        _tasks(replay.site, evidence),
        {strike.fault: asdict(strike) for strike in stage.saboteur.strikes},
        [words for _, words in played.injected],
        list(played.skipped),
        (stage.submits_at_stop, Submits(lab).all()),
        lab.queue(),
        _processes(lab),
    )


def _tasks(site: FaultySite, evidence: Evidence) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for name, task in site.tasks.items():
        mine = {row.id for row in evidence.datasets if row.name == name}
        for job in evidence.jobs:
            if job.dataset in mine and job.work == "process":
                codes = [attempt.code for attempt in evidence.attempts[job.key]]
                found.setdefault(task, []).append([*codes, job.code])
    return found


def _processes(lab: Lab) -> list[str]:
    """Programs that steps, jobs or sessions of the account have left."""
    found = processes.carrying("SLURM_CONF", str(lab.slurm_conf))
    found |= processes.carrying(configuration.MARK, str(lab.place.root))
    account = pwd.getpwnam(lab.user).pw_uid
    return [words for pid in processes.known(found) if (words := _words(pid, account))]


def _words(pid: int, account: int) -> str:
    """The command line of a process of the account, or ""."""
    try:
        if Path(f"/proc/{pid}").stat().st_uid != account:
            return ""
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
    return f"{pid}: {words.strip()}"


def _keep(site: FaultySite, shape: str) -> None:
    if kept := os.environ.get(KEEP):
        place = Path(kept) / shape
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(site.base, place / "site", symlinks=True)
        shutil.copytree(site.lab.place.log, place / "slurm")
        files = site.lab.place.files(site.lab.plan.beamtime)
        shutil.copytree(files, place / "files", symlinks=True)


def started(shape: str, file: Path) -> subprocess.Popen[bytes]:
    """Begin a play; its outcome will be in the file.

    HDF5 locks no files there: while the saboteur starts a program, that holds the files of the player, too.
    """
    words = [sys.executable, "-m", "tests.support.slurm_outcome", shape, str(file)]
    environment = {**os.environ, "HDF5_USE_FILE_LOCKING": "FALSE"}
    return subprocess.Popen(words, cwd=REPOSITORY, env=environment)


def read(file: Path) -> Outcome:
    """The outcome in a file."""
    return Outcome(**json.loads(file.read_bytes()))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # clears up
    Path(sys.argv[2]).write_text(json.dumps(asdict(play(sys.argv[1])), indent=1))
