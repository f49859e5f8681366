"""Carrying out an order: the same work as on the command line, in a place that is proven."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from beampace.analysis import Score
from beampace.analysis.strategy import Wanted
from beampace.core.errors import BeampaceError, failure
from beampace.core.ports import Engine, Indexer, Progress
from beampace.core.taxonomy import Failure
from beampace.core.verdict import Verdict
from beampace.core.work import WorkName
from beampace.engines.recipe import Loaded, load_recipe
from beampace.results import write_text
from beampace.work.errand import Errand, stop_reason
from beampace.work.job import Finished, Job, carry_out
from beampace.work.look import LookOptions, look
from beampace.work.map import MapOptions, map_grid
from beampace.work.map_shape import GridWishes
from beampace.work.order import DIRECTORY_FILE, Order
from beampace.work.place import check_master, check_root, numbered_below
from beampace.work.process import ProcessOptions, process
from beampace.work.recipe import process_by_recipe
from beampace.work.strategy import StrategyOptions, strategy
from beampace.work.strategy_situation import Wishes as StrategyWishes
from beampace.work.wishes import Wishes, wishes_of

Engines = Callable[[], Mapping[str, Engine]]
"""Makes a fresh engine of every kind."""

MakeIndexer = Callable[[], AbstractContextManager[Indexer]]
"""Makes an indexer, which ends with the context."""

Run = Callable[[Progress], Finished]


def run_order(
    order: Order,
    attempt: Path,
    engines: Engines,
    progress: Progress,
    indexer: MakeIndexer | None = None,
) -> Finished:
    """Do what an order says; every ending is a result once its directory is made.

    Args:
        order: what to do.
        attempt: directory of the attempt, absolute; where the result directory is, is written there first.
        engines: makes the engines of `process`.
        progress: told how far it is, asked whether to stop.
        indexer: makes the indexer of `strategy`; None where there is none.

    Raises:
        InputError: the result place is not where results go (bad_request).
        InfrastructureError: the result directory cannot be made (not_writable, disk_full), or the beamtime's
            place is another's by now (beamtime_closed).
    """
    check_root(order.raw, order.root_id)
    directory = numbered_below(order.results_root, order.results, order.work.value)
    write_text(attempt / DIRECTORY_FILE, str((order.results_here or order.results) / directory.name))
    errand = errand_of(order, attempt)
    try:
        check_master(order.master, order.raw)
        run = _run_of(order, directory, errand, engines, indexer)
    except BeampaceError as error:
        return _refused(order, directory, errand, error, progress)
    return run(progress)


def errand_of(order: Order, attempt: Path) -> Errand:
    """What work needs to know of the job it is done for."""
    facts = {"job": order.key, "attempt": order.attempt, "options": dict(order.options)}
    return Errand(facts, partial(stop_reason, attempt), tidy=not order.keep_all)


def _run_of(
    order: Order, directory: Path, errand: Errand, engines: Engines, indexer: MakeIndexer | None
) -> Run:
    """The work as a function of the progress.

    Raises:
        InputError: the order asks for something that is not known (bad_request).
    """
    wishes = wishes_of(order)
    if order.work is WorkName.LOOK:
        return partial(look, _look_options(order, wishes, directory, errand))
    if order.work is WorkName.MAP:
        return partial(map_grid, _map_options(order, wishes, directory, errand))
    if order.work is WorkName.PROCESS:
        options = _process_options(order, wishes, directory, errand)
        if order.recipe is not None:
            return partial(process_by_recipe, options, _recipe_of(order, order.recipe))
        return lambda progress: process(options, engines(), progress)
    if order.work is WorkName.STRATEGY and indexer is not None:
        return partial(_strategy, _strategy_options(order, wishes, directory, errand), indexer)
    raise failure(Failure.BAD_REQUEST, f"{order.work.value} is not known to this version as a job.")


def _look_options(order: Order, wishes: Wishes, directory: Path, errand: Errand) -> LookOptions:
    return LookOptions(order.master, wishes.images, order.cores, directory, wishes.quiet_s, errand=errand)


def _map_options(order: Order, wishes: Wishes, directory: Path, errand: Errand) -> MapOptions:
    grid = GridWishes(size=wishes.grid)
    return MapOptions(
        (order.master,), grid, Score.SPOTS, order.cores, directory, wishes.quiet_s, errand=errand
    )


def _strategy(options: StrategyOptions, indexer: MakeIndexer, progress: Progress) -> Finished:
    with indexer() as one:
        return strategy(options, one, progress)


def _strategy_options(order: Order, wishes: Wishes, directory: Path, errand: Errand) -> StrategyOptions:
    return StrategyOptions(
        masters=(order.master,),
        wishes=StrategyWishes(
            Wanted(d_min=wishes.d_min),
            order.beamline.limits,
            wishes.transmission,
            wishes.flux or order.beamline.flux,
            order.beamline.beam_um,
        ),
        unit_cell=wishes.cell,
        space_group=wishes.space_group,
        out=directory,
        patience_s=wishes.quiet_s,
        errand=errand,
    )


def _process_options(order: Order, wishes: Wishes, directory: Path, errand: Errand) -> ProcessOptions:
    return ProcessOptions(
        master=order.master,
        engine=order.engine or "dials",
        images=wishes.images,
        space_group=wishes.space_group,
        unit_cell=wishes.cell,
        d_min=wishes.d_min,
        cores=order.cores,
        out=directory,
        patience_s=wishes.quiet_s,
        errand=errand,
    )


def _recipe_of(order: Order, path: Path) -> Loaded:
    """The recipe of an order, which never lies in data.

    Raises:
        InputError: it cannot be used (bad_request).
    """
    loaded = load_recipe(path, (order.raw, order.results_root), order.recipe_sha256)
    if loaded.recipe.name != order.engine:
        detail = f"The recipe {loaded.path}: name: {loaded.recipe.name!r}, not {order.engine!r}."
        raise failure(Failure.BAD_REQUEST, detail)
    if order.recipe_sha256 not in ("", loaded.sha256):
        raise failure(
            Failure.BAD_REQUEST,
            f"The recipe {loaded.path} has changed: its SHA-256 is {loaded.sha256}, "
            f"not {order.recipe_sha256}.",
            "Restart the daemon, so that it reads its recipes anew, and process the dataset again.",
        )
    return loaded


def _refused(
    order: Order, directory: Path, errand: Errand, error: BeampaceError, progress: Progress
) -> Finished:
    """The result of an order that cannot be carried out."""
    job = Job(order.work.value, order.master, engine=order.engine or None, errand=errand)

    def do(directory: Path, progress: Progress) -> Verdict:  # noqa: ARG001 (the interface of `carry_out`)
        raise error

    return carry_out(job, directory, do, progress)
