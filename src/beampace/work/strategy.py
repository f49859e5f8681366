"""`strategy`: test shots to a data-collection strategy, and the second opinion on their lattice."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from beampace.analysis.strategy import Draft, Plan, draft_of, recommend
from beampace.core.cell import UnitCell
from beampace.core.errors import BeampaceError, Cancelled, failure
from beampace.core.indexing import Opinion
from beampace.core.ports import Indexer, Progress
from beampace.core.taxonomy import Failure
from beampace.core.verdict import Verdict
from beampace.eiger import ReadOptions
from beampace.results import write_text
from beampace.results.edna_xml import characterisation_xml
from beampace.results.strategy_schema import Strategy
from beampace.work.errand import Errand
from beampace.work.job import Finished, Job, carry_out
from beampace.work.strategy_lattice import Chosen, choose_lattice
from beampace.work.strategy_record import Found, record_of
from beampace.work.strategy_shots import Shooting, read_shots
from beampace.work.strategy_situation import Wishes, situation_of, transmission_of
from beampace.work.strategy_words import sentence

WORK = "strategy"

log = logging.getLogger("beampace.work")


@dataclass(frozen=True, slots=True)
class StrategyOptions:
    """What the user asked for.

    Attributes:
        masters: master files of test shots of one crystal.
        wishes: what the data shall be, and what the beamline can do.
        unit_cell, space_group: known, or None.
        out: result directory to make; None for a numbered one below the current directory.
        patience_s: seconds without a new frame after which the dataset has stopped growing.
        read: how to read the containers.
        errand: on whose behalf it is done.
    """

    masters: tuple[Path, ...]
    wishes: Wishes = field(default_factory=Wishes)
    unit_cell: UnitCell | None = None
    space_group: str | None = None
    out: Path | None = None
    patience_s: float | None = None
    read: ReadOptions | None = None
    errand: Errand = field(default_factory=Errand)


def strategy(options: StrategyOptions, indexer: Indexer, progress: Progress) -> Finished:
    """Work out a strategy; every ending is a result.

    Args:
        options: what to do.
        indexer: asked once quickly, and a second time for its other opinion.
        progress: told how far it is, asked whether to stop.
    """
    asked: dict[str, object] = {"masters": [str(master.absolute()) for master in options.masters]}
    job = Job(WORK, options.masters[0], asked | options.wishes.told(), errand=options.errand)

    def do(directory: Path, listeners: Progress) -> Verdict:
        return _strategy(options, indexer, job, directory, listeners)

    return carry_out(job, options.out, do, progress)


def _strategy(
    options: StrategyOptions, indexer: Indexer, job: Job, directory: Path, progress: Progress
) -> Verdict:
    indexer.prepare()
    shooting = _shot(options, job, progress)
    found = Found(shooting, datetime.now(UTC), transmission_of(shooting, options.wishes))
    try:
        with job.timed("index"):
            chosen = _indexed(options, indexer, shooting, progress)
        job.remarks, found = chosen.warnings, found.indexed(chosen)
        with job.timed("plan"):
            draft = _drafted(options, shooting, chosen)
            plans = recommend(draft)
    except Cancelled:
        raise
    except BeampaceError as error:
        _write(job, directory, found.failed(error.words))
        raise
    found = found.planned(draft.grid, plans)
    _write(job, directory, found)
    job.timing["strategy_s"] = time.monotonic() - (job.last_seen or time.monotonic())
    with job.timed("second_opinion"):
        found = found.seconded(_second(indexer, shooting, chosen, progress))
    return _verdict(_write(job, directory, found), plans[0], chosen)


def _shot(options: StrategyOptions, job: Job, progress: Progress) -> Shooting:
    with job.timed("read"):
        shooting = read_shots(options.masters, options.patience_s, options.read, progress)
    job.dataset, job.ledger, job.last_seen = shooting.dataset, shooting.ledger, shooting.last_seen
    job.remarks = shooting.remarks
    return shooting


def _indexed(options: StrategyOptions, indexer: Indexer, shooting: Shooting, progress: Progress) -> Chosen:
    progress.stage("index")
    return choose_lattice(
        indexer, shooting, progress.check, unit_cell=options.unit_cell, space_group=options.space_group
    )


def _drafted(options: StrategyOptions, shooting: Shooting, chosen: Chosen) -> Draft:
    try:
        return draft_of(situation_of(shooting, chosen, options.wishes))
    except ValueError as error:
        raise failure(Failure.METADATA_INCONSISTENT, f"No plan can be made: {error}.") from error


def _second(indexer: Indexer, shooting: Shooting, chosen: Chosen, progress: Progress) -> Opinion | str:
    """The opinion of the indexer's other method, or why there is none: the plan stays all the same."""
    others = [method for method in indexer.methods if method != chosen.opinion.method]
    if not others:
        return "It was not made: there is one method only."
    progress.stage("second opinion")
    try:
        return indexer.index(shooting.question(chosen.used, chosen.max_cell), others[0], progress.check)
    except Cancelled:
        raise
    except BeampaceError as error:
        log.warning("no second opinion: %s", error)
        return f"It was not made: {error.words}"


def _write(job: Job, directory: Path, found: Found) -> Strategy:
    record = record_of(found)
    write_text(directory / "strategy.json", record.to_json())
    write_text(directory / "strategy.xml", characterisation_xml(record))
    job.files |= {WORK: "strategy.json", "mxcube": "strategy.xml"}
    return record


def _verdict(record: Strategy, best: Plan, chosen: Chosen) -> Verdict:
    words = (
        f"Collect {best.range_deg:g} degrees from {best.start_deg:g}: {best.frames} frames of "
        f"{best.width_deg:g} degrees, {best.exposure_s:g} s each, at {best.distance_mm:.0f} mm "
        f"({100 * best.completeness:.0f} % complete to {best.aimed_d:.2f} A in {chosen.space_group})."
    )
    warnings = (*record.warnings, *(sentence(word) for word in best.words))
    return Verdict("strategy", words, "Load strategy.json, or type the values in.", warnings)
