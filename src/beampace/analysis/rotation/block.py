"""One block of reflections whose last frame has come: from voxels to intensities."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation import fit_kernel, sort_kernel
from beampace.analysis.rotation import predict_kernel as kernel
from beampace.analysis.rotation.background import Background, pooled
from beampace.analysis.rotation.boxes import Chunk, Trust
from beampace.analysis.rotation.integrated import Integrated
from beampace.analysis.rotation.model import Model
from beampace.analysis.rotation.neighbours import neighbours
from beampace.analysis.rotation.predict import N_SIGMA, OUTER, Predictions
from beampace.analysis.rotation.profiles import Piece, Profiles, region_of
from beampace.analysis.rotation.shape import Shape
from beampace.analysis.rotation.sort_kernel import LOST, OVERLAP, OVERLOAD, SIGNAL, USED, Kept

Floats = npt.NDArray[np.float64]

LEARNED_SIGMA = 10.0
"""I/sigma from which a profile is learned."""
SLOWEST_LEARNED = 0.1
"""Least zeta of a reflection that profiles are learned from."""
FEWEST_BACKGROUND = 10.0
LEAST_SHARE = 0.75
"""Of a profile's recorded part, what must lie on pixels that count for a fitted or summed intensity."""
SHELLS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What blocks of a scan share.

    Attributes:
        model: the crystal.
        mask: True for bad pixels, (slow, fast).
        missing: True for frames that did not come.
        trust: what a count may be.
    """

    model: Model
    mask: npt.NDArray[np.bool_]
    missing: npt.NDArray[np.bool_]
    trust: Trust

    @property
    def per_frame(self) -> float:
        """Standard deviations of sigma_m per frame at zeta = 1."""
        return self.model.width / self.model.sigma_m


@dataclass(frozen=True, slots=True, eq=False)
class Sorted:
    """A chunk after its voxels were told apart.

    Attributes:
        predictions: the reflections.
        kept: foreground voxels.
        tallies: columns of `sort_kernel`.
    """

    predictions: Predictions
    kept: Kept
    tallies: Floats


def sort_chunk(chunk: Chunk, everything: Predictions, setting: Setting) -> Sorted:
    """Tell the voxels of a chunk apart."""
    chosen = chunk.predictions
    starts, rows = neighbours(chosen, everything)
    sort: Any = sort_kernel.sort_voxels
    others = sort_kernel.Others(starts, rows, everything.table)
    terms = sort_kernel.Terms(N_SIGMA, OUTER, setting.per_frame, setting.trust.step)
    kept, tallies = sort(chunk.store, chosen.table, setting.mask, setting.missing, others, terms)
    return Sorted(chosen, Kept(*kept), tallies)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What blocks leave to those after them."""

    profiles: Profiles
    shape: Shape

    def learn(self, pieces: list[Piece]) -> list[Piece]:
        """Improve both; returns the pieces with predictions as wide as spots were found to be."""
        self.shape.learn(pieces)
        wider = [replace(piece, table=self.shape.applied(piece.table)) for piece in pieces]
        self.profiles.learn(wider)
        return wider


def integrate_block(parts: list[Sorted], setting: Setting, learned: Learned) -> Integrated:
    """Background, profiles and intensities of chunks that end together.

    Args:
        parts: the chunks, sorted; at least one.
        setting: the scan.
        learned: so far, improved with this block.
    """
    every = Predictions.joined([part.predictions for part in parts])
    tallies = np.concatenate([part.tallies for part in parts])
    place = every.xyz[:, :2] / np.array(setting.model.detector.image_size)
    background = pooled(
        tallies[:, sort_kernel.TAKEN_SUM], tallies[:, sort_kernel.TAKEN], every.column(kernel.D_STAR), place
    )
    pieces = learned.learn(_pieces(parts, every, tallies, background, setting))
    outcome = np.concatenate([_fit(piece, learned.profiles) for piece in pieces])
    return _record(every, tallies, background, outcome, setting)


def _pieces(
    parts: list[Sorted], every: Predictions, tallies: Floats, background: Background, setting: Setting
) -> list[Piece]:
    """What fitting needs to know, part by part."""
    counts, dark = tallies[:, SIGNAL], background.level * tallies[:, USED]
    signal, noise = counts - dark, np.maximum(counts, dark)
    noise += dark * tallies[:, USED] / np.maximum(1, background.voxels)
    clean = _clean(every, tallies, setting)
    strong = clean & (signal > LEARNED_SIGMA * np.sqrt(noise)) & (every.column(kernel.ZETA) > SLOWEST_LEARNED)
    levels = np.stack([background.level, background.voxels], axis=1)
    region = region_of(every.xyz[:, :2] / np.array(setting.model.detector.image_size))
    columns = (levels, region, _mean_intensity(every, signal, clean), signal, clean, strong)
    split = np.cumsum([len(part.predictions) for part in parts])[:-1]
    return [
        Piece(
            part.kept,
            part.predictions.table,
            part.predictions.box,
            *values[:4],
            *map(np.flatnonzero, values[4:]),
        )
        for part, *values in zip(parts, *(np.split(column, split) for column in columns), strict=True)
    ]


def _fit(piece: Piece, profiles: Profiles) -> Floats:
    fit: Any = fit_kernel.fit
    found = fit(
        piece.kept, piece.table, piece.box, piece.background, piece.mean, piece.region,
        profiles.tables, profiles.per_frame,
    )  # fmt: skip
    return np.asarray(found)


def _clean(every: Predictions, tallies: Floats, setting: Setting) -> npt.NDArray[np.bool_]:
    """Whole reflections without a bad, lost or overloaded voxel."""
    bad = tallies[:, LOST] + tallies[:, OVERLAP] + tallies[:, OVERLOAD]
    enough = tallies[:, sort_kernel.TAKEN] >= FEWEST_BACKGROUND
    return np.asarray((bad == 0) & ~_at_edge(every, setting) & enough)


def _at_edge(every: Predictions, setting: Setting) -> npt.NDArray[np.bool_]:
    z = every.column(kernel.Z)
    return np.asarray((z - every.half_z < 0) | (z + every.half_z > len(setting.missing)))


def _mean_intensity(every: Predictions, signal: Floats, clean: npt.NDArray[np.bool_]) -> Floats:
    """What reflections of a resolution have on average, in counts under the factors of each."""
    factor = np.prod(every.table[:, [kernel.LORENTZ, kernel.POLARISATION, kernel.EFFICIENCY]], axis=1)
    rows = np.flatnonzero(clean)
    if len(rows) < SHELLS:
        return np.full(len(signal), max(0.0, float(signal.mean())))
    d_star = every.column(kernel.D_STAR)
    parts = np.array_split(rows[np.argsort(d_star[rows], kind="stable")], min(SHELLS, len(rows) // 10))
    middle = [float(d_star[part].mean()) for part in parts]
    level = [max(0.0, float(signal[part].sum() / factor[part].sum())) for part in parts]
    return np.asarray(np.interp(d_star, middle, level) * factor)


def _record(
    every: Predictions, tallies: Floats, background: Background, outcome: Floats, setting: Setting
) -> Integrated:
    z, zeta = every.column(kernel.Z), every.column(kernel.ZETA)
    enough = tallies[:, sort_kernel.TAKEN] >= FEWEST_BACKGROUND
    known = outcome[:, fit_kernel.KNOWN_SHARE]
    usable = enough & (known >= LEAST_SHARE) & (outcome[:, fit_kernel.SHARE] > fit_kernel.LEAST_SHARE)
    return Integrated(
        hkl=every.hkl,
        i_sum=outcome[:, fit_kernel.SUM],
        var_sum=outcome[:, fit_kernel.SUM_VARIANCE],
        i_prf=outcome[:, fit_kernel.INTENSITY],
        var_prf=outcome[:, fit_kernel.VARIANCE],
        at_sum=outcome[:, fit_kernel.SUM_AT],
        at_prf=outcome[:, fit_kernel.FIT_AT],
        background=background.level,
        partiality=_partiality(z, zeta, every, setting),
        xyz=every.xyz,
        xyz_observed=outcome[:, [fit_kernel.SEEN_X, fit_kernel.SEEN_Y, fit_kernel.SEEN_Z]],
        phi=np.degrees(every.column(kernel.PHI)),
        s1=every.table[:, [kernel.S1_X, kernel.S1_Y, kernel.S1_Z]],
        d=1 / every.column(kernel.D_STAR),
        zeta=zeta,
        entering=every.column(kernel.ENTERING) > 0,
        lorentz=every.column(kernel.LORENTZ),
        polarisation=every.column(kernel.POLARISATION),
        qe=every.column(kernel.EFFICIENCY),
        correlation=outcome[:, fit_kernel.CORRELATION],
        voxels=outcome[:, fit_kernel.VOXELS].astype(np.int32),
        background_voxels=tallies[:, sort_kernel.TAKEN].astype(np.int32),
        box=every.box,
        known_share=known,
        summed=usable & np.isfinite(outcome[:, fit_kernel.SUM_VARIANCE]),
        fitted=usable & np.isfinite(outcome[:, fit_kernel.VARIANCE]),
        overloaded=tallies[:, OVERLOAD] > 0,
        masked=(tallies[:, LOST] > tallies[:, OVERLOAD]) | (outcome[:, fit_kernel.DROPPED] > 0),
        overlapped=tallies[:, OVERLAP] > 0,
        at_edge=_at_edge(every, setting),
    )


def _partiality(z: Floats, zeta: Floats, every: Predictions, setting: Setting) -> Floats:
    """Share of the rocking curve on the recorded frames of the box (`rotation-methods`, 5.4)."""
    slope = zeta * setting.per_frame / math.sqrt(2)
    low = np.maximum(0, z - every.half_z)
    high = np.minimum(len(setting.missing), z + every.half_z)
    erf: Any = np.vectorize(math.erf, otypes=[np.float64])
    return np.asarray(0.5 * (erf((high - z) * slope) - erf((low - z) * slope)))
