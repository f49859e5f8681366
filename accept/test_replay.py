"""Datasets played to the daemon: 20 kills of it, 10 killed jobs, 5 late or truncated files, and DIALS.

`BEAMPACE_REPLAY_DATASETS` says how many datasets there are in all (80 here, 300 in full), and
`BEAMPACE_REPLAY_DIALS` how many of them are processed with DIALS (2 here, 12 in full).
"""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from beampace.core.job import exit_of
from beampace.core.taxonomy import Exit
from beampace.simulate.beamtime.acts import Fate
from beampace.simulate.beamtime.wishes import Fault, Wishes
from tests.support.invariant import Evidence
from tests.support.replay import Replay, Site

DATASETS = int(os.environ.get("BEAMPACE_REPLAY_DATASETS", "80"))
DIALS = int(os.environ.get("BEAMPACE_REPLAY_DIALS", "2"))
FAULTS = {Fault.DAEMON_KILLED: 20, Fault.JOB_KILLED: 10, Fault.LATE: 3, Fault.TRUNCATED: 2}
WISHES = Wishes(
    datasets=DATASETS, pace_s=0.9, rate=50, late_s=40, linger_s=1, seed=11, groups=3, detailed=DIALS,
    faults=FAULTS,
)  # fmt: skip


@pytest.mark.timeout(1700)
def test_nothing_is_lost_doubled_or_misplaced(tmp_path: Path):
    site = Site(tmp_path, cores=8, urgent_cores=2, engines=("dials",) if DIALS else ())
    site.prepare()
    replay = Replay(site, WISHES, settle_s=1200)
    began = time.monotonic()
    played = replay.play()
    seconds = time.monotonic() - began
    evidence = replay.evidence(played)
    print(f"\n{summary(evidence)}\n{seconds:.0f} s from start to stop")
    assert [str(violation) for violation in replay.violations(played)] == []
    assert played.skipped == []
    words = Counter(words.split()[0] for _, words in played.injected)
    assert words["daemon"] == 20
    assert words["launcher"] + words["process"] == 10
    fates = Counter(one.fate for one in played.datasets)
    assert fates[Fate.LATE] + fates[Fate.TRUNCATED] == 5
    by_dials = [row for row in evidence.results if row.engine == "dials"]
    assert sum(exit_of(row.result.code) is Exit.RESULT for row in by_dials) >= DIALS


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own at a place."""
    place.mkdir(parents=True)
    size = f"size={megabytes}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to mount a file system")
def test_a_full_disk_and_a_stepped_clock_lose_nothing(tmp_path: Path):
    faults = {Fault.DISK_FULL: 2, Fault.CLOCK_STEP: 4}
    wishes = Wishes(datasets=24, pace_s=1.5, rate=50, linger_s=20, seed=5, faults=faults)
    site = Site(tmp_path, cores=6)
    with small_disk(site.beamtime.root / "processed", 60):
        site.prepare()
        replay = Replay(site, wishes, settle_s=300)
        played = replay.play()
        print(f"\n{summary(replay.evidence(played))}\n{played.injected}")
        assert [str(violation) for violation in replay.violations(played)] == []
    assert played.skipped == []


def summary(evidence: Evidence) -> str:
    """What was done, in a few lines."""
    jobs = Counter(f"{job.work} {job.engine}".strip() for job in evidence.jobs)
    attempts = Counter(attempt.code for many in evidence.attempts.values() for attempt in many)
    grew = sum(row.generation > 0 for row in evidence.datasets)
    frames = sum(one.n_written for one in evidence.played.datasets)
    return "\n".join(
        [
            f"{len(evidence.played.datasets)} datasets, {frames} frames; {grew} datasets grew after all",
            f"jobs: {dict(jobs)}",
            f"attempts by ending: {dict(attempts)}",
        ]
    )
