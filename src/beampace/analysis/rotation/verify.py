"""What is checked of a lattice before it is believed, the symmetry it may have, and the words for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from beampace.analysis.rotation import checks
from beampace.analysis.rotation.attempts import centre_of
from beampace.analysis.rotation.basis import is_like
from beampace.analysis.rotation.freedom import Freedom
from beampace.analysis.rotation.lattice_symmetry import LatticeSymmetry, lattice_symmetries, reduced_matrix
from beampace.analysis.rotation.model import Model
from beampace.analysis.rotation.reciprocal import vectors
from beampace.analysis.rotation.refine import Fit, Observed, refine
from beampace.analysis.rotation.second import Second, angle_between
from beampace.analysis.rotation.solution import Solution, Strong, degrees_of, explained, fitted, observed_of

LIKE_TRICLINIC, AS_MANY = 1.1, 0.95
"""A symmetry is taken when it makes the residuals no larger than this, against the triclinic lattice, and
keeps this share of the spots."""
ORIGIN_SURE = 40.0
"""Degrees of rotation over which a shifted origin cannot fit."""
FAR_PX, FAR_DISTANCE = 5.0, 0.01
"""Px and share of the distance by which the geometry is said to be wrong."""
SPLIT = 3.0
"""Degrees within which a second lattice is a part of the same crystal."""


def checked(model: Model, spots: Strong, reference: Model) -> tuple[Model, tuple[str, ...]]:
    """The model without a halved or doubled cell or a shifted origin, and what was found.

    Args:
        model: refined.
        spots: of the scan.
        reference: the geometry that refinement is held to.
    """
    solution = explained(fitted(model, spots, reference), spots)
    part = checks.sublattice(solution.hkl[solution.indexed])
    if part is not None:
        model = replace(solution.model, a_matrix=reduced_matrix(solution.model.a_matrix @ part))
        solution = explained(fitted(model, spots, reference), spots)
    model, remarks = _with_halves(solution, spots, reference)
    if degrees_of(model, spots.xyz) < ORIGIN_SURE:
        model, said = _with_origin(model, spots)
        remarks += said
    return model, tuple(remarks)


def _with_halves(solution: Solution, spots: Strong, reference: Model) -> tuple[Model, list[str]]:
    q, a_matrix = vectors(solution.model, spots.xyz), solution.model.a_matrix
    half = checks.halved(q[~solution.indexed], a_matrix, len(spots))
    if half is None:
        return solution.model, []
    words = f"{half[1]:.0%} of the spots lie halfway between those of the lattice: its cell is doubled."
    larger = reduced_matrix(checks.superlattice(a_matrix, half[0]))
    return fitted(replace(solution.model, a_matrix=larger), spots, reference).model, [words]


def _with_origin(model: Model, spots: Strong) -> tuple[Model, list[str]]:
    observed = observed_of(model, spots)
    origin = checks.origin_of(model, observed, Freedom.of_scan(degrees_of(model, spots.xyz)))
    remarks = []
    if origin.shift.any():
        remarks.append(f"Indices with their origin at {tuple(int(-i) for i in origin.shift)} fit better.")
        again = Observed(observed.hkl + origin.shift.astype(np.int32), observed.xyz, observed.variance)
        model = refine(model, again, Freedom(shift=50.0), reference=model).model
    if origin.rivals:
        remarks.append("The rotation is too short to be sure that the beam centre is not off by one spot.")
    return model, remarks


def symmetric(model: Model, spots: Strong, reference: Model) -> tuple[Fit, LatticeSymmetry]:
    """The fit with the highest symmetry that makes the residuals no larger."""
    free = fitted(model, spots, reference)
    for symmetry in lattice_symmetries(model.a_matrix):
        if symmetry.order == 1:
            break
        fit = fitted(model, spots, reference, symmetry.operators)
        worse = np.array(fit.rmsd) / np.array(free.rmsd)
        if worse.max() < LIKE_TRICLINIC and fit.used.sum() > AS_MANY * free.used.sum():
            return fit, symmetry
    return free, symmetry


def reference_of(model: Model, header: Model) -> Model:
    """The geometry that refinement is held to: the header's, unless it is far from there."""
    return model if moved_words(model, header) else header


def moved_words(model: Model, header: Model) -> tuple[str, ...]:
    """How the geometry is not as the file has it."""
    words = []
    dx, dy = np.subtract(centre_of(model), centre_of(header))
    if np.hypot(dx, dy) > FAR_PX:
        words.append(f"The beam is {dx:+.1f} px (fast) and {dy:+.1f} px (slow) from where the file has it.")
    far, near = model.detector.distance, header.detector.distance
    if abs(far / near - 1) > FAR_DISTANCE:
        words.append(f"The detector is {far:.1f} mm away, and not {near:.1f} mm as the file has it.")
    return tuple(words)


def second_words(second: Second | None, model: Model, symmetry: LatticeSymmetry) -> tuple[str, ...]:
    """What a second lattice is."""
    if second is None:
        return ()
    share = f"{second.fraction:.0%} of the spots"
    if not is_like(second.model.axes, model.cell):
        return (f"A second lattice, with the cell {second.model.cell}, explains {share}.",)
    angle = angle_between(model.a_matrix, second.model.a_matrix, symmetry.operators)
    if angle < SPLIT:
        return (f"The crystal is split or slips: the same lattice, little turned, explains another {share}.",)
    return (f"A second lattice, turned by {angle:.0f} degrees, explains {share}.",)
