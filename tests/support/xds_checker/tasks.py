"""COLSPOT and INTEGRATE in several jobs: `forkxds`, its tasks and their scratch files."""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.xds_checker import failures
from tests.support.xds_checker.grammar import read_inp
from tests.support.xds_checker.log import LABEL, Log, StepError, tell
from tests.support.xds_checker.run import Run

Ranges = Sequence[tuple[int, int]]
Outcome = tuple[list[str], dict[str, Any]]
_CPUS_AT = 52
"""Where the scratch file of a real mintegrate has the number of processors; some sites patch it."""


def work_of(name: str) -> Callable[[Run, int, int], Outcome]:
    """What a task does."""
    if name == "mcolspot":
        from tests.support.xds_checker.colspot import collect

        return collect
    from tests.support.xds_checker.integrate import integrate_range

    return integrate_range


def in_tasks(run: Run, log: Log, name: str, ranges: Ranges) -> dict[str, Any]:
    """Do the work on ranges of images, in this process or in jobs; the arrays of all, joined.

    Args:
        run: the run.
        log: gets the lines.
        name: `mcolspot` or `mintegrate`.
        ranges: of images.

    Raises:
        StepError: a job did not do its part.
    """
    pieces = split(without(ranges, run.inp.pairs("EXCLUDE_DATA_RANGE")), run.jobs)
    if len(pieces) == 1:
        outcomes = [work_of(name)(run, *piece) for piece in pieces[0]]
        for lines, _ in outcomes:
            log.say(*lines)
        return _joined([arrays for _, arrays in outcomes])
    _fork(run, log, name, pieces)
    return _gathered(run, log, name, len(pieces))


def without(ranges: Ranges, excluded: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Ranges less those that are excluded."""
    left = list(ranges)
    for bad_low, bad_high in excluded:
        cut = [((low, int(bad_low) - 1), (int(bad_high) + 1, high)) for low, high in left]
        bounds = [(low, high) for low, high in left]
        left = [
            (max(low, first), min(high, last))
            for (low, high), pieces in zip(bounds, cut, strict=True)
            for first, last in pieces
        ]
        left = [(low, high) for low, high in left if low <= high]
    return left


def split(ranges: Ranges, jobs: int) -> list[list[tuple[int, int]]]:
    """Ranges of images for each job: about equal numbers of images, in order."""
    total = sum(high - low + 1 for low, high in ranges)
    jobs = max(1, min(jobs, total))
    ends = [round(total * (number + 1) / jobs) for number in range(jobs)]
    pieces: list[list[tuple[int, int]]] = [[] for _ in range(jobs)]
    done, job = 0, 0
    for low, high in ranges:
        while low <= high:
            take = min(high - low + 1, ends[job] - done)
            if take:
                pieces[job].append((low, low + take - 1))
            low, done = low + take, done + take
            job += done == ends[job] and job < jobs - 1
    return pieces


def _fork(run: Run, log: Log, name: str, pieces: list[list[tuple[int, int]]]) -> None:
    """Write the scratch file and call forkxds, as XDS does it."""
    for number in range(1, len(pieces) + 1):
        for kind in ("LP_", "bin1_"):
            (run.directory / f"{kind}{number:02d}.tmp").unlink(missing_ok=True)
    head = bytearray(_CPUS_AT) + struct.pack("<i", run.processors)
    (run.directory / f"{name}.tmp").write_bytes(bytes(head) + json.dumps(pieces).encode())
    main = f"{name}_par" if run.parallel else name
    nodes = " ".join(run.inp.words("CLUSTER_NODES"))
    log.say(f" NUMBER OF PROCESSES RUNNING IN PARALLEL {len(pieces):6d}")
    if not failures.due(_step(name), "fork_failed"):
        os.system(f"cd {str(run.directory)!r} && forkxds {len(pieces)} {run.processors} {main} {nodes}")


def _gathered(run: Run, log: Log, name: str, count: int) -> dict[str, Any]:
    step, found = _step(name), []
    for variant, file in (("_mcolspot", '"mcolspot.tmp"'), ("_lp", "LP_01.tmp"), ("_bin", "bin1_01.tmp")):
        if failures.due(step, f"fork_failed{variant}"):
            raise StepError(f"CANNOT OPEN OR READ FILE {file}")
    for number in range(1, count + 1):
        for kind in ("LP_", "bin1_"):
            if not (run.directory / f"{kind}{number:02d}.tmp").is_file():
                raise StepError(f"CANNOT OPEN OR READ FILE {kind}{number:02d}.tmp")
    for number in range(1, count + 1):
        lines = (run.directory / f"LP_{number:02d}.tmp").read_text().splitlines()
        log.say(*lines)
        if any("!!! ERROR !!!" in line for line in lines):
            raise StepError(lines[-1].partition("!!! ERROR !!! ")[2])
        found.append(dict(np.load(run.directory / f"bin1_{number:02d}.tmp")))
    for path in (run.directory / f"{name}.tmp", *_scratch(run, count)):
        path.unlink()
    return _joined(found)


def _scratch(run: Run, count: int) -> list[Path]:
    return [run.directory / f"{kind}{n:02d}.tmp" for n in range(1, count + 1) for kind in ("LP_", "bin1_")]


def _joined(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: np.concatenate([arrays[name] for arrays in found]) for name in found[0]}


def _step(name: str) -> str:
    return {"mcolspot": "COLSPOT", "mintegrate": "INTEGRATE"}[name]


def run_task(program: str, directory: Path) -> int:
    """One task, its number on standard input; everything else comes from the scratch file and XDS.INP."""
    name = program.removesuffix("_par")
    number = int(sys.stdin.readline())
    scratch = directory / f"{name}.tmp"
    if not scratch.is_file():
        tell(f' !!! ERROR !!! CANNOT OPEN OR READ "{name}.tmp"')
        return 0
    ranges = json.loads(scratch.read_bytes()[_CPUS_AT + 4 :])[number - 1]
    run = Run(read_inp(directory / "XDS.INP"), directory, program.endswith("_par"))
    lines, arrays = [f"{LABEL}, JOB {number}"], []
    try:
        for low, high in ranges:
            said, found = work_of(name)(run, low, high)
            lines += said
            arrays.append(found)
    except StepError as error:
        lines.append(f" !!! ERROR !!! {error}")
    (directory / f"LP_{number:02d}.tmp").write_text("\n".join(lines) + "\n")
    with (directory / f"bin1_{number:02d}.tmp").open("wb") as handle:
        np.savez(handle, **(_joined(arrays) if arrays else {}))
    return 0
