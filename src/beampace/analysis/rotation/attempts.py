"""The ways in which the lattice of a scan is looked for, the usual one first.

What the file says of the apparatus is believed until no lattice fits; then the spindle is turned the other
way, the detector moved, and the beam looked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from beampace.analysis.rotation import lattice_search as search
from beampace.analysis.rotation.assign import Mask
from beampace.analysis.rotation.beam_centre import beam_centres
from beampace.analysis.rotation.checks import flipped
from beampace.analysis.rotation.known_cell import known_bases
from beampace.analysis.rotation.model import Model
from beampace.analysis.rotation.reciprocal import vectors
from beampace.analysis.rotation.second import second_lattice
from beampace.analysis.rotation.solution import Solution, Strong, best_of, fits, follow, is_better, misfit
from beampace.core.cell import UnitCell
from beampace.core.errors import ScienceError, failure
from beampace.core.geometry import add, dot, scaled
from beampace.core.taxonomy import Failure

ENOUGH = 100
"""Spots with which the dearest search is worth its time."""
WINDOW = 20.0
"""Degrees of the part of the scan in which the lattice is looked for first."""
WINDOW_SPOTS = 300
MOST_CELL = 500.0
APART_PX = 4.0
"""Spots closer than this are one."""

GOOD, FAIR = 0.6, 0.3
"""Share of the spots that a lattice explains: without further ado, and at least."""
CLOSE_PX, CLOSE_FRAMES, CLOSE_DEG = 0.6, 0.6, 0.12
"""R.m.s.d. of a lattice after which nothing else is tried."""
DISTANCES = (0.95, 1.05, 0.9, 1.1)
"""Factors of the file's distance that are tried."""
CENTRES, LIKE = 5, 1.3
"""Beam centres that are followed; misfits within this factor are alike."""
FLIPPED = "The spindle turns the other way than the file says."


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """What came of a way.

    Attributes:
        solution: the lattice.
        remark: what had to be put right, or "".
    """

    solution: Solution
    remark: str = ""


def best_attempt(header: Model, spots: Strong, cell: UnitCell | None) -> Attempt:
    """The first good lattice, or else the best one.

    Args:
        header: the apparatus as the file has it.
        spots: of the scan.
        cell: expected, or None.

    Raises:
        ScienceError: `not_indexed`, or `beam_centre_off` when several beam centres fit.
    """
    best: Attempt | None = None
    try:
        for one in _attempts(header, spots, cell):
            if fits(one.solution, FAIR) and (best is None or is_better(one.solution, best.solution)):
                best = one
                if _is_good(best.solution, header, spots):
                    break
    except ScienceError:
        if best is None:
            raise
    if best is None:
        detail = f"None explains {FAIR:.0%} of the {len(spots)} spots, whichever way the spindle turns."
        raise failure(Failure.NOT_INDEXED, detail)
    return best


def _is_good(solution: Solution, header: Model, spots: Strong) -> bool:
    """Whether nothing else need be tried: spots lie close, and most are explained, by two lattices maybe."""
    x, y, z = solution.rmsd
    if max(x, y) > CLOSE_PX or z > max(CLOSE_FRAMES, CLOSE_DEG / solution.model.width):
        return False
    if solution.fraction >= GOOD:
        return True
    second = second_lattice(solution, spots, longest_of(header, spots))
    return second is not None and solution.fraction + second.fraction >= GOOD


def longest_of(model: Model, spots: Strong) -> float:
    """Edge to look for, angstrom."""
    return search.longest_edge(vectors(model, spots.xyz), _limit(model))


def centre_of(model: Model) -> tuple[float, float]:
    """The direct beam in px."""
    return model.detector.pixel(model.beam.direction) or (math.nan, math.nan)


def _limit(model: Model) -> float:
    """The longest edge whose spots the detector keeps apart."""
    detector = model.detector
    resolved = model.beam.wavelength * detector.distance / (APART_PX * max(detector.pixel_size))
    return min(MOST_CELL, resolved)


def _attempts(header: Model, spots: Strong, cell: UnitCell | None) -> Iterator[Attempt]:
    """Lattices, the usual way first."""
    window = _window(header, spots)
    longest = longest_of(header, spots.only(window))
    if cell is not None:
        q = vectors(header, spots.xyz[window])
        yield from _made(best_of(header, spots, window, known_bases(q, cell)))
    yield from _made(_searched(header, spots, window, longest))
    other = flipped(header)
    yield from _made(_searched(other, spots, window, longest), FLIPPED)
    for factor in DISTANCES:
        yield from _made(_searched(_farther(header, factor), spots, window, longest))
    yield from _made(_recentred(header, spots, window, longest))
    yield from _made(_recentred(other, spots, window, longest), FLIPPED)
    if window.sum() >= ENOUGH:
        yield from _made(_searched(header, spots, window, _limit(header), search.HARDEST))


def _made(solution: Solution | None, remark: str = "") -> Iterator[Attempt]:
    if solution is not None:
        yield Attempt(solution, remark)


def _farther(model: Model, factor: float) -> Model:
    """The model with another distance of the detector."""
    detector = model.detector
    step = scaled(detector.normal, (factor - 1) * dot(detector.origin, detector.normal))
    return replace(model, detector=replace(detector, origin=add(detector.origin, step)))


def _searched(
    start: Model, spots: Strong, window: Mask, longest: float, most: int = 20_000
) -> Solution | None:
    q = vectors(start, spots.xyz[window])
    return best_of(start, spots, window, search.search(q, longest, most=most))


def _recentred(start: Model, spots: Strong, window: Mask, longest: float) -> Solution | None:
    """The solution with the beam where a lattice fits best.

    Raises:
        ScienceError: `beam_centre_off`: several places fit.
    """
    found = []
    for centre in beam_centres(start, spots, longest)[:CENTRES]:
        if centre.share >= FAIR:
            solution = follow(centre.model, spots, window, reference=centre.model)
            if fits(solution, FAIR):
                found.append(solution)
    if not found:
        return None
    found.sort(key=misfit)
    alike = [one for one in found if misfit(one) < LIKE * misfit(found[0])]
    if len(alike) > 1:
        centres = (centre_of(one.model) for one in alike)
        places = " and ".join(f"({x:.1f}, {y:.1f})" for x, y in centres)
        detail = f"Lattices fit with the beam at {places}."
        raise failure(Failure.BEAM_CENTRE_OFF, detail)
    return found[0]


def _window(model: Model, spots: Strong) -> Mask:
    """The part of the scan, `WINDOW` degrees or as many as hold enough spots, with the most of them."""
    z = np.sort(spots.xyz[:, 2])
    length = WINDOW / model.width
    while True:
        counts = np.searchsorted(z, z + length, side="right") - np.arange(len(z))
        if counts.max() >= min(WINDOW_SPOTS, len(z)):
            break
        length *= 1.5
    begin = z[int(np.argmax(counts))]
    return np.asarray((spots.xyz[:, 2] >= begin) & (spots.xyz[:, 2] <= begin + length))
