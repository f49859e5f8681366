"""`process` by the program of a recipe: tracked as every other work."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from beampace.core.dataset import Dataset, DatasetKind
from beampace.core.engine import Request
from beampace.core.errors import BeampaceError, failure
from beampace.core.frames import FrameLedger
from beampace.core.geometry import Beam, Detector
from beampace.core.ports import Progress
from beampace.core.taxonomy import Failure
from beampace.core.verdict import Success, Verdict
from beampace.eiger import CHILD_ENVIRONMENT, Container, examine, write_companion
from beampace.engines import recipe as engine
from beampace.engines.recipe import Loaded, Ran, Start, Values
from beampace.results.mtz import sha256
from beampace.work import frames
from beampace.work.job import Finished, Job, carry_out
from beampace.work.process import WORK, ProcessOptions, asked, check_limit
from beampace.work.progress import tell_opened
from beampace.work.recipe_merged import WORDS, read_into
from beampace.work.recipe_told import TELLING, Told, told_by

NOT_STARTED = (126, 127)
"""Exit codes of bash for a program that cannot be executed, or is not there."""

log = logging.getLogger("beampace.work")


def process_by_recipe(options: ProcessOptions, loaded: Loaded, progress: Progress) -> Finished:
    """Have a program process a dataset; every ending is a result.

    Args:
        options: what to do.
        loaded: the recipe.
        progress: told how far it is, asked whether to stop.
    """
    recipe = loaded.recipe
    said = {"recipe": {"name": recipe.name, "file": str(loaded.path), "sha256": loaded.sha256}}
    job = Job(
        WORK,
        options.master,
        {**asked(options), **said},
        engine=recipe.name,
        with_report=True,
        errand=options.errand,
        intermediates=tuple(f"{recipe.name}/{pattern}" for pattern in recipe.intermediates),
    )

    def do(directory: Path, listeners: Progress) -> Verdict:
        return _process(options, loaded, job, directory, listeners)

    return carry_out(job, options.out, do, progress)


def _process(
    options: ProcessOptions, loaded: Loaded, job: Job, directory: Path, progress: Progress
) -> Verdict:
    check_limit(options.d_min)
    _check_free_r(options, loaded)
    with job.timed("read"):
        container = frames.first_look(options.master.absolute(), options.patience_s, options.read, progress)
    job.dataset = container.dataset
    _check_kind(container.dataset, loaded)
    if loaded.recipe.start is Start.COMPLETE:
        container = _waited(options, loaded, job, container, progress)
    out = directory / loaded.recipe.name
    out.mkdir()
    values = _values(options, loaded, job, container, out)
    try:
        ran = _run(loaded, values, job, directory, progress)
    finally:
        _list_files(loaded, job, directory)
    if loaded.recipe.start is Start.SEEN:
        job.ledger = examine(container).ledger(settled=True)
    return _verdict(loaded, job, ran, values.out, directory / _log_name(loaded))


def _check_free_r(options: ProcessOptions, loaded: Loaded) -> None:
    """Stop at a wish no recipe fulfils: its program makes the files, and no flags are put into them.

    Raises:
        InputError: bad_request.
    """
    if options.free_r is not None:
        raise failure(
            Failure.BAD_REQUEST,
            f"--free-r: the recipe {loaded.recipe.name} makes its own files, whose flags are not replaced.",
            "Leave the option out and copy the flags with CCP4 or phenix, or use another engine.",
        )


def _check_kind(dataset: Dataset, loaded: Loaded) -> None:
    """Stop at a dataset the recipe is not for.

    Raises:
        ScienceError: not_a_rotation.
        InputError: bad_request.
    """
    kinds = loaded.recipe.kinds
    if dataset.kind in kinds:
        return
    if kinds == (DatasetKind.ROTATION,):
        frames.check_kind(dataset)
    raise failure(
        Failure.BAD_REQUEST,
        f"The recipe {loaded.recipe.name} is for {', '.join(kinds)}; {dataset.name} is a "
        f"{dataset.kind.value} dataset ({dataset.kind_reason.rstrip('.')}).",
    )


def _waited(
    options: ProcessOptions, loaded: Loaded, job: Job, container: Container, progress: Progress
) -> Container:
    """Wait for the frames; the master is read again afterwards, P11 patches it late."""
    progress.stage("wait for frames", container.dataset.n_announced)
    with job.timed("wait"):
        followed = frames.settled(
            container, options.master.absolute(), options.patience_s, options.read, progress
        )
    job.ledger, job.last_seen, job.dataset = followed.ledger, followed.last_seen, followed.container.dataset
    _check_kind(job.dataset, loaded)
    return followed.container


def _values(options: ProcessOptions, loaded: Loaded, job: Job, container: Container, out: Path) -> Values:
    """What the placeholders stand for; the companion master is written when it is asked for."""
    dataset, ledger = container.dataset, job.ledger
    images = _images(dataset, ledger, options.images)
    companion = master = options.master.absolute()
    if ledger is not None and loaded.recipe.wants("companion"):
        with job.timed("companion"):
            written = write_companion(container, ledger, out.parent)
        job.files["companion"], companion = written.path.name, written.path
        job.remarks = (*dataset.remarks, *written.remarks)
    cores = options.cores or loaded.recipe.resources.cores
    job.request = Request(
        dataset, companion, out, images, cores, options.space_group, options.unit_cell, options.d_min
    )
    edge = edge_resolution(dataset.detector, dataset.beam)
    return Values(
        master, companion, out, dataset.name, images, options.d_min, edge, cores, loaded.path.parent
    )


def _images(dataset: Dataset, ledger: FrameLedger | None, wanted: tuple[int, int] | None) -> tuple[int, int]:
    if ledger is None:  # started before the frames: as announced
        return frames.in_range(dataset.n_announced, wanted)
    if dataset.kind is DatasetKind.ROTATION:
        return frames.choose(dataset, ledger, wanted)
    return frames.whole(ledger, wanted)


def edge_resolution(detector: Detector, beam: Beam) -> float:
    """Spacing in angstrom on the edge of the detector nearest to the direct beam.

    Raises:
        InputError: the geometry gives none (metadata_inconsistent).
    """
    centre = detector.pixel(beam.direction)
    if centre is None:
        raise failure(Failure.METADATA_INCONSISTENT, "The direct beam never meets the detector plane.")
    nx, ny = detector.image_size
    x, y = min(max(centre[0], 0), nx), min(max(centre[1], 0), ny)
    distances = {(0, y): x, (nx, y): nx - x, (x, 0): y, (x, ny): ny - y}
    found = detector.resolution_at(beam, *min(distances, key=lambda point: distances[point]))
    # A beam outside of the panel has no circle on it: the best that can be said is the far corner.
    return found if 0 < found < 1000 else detector.best_resolution(beam)


def _log_name(loaded: Loaded) -> str:
    return f"{loaded.recipe.name}.log"


def _run(loaded: Loaded, values: Values, job: Job, directory: Path, progress: Progress) -> Ran:
    recipe = loaded.recipe
    arguments = engine.fill(recipe, values)
    command = engine.command_of(recipe, arguments)
    job.parameters |= {"command": list(arguments), "environment": list(recipe.environment)}
    engine.write_inputs(recipe, values)
    log.info("started: %s", " ".join(arguments))
    progress.stage(recipe.name)
    if recipe.start is Start.SEEN:
        tell_opened(progress)
    job.files["output"] = _log_name(loaded)
    with job.timed(recipe.name):
        return engine.run_program(
            command,
            _environment(values.cores),
            values.out,
            directory / _log_name(loaded),
            progress.check,
            recipe.resources.minutes * 60,
        )


def _environment(cores: int) -> Mapping[str, str]:
    return {**os.environ, **CHILD_ENVIRONMENT, "OMP_NUM_THREADS": str(cores)}


def _list_files(loaded: Loaded, job: Job, directory: Path) -> None:
    """Name what the program left, also when it failed; what cannot be read is left out."""
    for name, path in engine.find_files(loaded.recipe, directory / loaded.recipe.name).items():
        try:
            job.hashes[name] = sha256(path)
        except (BeampaceError, OSError) as error:
            log.warning("not listed: %s", error)
            continue
        job.files[name] = path.relative_to(directory).as_posix()


def _verdict(loaded: Loaded, job: Job, ran: Ran, out: Path, output: Path) -> Verdict:
    """The verdict of a program that ended by itself.

    Raises:
        BeampaceError: it failed: by its own word, by the recipe's rules, or by its exit code.
    """
    tail = engine.tail_of(output)
    told = told_by(loaded.recipe, out) if ran.returncode == 0 else _told_if_readable(loaded, out)
    if told is not None and told.failed:
        raise failure(Failure(told.verdict.code), told.verdict.words, told.verdict.next_step)
    if found := engine.failure_of(loaded.recipe, ran.returncode, tail):
        raise failure(found[0].code, f"{loaded.recipe.name}: {found[1][:300]}")
    _check_exit(loaded, ran, tail, output)
    _check_files(loaded, job, told, out)
    return _success(loaded, job, told, out)


def _told_if_readable(loaded: Loaded, out: Path) -> Told | None:
    """What a program that failed says; a half-written file says nothing."""
    try:
        return told_by(loaded.recipe, out)
    except BeampaceError as error:
        log.info("%s", error)
        return None


def _check_exit(loaded: Loaded, ran: Ran, tail: str, output: Path) -> None:
    if ran.returncode == 0:
        return
    said = engine.last_words(tail)
    words = f" It said: {said}" if said else " It said nothing."
    if loaded.recipe.environment and ran.returncode in NOT_STARTED:
        raise failure(
            Failure.ENGINE_MISSING,
            f"{loaded.recipe.command[0]} of the recipe {loaded.path} cannot be started.{words}",
            "Correct `environment`, `command` or `prefix` in the recipe, or install the program.",
        )
    how = f"exit code {ran.returncode}" if ran.returncode > 0 else f"signal {-ran.returncode}"
    raise failure(Failure.ENGINE_FAILED, f"{loaded.recipe.name} ended with {how}.{words}", f"See {output}.")


def _check_files(loaded: Loaded, job: Job, told: Told | None, out: Path) -> None:
    recipe = loaded.recipe
    lost = list(engine.missing(recipe, {name: out / path for name, path in job.files.items()}))
    if recipe.read in TELLING and told is None:
        lost.append(recipe.summary.file)
    if lost:
        raise failure(
            Failure.ENGINE_FAILED,
            f"{recipe.name} ended without error but left no {', '.join(lost)} in {out}.",
        )


def _success(loaded: Loaded, job: Job, told: Told | None, out: Path) -> Verdict:
    warnings = tuple(dict.fromkeys(job.remarks))
    step = f"Look at its files in {loaded.recipe.name}/."
    if loaded.recipe.read is engine.Read.OUTPUTS:
        return read_into(job, loaded, out, step)
    if told is None:
        return Verdict(Success.FINISHED.value, WORDS, step, warnings)
    job.crystal, job.statistics = told.crystal, told.statistics
    job.columns = dict(told.columns) or None
    if told.found:
        job.parameters["found"] = dict(told.found)
    verdict = told.verdict
    return Verdict(
        verdict.code, verdict.words or WORDS, verdict.next_step or step, (*verdict.warnings, *warnings)
    )
