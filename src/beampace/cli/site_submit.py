"""Rows of `beampace check --site` about submitting: `sbatch --test-only` says what would become of a job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from beampace.cli import site_questions as ask
from beampace.cli.site_reach import Probe, Reach
from beampace.cli.site_row import Question, Row
from beampace.cluster.slurm.refusals import last_words, refusal
from beampace.cluster.slurm.script import Request, checked, sbatch_argv
from beampace.cluster.slurm.transport import Completed

_SCRIPT = b"#!/bin/sh\ntrue\n"
_TIME_S = 600


def submit_probes(reach: Reach) -> Iterator[Probe]:
    """Whether our jobs are accepted, and which options are."""
    nice = reach.slurm.nice
    yield ask.SUBMIT, lambda: _submit(reach)
    yield ask.NICE, lambda: _option(reach, ask.NICE, f"--nice={nice or 100}", _nice(nice))
    yield ask.ARRAY, lambda: _option(reach, ask.ARRAY, "--array=0-1", ask.ARRAY.safe)
    yield (
        ask.DEPENDENCY,
        lambda: _option(reach, ask.DEPENDENCY, "--dependency=singleton", ask.DEPENDENCY.safe),
    )


def _nice(nice: int) -> str:
    return f"Jobs that nobody waits for get --nice={nice}." if nice else ask.NICE.safe


def _tested(reach: Reach, *extra: str, nice: int = 0) -> Completed:
    """What Slurm says to a job that it shall not take, with our own options."""
    request = Request(
        name="bp-check",
        directory=(reach.node or PurePosixPath("/tmp")) / "processed",  # noqa: S108 (never made)
        cores=1,
        memory_mb=100,
        time_s=_TIME_S,
        nice=nice,
        partition=reach.granted.partition,
        reservation=reach.granted.reservation,
        extra=(*reach.slurm.sbatch, *extra),
    )
    program, *options = sbatch_argv(checked(request), reach.slurms("sbatch"))
    return reach.run((program, "--test-only", *options), _SCRIPT)


def _test_words(reach: Reach, *extra: str) -> str:
    named = {"partition": reach.granted.partition, "reservation": reach.granted.reservation}
    words = [f"--{name}={value}" for name, value in named.items() if value]
    return " ".join(("sbatch --test-only", *words, *reach.slurm.sbatch, *extra))


def _submit(reach: Reach) -> Row:
    done = _tested(reach, nice=reach.slurm.nice)
    options = ("--time", "--mem", "--comment", f"--nice={reach.slurm.nice}")
    evidence = _test_words(reach, *options)
    if done.exit == 0:
        so = f"Submits like this. Slurm: {last_words(done).removeprefix('sbatch: ')}"
        return ask.SUBMIT.found("yes", evidence, so)
    error = refusal(done)
    return ask.SUBMIT.problem(f"no: {error.detail}", evidence, error.next_step)


def _option(reach: Reach, question: Question, option: str, so: str) -> Row:
    """Whether an option is taken by a queue that takes the same job without it."""
    evidence = _test_words(reach, option)
    done = _tested(reach, option)
    if done.exit == 0:
        return question.found("yes", evidence, so)
    said = last_words(done)
    if _tested(reach).exit != 0:
        return question.unknown(f"Jobs are refused with it and without it: {said}", evidence)
    if question is ask.NICE and reach.slurm.nice:
        return question.problem(
            f"no: {said}", evidence, "Set nice = 0 in [cluster.slurm].", "Jobs are refused."
        )
    return question.found(f"no: {said}", evidence, question.safe)
