"""Spots of a rotation scan to a refined lattice."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from beampace.analysis.rotation.assign import Index, Mask
from beampace.analysis.rotation.attempts import Attempt, best_attempt, longest_of
from beampace.analysis.rotation.basis import reduced
from beampace.analysis.rotation.known_cell import has_cell
from beampace.analysis.rotation.lattice_symmetry import LatticeSymmetry, reduced_matrix
from beampace.analysis.rotation.model import Model
from beampace.analysis.rotation.second import second_lattice
from beampace.analysis.rotation.solution import FEWEST_SPOTS, Strong, explained
from beampace.analysis.rotation.verify import checked, moved_words, reference_of, second_words, symmetric
from beampace.analysis.spots3d import Reflections
from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

ENOUGH = 100
"""Spots with which those at the ends of the scan can be spared."""


@dataclass(frozen=True, slots=True, eq=False)
class Indexed:
    """What indexing found.

    Attributes:
        model: refined; its cell is primitive and reduced, and has the symmetry of the lattice exactly.
        hkl: indices of each spot in that cell, zeros for none, (n, 3).
        indexed: which spots the lattice explains.
        rmsd: of these, px, px, frames.
        fraction: of the spots outside rings of ice that are explained.
        symmetry: the highest that the lattice may have, with its conventional cell.
        remarks: what was put right, and what is doubtful.
        second: another lattice among the rest of the spots, or None.
    """

    model: Model
    hkl: Index
    indexed: Mask
    rmsd: tuple[float, float, float]
    fraction: float
    symmetry: LatticeSymmetry
    remarks: tuple[str, ...] = ()
    second: Model | None = None


def index(
    spots: Reflections, dataset: Dataset, *, cell: UnitCell | None = None, last: int | None = None
) -> Indexed:
    """Find and refine the lattice of a scan.

    Args:
        spots: of the scan, joined over frames.
        dataset: the record, for the geometry.
        cell: expected, in any setting; another one is found, with a remark, when it does not fit.
        last: number of the last frame whose spots are used, or None for all.

    Raises:
        ScienceError: `too_few_spots`, `not_indexed`, or `beam_centre_off` when several beam centres fit.
        InputError: `not_a_rotation`: the spindle does not turn.
    """
    first, end = _sweep(spots, dataset, last)
    header = model_of(dataset, first)
    chosen = _chosen(spots, first, end)
    if len(chosen) < FEWEST_SPOTS:
        detail = f"There are {len(chosen)} outside rings of ice, and {FEWEST_SPOTS} are needed."
        raise failure(Failure.TOO_FEW_SPOTS, detail)
    found = _finished(spots, chosen, header, best_attempt(header, chosen, cell))
    if cell is None or has_cell(reduced(found.model.axes), cell):
        return found
    return replace(found, remarks=(*found.remarks, f"The cell that was given, {cell}, does not fit."))


def model_of(dataset: Dataset, first: int = 1) -> Model:
    """The apparatus as the file has it, with a crystal that says nothing.

    Args:
        dataset: the record.
        first: a frame, numbered from 1, whose spindle is right; others follow evenly.

    Raises:
        InputError: `not_a_rotation`: the spindle does not turn.
    """
    forwards = dataset.forwards
    scan = forwards.scan
    if not scan.turns or not scan.starts:
        raise failure(Failure.NOT_A_ROTATION, "Its spindle does not turn.")
    return Model(
        detector=forwards.detector,
        beam=forwards.beam,
        goniometer=forwards.goniometer,
        start=scan.starts[first - 1] - (first - 1) * scan.width,
        width=scan.width,
        a_matrix=np.eye(3) / 100,
    )


def _sweep(spots: Reflections, dataset: Dataset, last: int | None) -> tuple[int, int]:
    """First and last frame of the run of adjoining frames with the most spots, not beyond `last`."""
    limit = dataset.scan.n_frames if last is None else min(last, dataset.scan.n_frames)
    runs = [(begin, min(end, limit)) for begin, end in dataset.scan.sweeps() if begin <= limit]
    z = spots.xyz[:, 2]
    return max(runs, key=lambda run: int(((z >= run[0] - 1) & (z < run[1])).sum()), default=(1, limit))


def _chosen(spots: Reflections, first: int, last: int) -> Strong:
    """Spots outside rings of ice; if there are enough, only those that begin and end within the scan."""
    z = spots.xyz[:, 2]
    good = ~spots.in_ice & ~spots.overloaded & (z >= first - 1) & (z < last)
    begin, end = spots.box[good, 4].min(initial=2**30), spots.box[good, 5].max(initial=0)
    whole = good & (spots.box[:, 4] > begin) & (spots.box[:, 5] < end)
    rows = np.flatnonzero(whole if whole.sum() >= ENOUGH else good)
    return Strong(spots.xyz[rows], spots.variance[rows], rows)


def _finished(spots: Reflections, chosen: Strong, header: Model, attempt: Attempt) -> Indexed:
    """The symmetry imposed, what is doubtful said, and all spots given their indices."""
    model = attempt.solution.model
    model = replace(model, a_matrix=reduced_matrix(model.a_matrix))
    model, said = checked(model, chosen, reference_of(model, header))
    model = replace(model, a_matrix=reduced_matrix(model.a_matrix))
    fit, symmetry = symmetric(model, chosen, reference_of(model, header))
    every = explained(fit, Strong(spots.xyz, spots.variance, np.arange(len(spots))))
    ours = explained(fit, chosen)
    second = second_lattice(ours, chosen, longest_of(header, chosen))
    put_right = (attempt.remark,) if attempt.remark else ()
    doubts = (*moved_words(fit.model, header), *second_words(second, fit.model, symmetry))
    return Indexed(
        model=fit.model,
        hkl=every.hkl,
        indexed=every.indexed,
        rmsd=ours.rmsd,
        fraction=ours.fraction,
        symmetry=symmetry,
        remarks=(*put_right, *said, *doubts),
        second=None if second is None else second.model,
    )
