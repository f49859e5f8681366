"""The beam centre that makes one lattice fit the spots of the whole rotation.

A beam centre that is off by more than half the distance between spots gives each spot a wrong index.
In a small wedge such a false origin fits as well as the true one; but in the frame of the crystal it
turns with the spindle, so only the true origin fits a lattice over a range of angles. Beam positions on
a grid are tried: from the lattice of a small wedge, indices are assigned and the lattice is fitted over a
range that grows, and the agreement of all spots decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beampace.engines.dials.basis import find_basis

Floats = NDArray[np.float64]

REACH_PX = 60.0
RANGE_DEG = 60.0
MAX_SPOTS = 1200
WEDGE_DEG = 6.0
WEDGE_SPOTS = 150
"""A wedge grows until it holds so many spots."""

STEP_OF_SPACING = 0.12
"""Step of the grid over the distance between spots."""

STEPS_PX = (1.0, 4.0)
TOLERANCE = 0.25
LONGEST = 300.0
RIVALS = 8
CLEARLY = 0.1
FITS_WELL = 0.4
"""Mean cosine of 2 pi times the departure from whole indices: 1 for a perfect fit, 0 for chance."""

BATCH = 64


@dataclass(frozen=True, slots=True)
class Rays:
    """Spots as directions.

    Attributes:
        lab: positions (n, 3) in mm, laboratory frame.
        back: rotations (n, 3, 3) from the laboratory to the crystal.
        phi: spindle angles (n,) in degrees.
        steps: what one pixel along fast and slow is in the laboratory (2, 3), mm.
        direct: incident beam vector (3,) of length 1/wavelength.
    """

    lab: Floats
    back: Floats
    phi: Floats
    steps: Floats
    direct: Floats

    def vectors(self, shift: Floats | None = None) -> Floats:
        """Scattering vectors (n, 3), crystal frame, for a beam centre moved by `shift` pixels (2,)."""
        seen = self.lab if shift is None else self.lab - shift @ self.steps
        wave = np.linalg.norm(self.direct)
        q = seen * (wave / np.linalg.norm(seen, axis=1, keepdims=True)) - self.direct
        return np.asarray(np.einsum("nij,nj->ni", self.back, q))

    def part(self, chosen: NDArray[np.intp]) -> Rays:
        """Some of the spots."""
        return Rays(self.lab[chosen], self.back[chosen], self.phi[chosen], self.steps, self.direct)


@dataclass(frozen=True, slots=True)
class BeamSearch:
    """Outcome of a search.

    Attributes:
        shift: pixels (fast, slow) from the beam centre of the file to the best one.
        score, score_here: mean cosine of the misfit at the best centre and at the file's (1 is perfect).
    """

    shift: tuple[float, float]
    score: float
    score_here: float

    @property
    def found(self) -> bool:
        """Whether another beam centre explains the spots clearly better."""
        return self.score >= FITS_WELL and self.score >= self.score_here + CLEARLY


def search(rays: Rays, reach: float = REACH_PX) -> BeamSearch | None:
    """Look for the beam centre within `reach` pixels; None when no lattice shows in a small wedge."""
    first, last = wedge_of(rays.phi)
    inside = np.flatnonzero((rays.phi >= first) & (rays.phi <= last))
    basis = find_basis(rays.part(inside).vectors(), LONGEST)
    if basis is None:
        return None
    rays = rays.part(_spread(rays.phi, (first + last) / 2))
    stages = _stages(rays.phi, (first, last))
    step = grid_step(rays, basis)
    shifts = _grid(np.zeros(2), reach, step)
    scores = _scores(rays, basis, shifts, stages)
    here = float(scores[np.argmin(np.linalg.norm(shifts, axis=1))])
    while step > STEPS_PX[0] / 2:
        best = shifts[np.argsort(-scores)[:RIVALS]]
        shifts = np.concatenate([_grid(shift, step, step / 2) for shift in best])
        scores = _scores(rays, basis, shifts, stages)
        step /= 2
    top = int(np.argmax(scores))
    return BeamSearch((float(shifts[top, 0]), float(shifts[top, 1])), float(scores[top]), here)


def wedge_of(phi: Floats) -> tuple[float, float]:
    """The wedge with most spots, of at least `WEDGE_DEG`, wider where spots are few."""
    low, high = float(np.min(phi)), float(np.max(phi))
    width = WEDGE_DEG
    while True:
        starts = np.arange(low, max(high - width, low) + 1e-9, width / 2)
        counts = [int(np.sum((phi >= start) & (phi <= start + width))) for start in starts]
        best = int(np.argmax(counts))
        if counts[best] >= WEDGE_SPOTS or width >= high - low:
            return float(starts[best]), float(starts[best]) + width
        width *= 1.5


def grid_step(rays: Rays, basis: Floats) -> float:
    """Step of the grid in pixels: a fraction of the smallest distance between spots."""
    wavelength = 1 / float(np.linalg.norm(rays.direct))
    away = float(np.median(np.linalg.norm(rays.lab, axis=1)))
    spacing = wavelength * away / float(np.linalg.norm(basis, axis=1).max())
    return float(np.clip(STEP_OF_SPACING * spacing / np.linalg.norm(rays.steps[0]), *STEPS_PX))


def _spread(phi: Floats, middle: float) -> NDArray[np.intp]:
    """Spots within `RANGE_DEG` about the wedge, evenly, about `MAX_SPOTS` at most."""
    low = np.clip(middle - RANGE_DEG / 2, phi.min(), max(phi.min(), phi.max() - RANGE_DEG))
    inside = np.flatnonzero((phi >= low) & (phi <= low + RANGE_DEG))
    ordered = inside[np.argsort(phi[inside], kind="stable")]
    return ordered[:: 1 + len(ordered) // MAX_SPOTS]


def _stages(phi: Floats, wedge: tuple[float, float]) -> list[NDArray[np.bool_]]:
    """Which spots take part, round by round: a range about the wedge that grows to everything."""
    middle, half = sum(wedge) / 2, (wedge[1] - wedge[0]) / 2
    farthest = float(np.max(np.abs(phi - middle)))
    masks = []
    while half < farthest:
        masks.append(np.abs(phi - middle) <= half)
        half *= 1.6
    everything = np.ones(len(phi), dtype=np.bool_)
    return [*masks, everything, everything]


def _grid(centre: Floats, reach: float, step: float) -> Floats:
    n = round(reach / step)
    steps = np.arange(-n, n + 1) * step
    x, y = np.meshgrid(steps, steps, indexing="ij")
    return np.asarray(centre + np.stack([x.ravel(), y.ravel()], axis=1))


def _scores(rays: Rays, basis: Floats, shifts: Floats, stages: list[NDArray[np.bool_]]) -> Floats:
    parts = np.array_split(shifts, 1 + len(shifts) // BATCH)
    return np.concatenate([_fit(rays, basis, part, stages) for part in parts])


def _fit(rays: Rays, basis: Floats, shifts: Floats, stages: list[NDArray[np.bool_]]) -> Floats:
    """Agreement (m,) of all spots with the lattice fitted for each beam centre (m, 2)."""
    q = np.stack([rays.vectors(shift) for shift in shifts])
    lattice = np.repeat(basis[None], len(shifts), axis=0)
    for stage in stages:
        lattice = _fitted(q[:, stage], lattice)
    h = q @ lattice.transpose(0, 2, 1)
    return np.asarray(np.mean(np.cos(2 * np.pi * h), axis=(1, 2)))


def _fitted(q: Floats, lattice: Floats) -> Floats:
    """Lattices (m, 3, 3) after least squares of M q on whole indices: M = sum(n q^T) sum(q q^T)^-1."""
    h = q @ lattice.transpose(0, 2, 1)
    n = np.round(h)
    near = np.all(np.abs(h - n) < TOLERANCE, axis=2)
    weighted = q * near[..., None]
    normal = weighted.transpose(0, 2, 1) @ q
    enough = (near.sum(axis=1) >= 12) & (np.linalg.cond(normal) < 1e8)
    normal[~enough] = np.eye(3)
    fitted = np.linalg.solve(normal, weighted.transpose(0, 2, 1) @ n).transpose(0, 2, 1)
    return np.asarray(np.where(enough[:, None, None], fitted, lattice))
