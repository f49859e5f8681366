"""Climbing the ladder of second tries with an engine."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from beampace.core.engine import EngineRecord, Request
from beampace.core.errors import BeampaceError, CrystalMoved, EngineCrashed, ScienceError, failure
from beampace.core.ports import Engine, Progress
from beampace.results import Try
from beampace.work import ladder
from beampace.work.job import Job
from beampace.work.ladder import Attempt, Knowledge, Rung


@dataclass(frozen=True, slots=True)
class Climb:
    """What every try needs: the job it reports to, the engine, where its directories go, the progress."""

    job: Job
    engine: Engine
    directory: Path
    progress: Progress


def climb(on: Climb, request: Request) -> EngineRecord:
    """Try until merged data are there, or nothing is left to try.

    Args:
        on: what every try needs.
        request: the first try; later ones change frames, tweaks and directory.

    Raises:
        ScienceError: no try gave merged data; the most telling ending of all.
        InfrastructureError: something other than the data failed, or every try crashed.
        Cancelled: somebody asked to stop.
    """
    degrees = abs(request.dataset.scan.width) * request.n_frames
    known = Knowledge(degrees, request.unit_cell is not None, on.engine.tweaks)
    history: list[Attempt] = []
    while rung := ladder.next_try(history, known):
        if history:
            on.progress.note(f"Try {len(history) + 1}: {rung.what}, because {rung.reason}")
        outcome = _one_try(on, rung, _of_rung(on, request, rung, len(history) + 1))
        if isinstance(outcome, EngineRecord):
            on.job.remarks += ladder.part_used(history, rung)
            return outcome
        history.append(outcome)
    best = ladder.best_of(history)
    tried = f" {len(history)} ways were tried." if len(history) > 1 else ""
    raise failure(best.code, f"{best.detail.rstrip('.')}.{tried}", best.next_step)


def _of_rung(on: Climb, request: Request, rung: Rung, number: int) -> Request:
    place = on.directory / f"{on.engine.name}_{number}"
    place.mkdir()
    return replace(request, directory=place, images=rung.images or request.images, tweaks=rung.tweaks)


def _one_try(on: Climb, rung: Rung, request: Request) -> EngineRecord | Attempt:
    """Merged data, or how the try failed for want of science or by a crash; other failures end the climb."""
    on.job.request, started = request, time.monotonic()
    try:
        record = on.engine.process(request, on.progress)
    except ScienceError as error:
        on.job.tries.append(_try(on.engine, rung, error.code.value, error.words, started))
        part = error.part if isinstance(error, CrystalMoved) else None
        return Attempt(rung.tweaks, error.code, error.detail, rung.images, part, error.next_step)
    except EngineCrashed as error:
        on.job.tries.append(_try(on.engine, rung, error.code.value, error.words, started))
        return Attempt(rung.tweaks, error.code, error.detail, rung.images, like=error.like)
    except BeampaceError as error:
        on.job.tries.append(_try(on.engine, rung, error.code.value, error.words, started))
        raise
    on.job.tries.append(_try(on.engine, rung, "merged", "", started))
    return record


def _try(engine: Engine, rung: Rung, outcome: str, words: str, started: float) -> Try:
    return Try(
        engine=engine.name,
        what=rung.what,
        why=rung.reason,
        outcome=outcome,
        words=words,
        tweaks=tuple(sorted(tweak.value for tweak in rung.tweaks)),
        seconds=round(time.monotonic() - started, 2),
    )
