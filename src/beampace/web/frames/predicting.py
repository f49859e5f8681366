"""Predictions of a frame from the experiment list that a result keeps."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from beampace.analysis.groups import group_of_hall
from beampace.analysis.predict import Frame, predict
from beampace.core.errors import failure
from beampace.core.geometry import Beam, Detector, Vec3, scaled
from beampace.core.taxonomy import Failure
from beampace.engines.dials import expt as lists
from beampace.web.records.frame import PredictionInfo

USUAL_MOSAICITY = 0.1
"""Degrees, where the list holds no profile model."""


def predictions_of(content: bytes, frame: int, d_min: float | None) -> PredictionInfo:
    """Predictions of a frame.

    Args:
        content: the experiment list.
        frame: its number.
        d_min: resolution limit; None for what the detector sees.

    Raises:
        InputError: the list is no list of one crystal in a rotation scan (`metadata_inconsistent`).
    """
    try:
        return _predictions(json.loads(content), frame, d_min)
    except (ArithmeticError, LookupError, TypeError, ValueError, np.linalg.LinAlgError) as error:
        detail = f"The experiment list cannot be used: {type(error).__name__} {error}."
        raise failure(Failure.METADATA_INCONSISTENT, detail[:500]) from error


def _predictions(expt: dict[str, Any], frame: int, d_min: float | None) -> PredictionInfo:
    scan = expt["scan"][0]
    first = int(scan["image_range"][0])
    start, width = (float(value) for value in scan["oscillation"])
    low = start + (frame - first) * width
    mosaicity = lists.mosaicity_of(expt) or USUAL_MOSAICITY
    stands = Frame(a_matrix_at(expt, frame), lists.goniometer_of(expt), low, low + width, min(mosaicity, 5.0))
    detector, beam = _detector(expt["detector"][0]["panels"][0]), _beam(expt["beam"][0])
    found = predict(stands, detector, beam, max(d_min or detector.best_resolution(beam), 0.3))
    absent = group_of_hall(lists.hall_of(expt)).operations().systematic_absences(found.hkl)
    found = found.only(~np.asarray(absent, np.bool_))
    return PredictionInfo(
        frame=frame,
        d_min=round(found.d_min, 3),
        mosaicity=round(mosaicity, 4),
        x=tuple(np.round(found.x, 1).tolist()),
        y=tuple(np.round(found.y, 1).tolist()),
        h=tuple(found.hkl[:, 0].tolist()),
        k=tuple(found.hkl[:, 1].tolist()),
        l=tuple(found.hkl[:, 2].tolist()),
        full=tuple(found.full.tolist()),
    )


def a_matrix_at(expt: dict[str, Any], frame: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Columns a*, b*, c* in the middle of a frame; outside the scan, as at its nearest end."""
    crystal = expt["crystal"][0]
    points = crystal.get("A_at_scan_points")
    if not points:
        return np.linalg.inv(np.array([crystal[f"real_space_{axis}"] for axis in "abc"], np.float64))
    index = min(max(frame - int(expt["scan"][0]["image_range"][0]), 0), len(points) - 2)
    pair = np.array(points[index : index + 2], np.float64).reshape(-1, 3, 3)
    return np.asarray(pair.mean(axis=0))


def _detector(panel: dict[str, Any]) -> Detector:
    nx, ny = (int(value) for value in panel["image_size"])
    return Detector(
        serial="",
        description="",
        image_size=(nx, ny),
        pixel_size=(float(panel["pixel_size"][0]), float(panel["pixel_size"][1])),
        origin=_vector(panel["origin"]),
        fast=_vector(panel["fast_axis"]),
        slow=_vector(panel["slow_axis"]),
        sensor_thickness=0.0,
        sensor_material="",
        saturation=0,
        bit_depth=32,
    )


def _beam(beam: dict[str, Any]) -> Beam:
    return Beam(float(beam["wavelength"]), scaled(_vector(beam["direction"]), -1.0))


def _vector(values: Any) -> Vec3:
    x, y, z = (float(value) for value in values)
    return (x, y, z)
