"""A beamtime played against the daemon with faults: nothing lost, doubled or under another group.

The check can fail: damage done to results or ledger on purpose is found, and so is a daemon whose decision
about missing evidence is wrong.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from beampace.core.dataset import DatasetKind
from beampace.core.job import AttemptState
from beampace.simulate.beamtime.acts import Fate
from beampace.simulate.beamtime.wishes import Fault, Wishes
from tests.support.invariant import Evidence, judge
from tests.support.replay import Replay, Site

pytestmark = [pytest.mark.xdist_group("replay"), pytest.mark.timeout(300)]

FAULTS = {Fault.DAEMON_KILLED: 4, Fault.JOB_KILLED: 3, Fault.LATE: 1, Fault.TRUNCATED: 1}
WISHES = Wishes(datasets=24, pace_s=0.5, rate=50, late_s=15, linger_s=0.5, seed=4, faults=FAULTS)


@pytest.fixture(scope="module")
def stocks():
    return {}


@pytest.fixture(scope="module")
def replayed(tmp_path_factory, stocks):
    """A replay with faults, as it was played, and what there is afterwards."""
    site = Site(tmp_path_factory.mktemp("replay"), cores=6)
    site.prepare()
    replay = Replay(site, WISHES, stocks)
    played = replay.play()
    return replay, played, replay.evidence(played)


def test_nothing_is_lost_doubled_or_misplaced(replayed):
    replay, played, _ = replayed
    assert [str(violation) for violation in replay.violations(played)] == []


def test_the_faults_were_really_injected(replayed):
    _, played, evidence = replayed
    words = Counter(words.split()[0] for _, words in played.injected)
    assert played.skipped == []
    assert words["daemon"] == 4
    assert words["launcher"] + words["process"] == 3
    fates = Counter(one.fate for one in played.datasets)
    assert fates[Fate.TRUNCATED] == fates[Fate.LATE] == 1
    assert len(played.datasets) == 24
    second = [attempts for attempts in evidence.attempts.values() if len(attempts) > 1]
    assert second, "no job was tried again"


def test_the_beamtime_was_closed(replayed):
    _, _, evidence = replayed
    assert all(attempt.ended for attempts in evidence.attempts.values() for attempt in attempts)


def kinds_of(evidence: Evidence) -> set[str]:
    return {violation.what for violation in judge(evidence)}


def an_answer(evidence: Evidence) -> Path:
    """Directory of a result of the last generation of an ordinary dataset."""
    one = next(one for one in evidence.played.datasets if one.fate == Fate.COMPLETE and not one.aliases)
    key = evidence.jobs_of(evidence.rows[one.identity])[0].key
    return next(found.path.parent for found in evidence.files_of(key) if found.answers)


@contextmanager
def removed(directory: Path) -> Iterator[None]:
    away = directory.with_name("away.json")
    (directory / "result.json").rename(away)
    yield
    away.rename(directory / "result.json")


@contextmanager
def doubled(directory: Path) -> Iterator[None]:
    other = directory.with_name("again_999")
    shutil.copytree(directory, other)
    yield
    shutil.rmtree(other)


@contextmanager
def moved(directory: Path) -> Iterator[None]:
    """Under the other group, with all folders below it."""
    processed = next(parent for parent in directory.parents if parent.name == "processed")
    below = directory.relative_to(processed)
    other = processed / ("user2" if below.parts[0] == "user1" else "user1") / Path(*below.parts[1:])
    other.parent.mkdir(parents=True, exist_ok=True)
    directory.rename(other)
    yield
    other.rename(directory)


@pytest.mark.parametrize(("damage", "said"), [(removed, "lost"), (doubled, "doubled"), (moved, "group")])
def test_damaged_results_are_found(replayed, damage, said):
    replay, played, evidence = replayed
    with damage(an_answer(evidence)):
        assert said in kinds_of(replay.evidence(played))
    assert said not in kinds_of(replay.evidence(played))


def without_a_dataset(evidence: Evidence) -> None:
    evidence.rows.pop(evidence.datasets.pop().identity)


def with_a_dataset_twice(evidence: Evidence) -> None:
    evidence.datasets.append(replace(evidence.datasets[0], id=9999))


def under_another_group(evidence: Evidence) -> None:
    row = evidence.results[0]
    evidence.results[0] = replace(row, group="user1" if row.group == "user2" else "user2")


def with_an_open_attempt(evidence: Evidence) -> None:
    attempts = next(iter(evidence.attempts.values()))
    attempts[0] = replace(attempts[0], state=AttemptState.RUNNING)


def without_a_job(evidence: Evidence) -> None:
    evidence.jobs.pop()


def with_a_result_twice(evidence: Evidence) -> None:
    evidence.results.append(evidence.results[0])


def with_more_frames(evidence: Evidence) -> None:
    evidence.played.datasets[0].n_announced += 1


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without_a_dataset, "unseen"),
        (with_a_dataset_twice, "doubled"),
        (under_another_group, "group"),
        (with_an_open_attempt, "open"),
        (without_a_job, "lost"),
        (with_a_result_twice, "doubled"),
        (with_more_frames, "frames"),
    ],
)
def test_a_damaged_ledger_is_found(replayed, damage: Callable[[Evidence], None], said):
    replay, played, _ = replayed
    evidence = replay.evidence(played)
    before = kinds_of(evidence)
    damage(evidence)
    found = kinds_of(evidence)
    if damage is with_more_frames:
        evidence.played.datasets[0].n_announced -= 1
    assert said in found
    assert said not in before


def odd(tmp_path: Path, stocks, decision: str) -> list[str]:
    """What is wrong after a replay with a hesitant cluster and that decision about it."""
    site = Site(tmp_path, cores=6, read_s=4.0, attempts=2)
    site.prepare()
    argv = (sys.executable, "-m", "tests.support.odd_daemon", decision, *site.argv[3:])
    wishes = Wishes(
        datasets=2,
        kinds=(DatasetKind.ROTATION,),
        pace_s=0.2,
        rate=200,
        habits=False,
        slow=False,
        linger_s=0.2,
    )
    replay = Replay(site, wishes, stocks, settle_s=60, argv=argv)
    return [violation.what for violation in replay.violations(replay.play())]


def test_a_hesitant_cluster_changes_nothing(tmp_path, stocks):
    assert odd(tmp_path, stocks, "right") == []


def test_a_daemon_that_takes_missing_evidence_for_an_end_is_caught(tmp_path, stocks):
    assert {"lost", "doubled"} & set(odd(tmp_path, stocks, "wrong"))
