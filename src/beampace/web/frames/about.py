"""What is told of a frame besides its picture: geometry, rings, spots, contrast."""

from __future__ import annotations

import math

import numpy as np

from beampace.analysis import FrameAnalysis
from beampace.analysis.radial import HEXAGONAL_ICE
from beampace.core.geometry import Beam, Detector, unit
from beampace.web.frames import drawing
from beampace.web.frames.rings import Ring, nice_rings, ring_of
from beampace.web.records.frame import (
    ContrastInfo,
    FrameInfo,
    GeometryInfo,
    Point,
    RingInfo,
    SpotColumns,
)

MOST_SPOTS = 5000
"""Spots of a frame that are told."""


def unread_info(
    detector: Detector, beam: Beam, frame: int, n_frames: int, angles: Point | None, words: str
) -> FrameInfo:
    """A frame that cannot be read yet: everything but itself."""
    return FrameInfo(**_around(detector, beam, frame, n_frames, angles), ready=False, words=words)  # type: ignore[arg-type]


def info_of(
    detector: Detector,
    beam: Beam,
    frame: int,
    n_frames: int,
    angles: Point | None,
    values: drawing.Coded,
    found: FrameAnalysis | None = None,
) -> FrameInfo:
    """A frame that was read.

    Args:
        detector: where it is.
        beam: the beam.
        frame: its number.
        n_frames: those that were announced.
        angles: spindle at its beginning and end.
        values: the frame, coded.
        found: what the look found; None leaves spots out.
    """
    limits = drawing.contrast_of(values)
    info = FrameInfo(
        **_around(detector, beam, frame, n_frames, angles),  # type: ignore[arg-type]
        ready=True,
        masked=round(float(np.mean(values == 0)), 4),
        contrast=ContrastInfo(low=limits.low, high=limits.high),
    )
    if found is None:
        return info
    changes = {
        "background": round(found.background, 4),
        "d_min": None if found.d_min is None else round(found.d_min, 2),
        "n_spots": found.n_spots,
        "n_spots_good": found.n_spots_good,
        "spots": _spots(found),
    }
    return info.model_copy(update=changes)


def _around(
    detector: Detector, beam: Beam, frame: int, n_frames: int, angles: Point | None
) -> dict[str, object]:
    nx, ny = detector.image_size
    centre = detector.pixel(beam.direction)
    return {
        "frame": frame,
        "n_frames": n_frames,
        "size": (nx, ny),
        "tile": drawing.TILE,
        "levels": drawing.levels((ny, nx)),
        "angles": angles,
        "beam_centre": None if centre is None else (round(centre[0], 2), round(centre[1], 2)),
        "corners": tuple(_finite(detector.resolution_at(beam, x, y)) for y in (0, ny) for x in (0, nx)),
        "geometry": GeometryInfo(
            origin=detector.origin,
            fast=detector.fast,
            slow=detector.slow,
            pixel_size=detector.pixel_size,
            beam=unit(beam.direction),
            wavelength=beam.wavelength,
        ),
        "rings": tuple(_ring(ring) for ring in nice_rings(detector, beam)),
        "ice_rings": tuple(
            _ring(ring) for ring in (ring_of(detector, beam, d) for d in HEXAGONAL_ICE) if ring.lines
        ),
    }


def _finite(d: float) -> float:
    """JSON has no infinity: a corner in the direct beam."""
    return round(d, 3) if math.isfinite(d) else 1e6


def _ring(ring: Ring) -> RingInfo:
    return RingInfo(d=ring.d, lines=tuple(tuple(line) for line in ring.lines), label=ring.label)


def _spots(found: FrameAnalysis) -> SpotColumns:
    spots = found.spots.only(found.spots.counted)
    order = np.argsort(-spots.intensity, kind="stable")[:MOST_SPOTS]
    return SpotColumns(
        x=tuple(np.round(spots.x[order].astype(float), 1).tolist()),
        y=tuple(np.round(spots.y[order].astype(float), 1).tolist()),
        intensity=tuple(np.round(spots.intensity[order].astype(float), 1).tolist()),
        good=tuple(spots.good[order].tolist()),
        ice=tuple(spots.in_ice[order].tolist()),
    )
