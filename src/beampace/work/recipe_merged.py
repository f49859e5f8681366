"""What the outputs of a recipe's program say, as result and verdict."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path

from beampace.core.verdict import Success, Verdict
from beampace.engines.recipe import Loaded, read_outputs
from beampace.engines.recipe.outputs import Found, Shell, Statistics
from beampace.results.build import crystal_info
from beampace.results.schema import ShellInfo, StatisticsInfo
from beampace.results.statistics import is_significant
from beampace.results.verdict import judge_merged
from beampace.work.job import Job

WORDS = "The program ended without error; its files are listed."
NO_STATISTICS = "It says nothing of merged data that can be read."
NO_CRYSTAL = "Statistics were read, but not of which crystal."
MTZ = ".mtz"

log = logging.getLogger("beampace.work")


def read_into(job: Job, loaded: Loaded, out: Path, step: str) -> Verdict:
    """The verdict by the numbers a program left; crystal and statistics go into the job.

    Args:
        job: with dataset, ledger and request of the run.
        loaded: a recipe that names outputs.
        out: the output directory of the program.
        step: what to do where there is nothing to judge.
    """
    reading = read_outputs(loaded.recipe, out)
    found = reading.found
    log.info(
        "read: %s", ", ".join(f"{what} from {name}" for what, name in reading.sources.items()) or "nothing"
    )
    job.versions |= found.versions
    if found.details:
        job.parameters["found"] = dict(found.details)
    if reading.sources:
        job.parameters["read_from"] = dict(reading.sources)
    if found.crystal is not None:
        job.crystal = crystal_info(found.crystal, found.n_spots, found.n_indexed)
    if found.statistics is not None:
        job.statistics = statistics_info(found.statistics, reading.sources["statistics"])
    return _verdict(job, loaded, found, step)


def statistics_info(statistics: Statistics, source: str) -> StatisticsInfo:
    """The published form of statistics, with the file they were read from."""
    return StatisticsInfo(
        overall=_shell(statistics.overall),
        outer=_shell(statistics.outer),
        shells=tuple(map(_shell, statistics.shells)),
        method=f"Read from {source}. {statistics.method}.",
        d_min_reason=statistics.d_min_reason,
        inner=_shell(statistics.inner) if statistics.inner else None,
        friedel_apart=statistics.friedel_apart,
    )


def _shell(shell: Shell) -> ShellInfo:
    known = asdict(shell)
    if shell.cc_half_significant is None and shell.n_repeated is not None and shell.cc_half is not None:
        known["cc_half_significant"] = is_significant(shell.cc_half, shell.n_repeated)
    return ShellInfo(**known)


def _verdict(job: Job, loaded: Loaded, found: Found, step: str) -> Verdict:
    """Merged data are judged as everywhere; what is not known of them is not."""
    warnings = tuple(dict.fromkeys((*found.remarks, *job.remarks)))
    if not (job.statistics and found.statistics and found.crystal and job.dataset and job.ledger is not None):
        said = NO_STATISTICS if job.statistics is None else NO_CRYSTAL
        return Verdict(Success.FINISHED.value, f"{WORDS} {said}", step, warnings)
    return judge_merged(
        job.dataset,
        job.ledger,
        found.crystal,
        _judged(job.statistics, found.statistics.inside),
        images=job.request.images if job.request else None,
        remarks=warnings,
        merged=_merged_file(job, loaded),
    )


def _judged(statistics: StatisticsInfo, inside: float | None) -> StatisticsInfo:
    """Of data cut by a surface, how complete they are is asked inside of it: nothing is to be had beyond."""
    if inside is None:
        return statistics
    overall = statistics.overall.model_copy(update={"completeness": inside})
    return statistics.model_copy(update={"overall": overall})


def _merged_file(job: Job, loaded: Loaded) -> str:
    """The first MTZ file among the results the recipe names, in its order."""
    paths = (job.files.get(name, "") for name in loaded.recipe.results)
    return next((path for path in paths if path.endswith(MTZ)), f"its files in {loaded.recipe.name}/")
