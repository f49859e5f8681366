"""The invariant of a replayed beamtime: none lost, none doubled, none under another group.

Checked from three sources that do not know of each other: `played.json` (what the detector left), the result
directories, and the ledger. What is found wrong is said as `Violation`s; none means that all is well.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beampace.core.job import AttemptState, JobState, exit_of, tried_again
from beampace.core.taxonomy import Exit
from beampace.simulate.beamtime.acts import Fate
from beampace.simulate.beamtime.played import Played, PlayedDataset
from beampace.store import DatasetRow, JobRow, Ledger, ResultRow

Works = frozenset[tuple[str, str]]
"""(work, engine) that ought to be done."""
Expected = Callable[[PlayedDataset], Works]
Fails = Callable[[PlayedDataset], Mapping[tuple[str, str], str]]
"""Works that end by a fault of the infrastructure, each with its code."""


def none_fails(dataset: PlayedDataset) -> Mapping[tuple[str, str], str]:
    """Every work has an answer."""
    del dataset
    return {}


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong: a word for the kind of fault, which dataset or job, and the particulars."""

    what: str
    where: str
    words: str

    def __str__(self) -> str:
        return f"{self.what}: {self.where}: {self.words}"


@dataclass(frozen=True, slots=True)
class FoundResult:
    """A `result.json` on the disk."""

    path: Path
    content: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Key of the job that made it, or ""."""
        return str(self.content["parameters"]["other"].get("job", ""))

    @property
    def code(self) -> str:
        return str(self.content["verdict"]["code"])

    @property
    def answers(self) -> bool:
        """Whether it is an answer; the record of an attempt that failed and is tried again is none."""
        return exit_of(self.code) in (Exit.RESULT, Exit.SCIENCE) and not tried_again(self.code, 0)

    @property
    def identity(self) -> str:
        return str((self.content.get("dataset") or {}).get("id", ""))

    @property
    def usable(self) -> int:
        return int(self.content["dataset"]["frames"]["usable"])

    @property
    def announced(self) -> int:
        return int(self.content["dataset"]["frames"]["announced"])

    @property
    def says_what_lacks(self) -> bool:
        """Whether it says in words or by frame number that frames are lacking."""
        frames, verdict = self.content["dataset"]["frames"], self.content["verdict"]
        numbered = bool(frames["lost"]) or frames["missing"] > 0
        words = " ".join([verdict["words"], *verdict["warnings"]])
        return numbered or "frame" in words


@dataclass
class Evidence:
    """All that is there after a replay."""

    played: Played
    datasets: list[DatasetRow]
    jobs: list[JobRow]
    results: list[ResultRow]
    on_disk: list[FoundResult]
    attempts: Mapping[str, list[Any]]
    expected: Expected
    processed: Path
    fails: Fails = none_fails
    rows: dict[str, DatasetRow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = {row.identity: row for row in self.datasets}

    @property
    def truth(self) -> dict[int, PlayedDataset]:
        """What was played, by the number the ledger gave it."""
        played = {one.identity: one for one in self.played.datasets}
        return {row.id: played[row.identity] for row in self.datasets if row.identity in played}

    def jobs_of(self, row: DatasetRow) -> list[JobRow]:
        return [job for job in self.jobs if job.dataset == row.id]

    def files_of(self, key: str) -> list[FoundResult]:
        return [one for one in self.on_disk if one.key == key]


def check(
    played: Played, ledger: Ledger, state_dir: Path, expected: Expected, fails: Fails = none_fails
) -> list[Violation]:
    """All that is wrong after a replay.

    Args:
        played: the truth.
        ledger: of the daemon, which has ended.
        state_dir: of the daemon.
        expected: the works that a dataset ought to get.
        fails: those that end by a fault of the infrastructure.
    """
    return [*judge(gather(played, ledger, expected, fails)), *processes_left(state_dir, Path(played.root))]


def judge(evidence: Evidence) -> list[Violation]:
    """All that files and ledger show to be wrong."""
    return [violation for rule in RULES for violation in rule(evidence)]


def gather(played: Played, ledger: Ledger, expected: Expected, fails: Fails = none_fails) -> Evidence:
    """Read files and ledger."""
    processed = Path(played.root) / "processed"
    jobs = list(ledger.jobs())
    return Evidence(
        played=played,
        datasets=list(ledger.datasets()),
        jobs=jobs,
        results=list(ledger.results()),
        on_disk=sorted(results_on_disk(processed), key=lambda one: one.path),
        attempts={job.key: list(ledger.attempts(job.key)) for job in jobs},
        expected=expected,
        processed=processed,
        fails=fails,
    )


def results_on_disk(processed: Path) -> Iterator[FoundResult]:
    """Every `result.json` below `processed`, wherever it lies."""
    for path in processed.rglob("result.json"):
        yield FoundResult(path, json.loads(path.read_bytes()))


def every_dataset_is_known_once(evidence: Evidence) -> Iterator[Violation]:
    """Each dataset of the detector is one row of the ledger, and nothing else is."""
    counts = Counter(row.identity for row in evidence.datasets)
    played = {one.identity: one for one in evidence.played.datasets}
    for identity, one in played.items():
        if not counts[identity] and one.fate != Fate.REPLACED:
            yield Violation("unseen", one.path, "The ledger does not know it.")
        if counts[identity] > 1:
            yield Violation("doubled", one.path, f"The ledger has it {counts[identity]} times.")
    for row in evidence.datasets:
        if row.identity not in played:
            yield Violation("invented", row.path, f"Nobody took {row.identity}.")


def rows_tell_the_truth(evidence: Evidence) -> Iterator[Violation]:
    """Kind, group and path of the ledger are those of the detector."""
    for one in evidence.played.datasets:
        row = evidence.rows.get(one.identity)
        if row is None:
            continue
        if row.group != one.group:
            yield Violation("group", one.path, f"The ledger has it under {row.group}, not {one.group}.")
        if row.kind != one.kind:
            yield Violation("kind", one.path, f"The ledger takes it for {row.kind}, not {one.kind}.")
        if row.path not in (one.path, *one.aliases):
            yield Violation("path", one.path, f"The ledger has it at {row.path}.")


def every_work_has_one_result(evidence: Evidence) -> Iterator[Violation]:
    """The last generation of a dataset has each expected work once, with one result in ledger and files."""
    for one in evidence.played.datasets:
        row = evidence.rows.get(one.identity)
        if row is None or one.fate == Fate.REPLACED:
            continue
        jobs = [job for job in evidence.jobs_of(row) if job.generation == row.generation]
        counts = Counter((str(job.work), job.engine) for job in jobs)
        for work in evidence.expected(one) | evidence.fails(one).keys():
            if counts[work] != 1:
                what = "lost" if not counts[work] else "doubled"
                yield Violation(what, one.path, f"It has {counts[work]} jobs {' '.join(work)}.")
        fails = evidence.fails(one)
        for job in jobs:
            work = (str(job.work), job.engine)
            if work in fails:
                yield from _one_failure(evidence, one, job, fails[work])
                continue
            if work not in evidence.expected(one) and not job.cancel_wanted:
                yield Violation("invented", one.path, f"Nobody asked for {job.work} {job.engine} of it.")
            yield from _one_result(evidence, one, job)


def _one_failure(evidence: Evidence, one: PlayedDataset, job: JobRow, code: str) -> Iterator[Violation]:
    """A job that ends by a fault of the infrastructure has its code, and no answer."""
    name = f"{job.work} {job.engine} of {one.path}"
    answers = [str(found.path) for found in evidence.files_of(job.key) if found.answers]
    codes = {job.code, *(row.result.code for row in evidence.results if row.job == job.key)}
    if answers:
        yield Violation("invented", name, f"It has an answer: {', '.join(answers)}.")
    if codes != {code}:
        yield Violation("ending", name, f"It ended as {', '.join(sorted(codes))}, not {code}.")


def _one_result(evidence: Evidence, one: PlayedDataset, job: JobRow) -> Iterator[Violation]:
    if job.cancel_wanted:
        return
    files = [found for found in evidence.files_of(job.key) if found.answers]
    rows = [row for row in evidence.results if row.job == job.key]
    name = f"{job.work} {job.engine} of {one.path}"
    if not files:
        yield Violation("lost", name, f"Job {job.key} ({job.code}: {job.detail}) left no result file.")
    if len(rows) != 1:
        yield Violation("lost" if not rows else "doubled", name, f"The ledger has {len(rows)} results.")
    if files and rows and Path(rows[0].result.directory) not in {found.path.parent for found in files}:
        yield Violation("lost", name, f"The ledger's result {rows[0].result.directory} is not there.")


def no_job_answers_twice(evidence: Evidence) -> Iterator[Violation]:
    """No two results carry the key of one job, in whatever generation; none carries a key nobody knows."""
    found: defaultdict[str, list[FoundResult]] = defaultdict(list)
    for one in evidence.on_disk:
        found[one.key].append(one)
    known = {job.key for job in evidence.jobs}
    for key, files in found.items():
        answers = [str(one.path.parent) for one in files if one.answers]
        if len(answers) > 1:
            yield Violation("doubled", key, f"{len(answers)} results: {', '.join(answers)}.")
        if key not in known:
            yield Violation("invented", str(files[0].path), f"Its job {key!r} is not in the ledger.")
    for key, count in Counter(row.job for row in evidence.results).items():
        if count > 1:
            yield Violation("doubled", key, f"The ledger has {count} results of it.")


def results_lie_where_they_belong(evidence: Evidence) -> Iterator[Violation]:
    """Below the place of their dataset, under its group, about the dataset itself."""
    jobs = {job.key: job for job in evidence.jobs}
    truth = evidence.truth
    for found in evidence.on_disk:
        job = jobs.get(found.key)
        one = truth.get(job.dataset) if job else None
        if one is None:
            continue
        if not found.path.is_relative_to(evidence.processed / one.place):
            yield Violation("group", str(found.path), f"It is a result of {one.place}.")
        if found.answers and found.identity != one.identity and one.fate != Fate.REPLACED:
            yield Violation("group", str(found.path), f"It is about {found.identity}, not {one.identity}.")
    for kind, rows in (("job", evidence.jobs), ("result", evidence.results)):
        for row in rows:
            one = truth.get(row.dataset)
            if one is not None and row.group != one.group:
                yield Violation("group", one.path, f"A {kind} of it is under {row.group}.")


def frames_are_counted_right(evidence: Evidence) -> Iterator[Violation]:
    """Results of the last generation know of every frame; those that lack some say so."""
    for one in evidence.played.datasets:
        row = evidence.rows.get(one.identity)
        if row is None or one.fate == Fate.REPLACED:
            continue
        keys = {job.key for job in evidence.jobs_of(row) if job.generation == row.generation}
        for found in evidence.on_disk:
            if found.key in keys and found.answers:
                yield from _frames_of(found, one)


def _frames_of(found: FoundResult, one: PlayedDataset) -> Iterator[Violation]:
    said = (found.usable, found.announced)
    if said != (one.readable, one.n_announced):
        words = f"{said[0]} of {said[1]} frames, truly {one.readable} of {one.n_announced}."
        yield Violation("frames", str(found.path), words)
    if one.readable < one.n_announced and not found.says_what_lacks:
        yield Violation("frames", str(found.path), "It does not say that frames are lacking.")


def everything_has_ended(evidence: Evidence) -> Iterator[Violation]:
    """No job and no attempt is under way."""
    for job in evidence.jobs:
        if job.state is not JobState.ENDED:
            yield Violation("open", job.key, f"The job is {job.state.name}.")
        for attempt in evidence.attempts[job.key]:
            if attempt.state is not AttemptState.ENDED:
                words = f"Attempt {attempt.number} is {attempt.state.name}."
                yield Violation("open", job.key, words)


RULES: tuple[Callable[[Evidence], Iterable[Violation]], ...] = (
    every_dataset_is_known_once,
    rows_tell_the_truth,
    every_work_has_one_result,
    no_job_answers_twice,
    results_lie_where_they_belong,
    frames_are_counted_right,
    everything_has_ended,
)


def processes_left(*directories: Path) -> Iterator[Violation]:
    """Processes whose command line or environment names one of the directories."""
    wanted = [str(directory).encode() for directory in directories]
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words, environ = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:  # it has ended
            continue
        ours = [b for b in environ.split(b"\0") if b.startswith(b"BEAMPACE_DIRECTORY=")]
        if words and any(name in words or any(name in b for b in ours) for name in wanted):
            yield Violation(
                "process", entry.name, words.replace(b"\0", b" ").decode(errors="replace").strip()
            )
