"""From spots to a refined lattice that can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from beampace.core.engine import Request, Tweak
from beampace.core.errors import CrystalMoved, EngineCrashed, ScienceError, failure
from beampace.core.taxonomy import TAXONOMY, Failure
from beampace.engines.dials import expt, geometry_check, steps
from beampace.engines.dials import reflections as columns
from beampace.engines.dials.beam_rays import rays_of
from beampace.engines.dials.beam_search import REACH_PX, BeamSearch, search
from beampace.engines.dials.chain import Chain, Done
from beampace.engines.dials.lattice import (
    SECOND_LATTICE_SHARE,
    TESTABLE_FROM_DEG,
    Lattice,
    indexed_per_frame,
    lattice_of,
    second_lattice_share,
)
from beampace.engines.dials.motion import Slip, find_slip
from beampace.engines.dials.reflections import ReflectionTable, read_table

Pair = tuple[Path, Path]
"""Experiment list and reflection table that belong together."""

WEAKEST = 0.2
"""Share of the spots below which even a weak lattice is chance."""

SAME_BEAM_PX = 5.0


@dataclass(frozen=True, slots=True)
class Found:
    """Spots on frames: the experiment list they belong to, their file, their positions."""

    experiments: Path
    reflections: Path
    table: ReflectionTable
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indexed:
    """A refined lattice."""

    files: Pair
    lattice: Lattice
    per_frame: tuple[int, ...]
    remarks: tuple[str, ...]
    geometry_moved: str = ""


def find_lattice(chain: Chain, request: Request, found: Found, known: Path | None = None) -> Indexed:
    """Index and refine; a lattice that cannot be believed counts as none.

    Args:
        chain: runs the steps.
        request: the frames.
        found: their spots.
        known: experiment list in which a part of the frames was indexed; it is tried first.

    Raises:
        ScienceError: not_indexed; beam_centre_off when another geometry explains the spots clearly
            better; crystal_moved when one orientation holds for a part of the frames only.
    """
    experiments = _prepared(chain, request, found)
    arguments = steps.index(request, len(found.table))
    done = _with_known(chain, request, found, known) or index(chain, request, found, experiments)
    table = read_table(done.outputs[1])
    _check_beam(request, found, done.pair, lattice_of(table))
    slip = _check_slip(request, expt.read_expt(done.outputs[0]), table)
    _believe(lattice_of(table), request)
    refined = chain.run("refine", done.outputs, steps.refine(request), ("refined.expt", "refined.refl"))
    table = read_table(refined.outputs[1])
    lattice = lattice_of(table)
    _believe(lattice, request)
    model = expt.read_expt(refined.outputs[0])
    moved = geometry_check.moved(model, request)
    remarks = (
        *_second_lattice(chain, request, (experiments, found.reflections), arguments, lattice),
        *((_warning(Failure.BEAM_CENTRE_OFF, moved),) if moved else ()),
        *_check_cell(chain, request, model),
        *((_warning(Failure.CRYSTAL_MOVED, f"{slip} {_first_part(request, slip)}"),) if slip else ()),
        *_turned(request),
    )
    return Indexed(refined.pair, lattice, indexed_per_frame(table, request.images), remarks, moved)


def index(chain: Chain, request: Request, found: Found, experiments: Path) -> Done:
    """Run the indexer on the spots, with these models."""
    return chain.run(
        "index",
        (experiments, found.reflections),
        steps.index(request, len(found.table)),
        ("indexed.expt", "indexed.refl"),
        extra=_processes("indexing.nproc", request),
    )


def index_with(chain: Chain, request: Request, found: Found, known: Path) -> Done:
    """Index with the lattice of an earlier part of the scan."""
    model = expt.read_expt(known)
    return index(
        chain, request, found, chain.edit("known", found.experiments, lambda e: expt.with_models(e, model))
    )


def _with_known(chain: Chain, request: Request, found: Found, known: Path | None) -> Done | None:
    """The known lattice on all spots, when it explains them well; else they are indexed anew."""
    if known is None:
        return None
    try:
        done = index_with(chain, request, found, known)
    except ScienceError:
        return None
    lattice = lattice_of(read_table(done.outputs[1]))
    return None if lattice.loose(request.dataset.scan.width) else done


def _prepared(chain: Chain, request: Request, found: Found) -> Path:
    """The experiment list to index with: spindle, beam or distance put right, when the try asks for it."""
    experiments = found.experiments
    if Tweak.FLIPPED_AXIS in request.tweaks:
        experiments = chain.edit("flipped", experiments, expt.flipped)
    if Tweak.KNOWN_DISTANCE in request.tweaks:
        distance = chain.memory.distance
        if distance is None:
            raise failure(Failure.NOT_INDEXED, "The given cell asks for no other distance.")
        experiments = chain.edit("distance", experiments, lambda e: expt.with_distance(e, distance))
    if Tweak.BEAM_SEARCH in request.tweaks:
        best = _searched(experiments, found)
        if best is None or not best.found:
            raise failure(
                Failure.NOT_INDEXED,
                f"No beam centre within {REACH_PX:.0f} px makes one lattice fit all frames.",
            )
        experiments = chain.edit("beam", experiments, lambda e: expt.with_beam_at(e, best.shift))
    return experiments


def _searched(experiments: Path, found: Found) -> BeamSearch | None:
    return search(rays_of(expt.read_expt(experiments), found.table["xyzobs.px.value"]))


def _check_beam(request: Request, found: Found, indexed: Pair, lattice: Lattice) -> None:
    """Stop when the lattice is doubtful and another beam centre fits all frames clearly better."""
    if Tweak.BEAM_SEARCH in request.tweaks or steps.degrees(request) < TESTABLE_FROM_DEG:
        return
    now = expt.read_expt(indexed[0])
    if not (lattice.loose(request.dataset.scan.width) or geometry_check.moved(now, request)):
        return
    best, file = _searched(found.experiments, found), expt.beam_position(expt.read_expt(found.experiments))
    refined = expt.beam_position(now)
    if best is None or not best.found or file is None or refined is None:
        return
    away = max(abs(file[i] + best.shift[i] - refined[i]) for i in range(2))
    if away > SAME_BEAM_PX:
        raise failure(
            Failure.BEAM_CENTRE_OFF,
            f"The spots of all frames fit a beam centre ({best.shift[0]:.1f}, {best.shift[1]:.1f}) px "
            "from the file's.",
        )


def _check_slip(request: Request, model: expt.Expt, table: ReflectionTable) -> Slip | None:
    """The slip of the crystal, if any.

    Raises:
        CrystalMoved: there is one, and the longer part has not been tried alone.
    """
    degrees = steps.degrees(request)
    if degrees < TESTABLE_FROM_DEG:
        return None
    pixels, explained = table["xyzobs.px.value"], table.flagged(columns.INDEXED) & (table["id"] == 0)
    q = rays_of(model, pixels).vectors()
    slip = find_slip(q, expt.lattice_points(model, table["miller_index"]), explained, pixels[:, 2], degrees)
    if slip is None or not request.images[0] < slip.frame <= request.images[1]:
        return None
    part = _longer_part(request.images, slip.frame)
    share = (part[1] - part[0] + 1) / request.n_frames
    if Tweak.LONGER_PART in request.tweaks or share * degrees < TESTABLE_FROM_DEG:
        return slip
    raise CrystalMoved(str(slip), _first_part(request, slip), part)


def _longer_part(images: tuple[int, int], frame: int) -> tuple[int, int]:
    before, after = (images[0], frame - 1), (frame, images[1])
    return max(before, after, key=lambda part: part[1] - part[0])


def _first_part(request: Request, slip: Slip) -> str:
    return f"Process the frames before it moved with --images {request.images[0]}:{slip.frame - 1}."


def _check_cell(chain: Chain, request: Request, model: expt.Expt) -> tuple[str, ...]:
    """Compare with the given cell.

    Raises:
        ScienceError: beam_centre_off when the found cell is the given one scaled; the next try sets
            the distance that makes it right.
    """
    if request.unit_cell is None:
        return ()
    judged = geometry_check.against_cell(model, request.unit_cell, request)
    if judged.distance is not None and Tweak.KNOWN_DISTANCE not in request.tweaks:
        chain.memory.distance = judged.distance
        raise failure(Failure.BEAM_CENTRE_OFF, judged.words)
    if not judged.words:
        return ()
    return (_warning(judged.code, judged.words) if judged.code else judged.words,)


def _believe(lattice: Lattice, request: Request) -> None:
    if Tweak.WEAK_LATTICE in request.tweaks:
        if lattice.fraction < WEAKEST:
            raise failure(
                Failure.NOT_INDEXED, f"The best lattice fits only {lattice.fraction:.0%} of the spots."
            )
        return
    doubt = lattice.doubt(steps.degrees(request), request.dataset.scan.width)
    if doubt:
        raise failure(Failure.NOT_INDEXED, f"In the best fit {doubt}.")


def _second_lattice(
    chain: Chain, request: Request, inputs: tuple[Path, ...], arguments: tuple[str, ...], lattice: Lattice
) -> tuple[str, ...]:
    """Look for a second lattice among many unexplained spots; the first one stays the result."""
    if not lattice.unexplained:
        return ()
    both = "indexing.multiple_lattice_search.max_lattices=2"
    try:
        done = chain.run(
            "index.2",
            inputs,
            (*arguments, both, "output.experiments=two.expt", "output.reflections=two.refl"),
            ("two.expt", "two.refl"),
            extra=_processes("indexing.nproc", request),
        )
    except EngineCrashed:
        return ()  # The chain has logged it; what was found stays.
    except ScienceError as error:
        if error.code is not Failure.NOT_INDEXED:
            raise
        return ()
    share = second_lattice_share(read_table(done.outputs[1]))
    if share < SECOND_LATTICE_SHARE:
        return ()
    return (_warning(Failure.TWO_LATTICES, f"A second lattice explains another {share:.0%} of the spots."),)


def _turned(request: Request) -> tuple[str, ...]:
    if Tweak.FLIPPED_AXIS not in request.tweaks:
        return ()
    return ("metadata_inconsistent: The spindle turns the other way than the file says.",)


def _warning(code: Failure, detail: str) -> str:
    return f"{code.value}: {TAXONOMY[code].words} {detail}"


def _processes(option: str, request: Request) -> tuple[str, ...]:
    return (f"{option}={request.cores}",)
