"""Where the detector stands: from the NXmx chain, or by DECTRIS's convention.

Convention of DECTRIS masters without a chain, as dxtbx's FormatHDF5EigerNearlyNexus reads them:
McStas fast (-1, 0, 0), slow (0, -1, 0), origin (bx px, by py, distance), which in imgCIF is
fast (1, 0, 0), slow (0, -1, 0), origin (-bx px, by py, -distance).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import h5py

from beampace.core.errors import failure
from beampace.core.geometry import Detector, Vec3, add, apply, cross, dot, scaled, unit
from beampace.core.taxonomy import Failure
from beampace.eiger.access import get
from beampace.eiger.chain import Step, compose, read_step, to_imgcif, walk
from beampace.eiger.hdf5 import MAX_SIDE
from beampace.eiger.values import Values, as_text

DETECTOR = "/entry/instrument/detector"
SPECIFIC = f"{DETECTOR}/detectorSpecific"
MODULE = f"{DETECTOR}/module"
MASKS = (f"{SPECIFIC}/pixel_mask", f"{DETECTOR}/pixel_mask")

DECTRIS_FAST: Vec3 = (1.0, 0.0, 0.0)
DECTRIS_SLOW: Vec3 = (0.0, -1.0, 0.0)
MIN_DISTANCE, MAX_DISTANCE = 10.0, 10000.0
"""Distances from sample to detector that are believed, mm."""

SAME_PIXEL = 1.0
"""Beam centres closer than this many pixels are the same."""


@dataclass(frozen=True, slots=True)
class Plane:
    """The detector plane in the imgCIF frame; `rewritten`: fast and slow were turned by half a turn."""

    origin: Vec3
    fast: Vec3
    slow: Vec3
    rewritten: bool = False
    remarks: tuple[str, ...] = ()


def read_detector(master: PurePath, handle: h5py.File) -> tuple[Detector, Plane]:
    """The detector and how its plane was found.

    Raises:
        InputError: `metadata_inconsistent`, naming the master and the value.
    """
    values = Values(handle)
    size, pixel = _image_size(master, values), _pixel_size(master, values)
    plane = _plane(master, handle, values, pixel)
    depth = _bit_depth(values)
    detector = Detector(
        serial=values.text(f"{DETECTOR}/detector_number", f"{DETECTOR}/serial_number"),
        description=values.text(f"{DETECTOR}/description"),
        image_size=size,
        pixel_size=pixel,
        origin=plane.origin,
        fast=plane.fast,
        slow=plane.slow,
        sensor_thickness=values.millimetres(f"{DETECTOR}/sensor_thickness") or 0.45,
        sensor_material=_material(values),
        saturation=_saturation(values, depth),
        bit_depth=depth,
    )
    _check_distance(master, detector.distance)
    return detector, plane


def _plane(master: PurePath, handle: h5py.File, values: Values, pixel: tuple[float, float]) -> Plane:
    try:
        chained = _chained(handle)
    except ValueError as error:
        return _conventional(master, values, pixel, (f"The detector chain is incomplete ({error}).",))
    if chained is None:
        return _conventional(master, values, pixel, ())
    _check_distance(master, values.millimetres(f"{DETECTOR}/detector_distance"))
    if is_close(chained.fast, (-1.0, 0.0, 0.0)) and is_close(chained.slow, (0.0, 1.0, 0.0)):
        remark = "fast and slow directions were rewritten by the beamline; put back to DECTRIS's."
        plain = _conventional(master, values, pixel, (remark,))
        return Plane(plain.origin, plain.fast, plain.slow, rewritten=True, remarks=plain.remarks)
    return _compared(chained, values, pixel)


def _chained(handle: h5py.File) -> Plane | None:
    """The plane by the NXmx chain, or None when the master has none."""
    fast, slow = (get(handle, f"{MODULE}/{side}_pixel_direction") for side in ("fast", "slow"))
    if not isinstance(fast, h5py.Dataset) or not isinstance(slow, h5py.Dataset):
        return None
    directions = []
    for dataset in (fast, slow):
        turn, _ = compose(_parents(handle, dataset))
        directions.append(unit(to_imgcif(apply(turn, read_step(dataset).axis))))
    turn, shift = compose(_parents(handle, fast))
    origin = to_imgcif(add(shift, apply(turn, read_step(fast).offset)))
    if abs(dot(directions[0], directions[1])) > 1e-3:
        raise ValueError("fast and slow directions are not perpendicular")
    return Plane(origin, directions[0], directions[1])


def _parents(handle: h5py.File, dataset: h5py.Dataset) -> tuple[Step, ...]:
    return walk(handle, as_text(dataset.attrs.get("depends_on", b".")), MODULE)


def _conventional(
    master: PurePath, values: Values, pixel: tuple[float, float], remarks: tuple[str, ...]
) -> Plane:
    distance = values.millimetres(f"{DETECTOR}/detector_distance", f"{DETECTOR}/distance")
    _check_distance(master, distance)
    centre = (values.number(f"{DETECTOR}/beam_center_x"), values.number(f"{DETECTOR}/beam_center_y"))
    if distance is None or centre[0] is None or centre[1] is None:
        raise failure(
            Failure.METADATA_INCONSISTENT, f"{master} has no detector_distance or no beam_center_x/y."
        )
    along_fast = scaled(DECTRIS_FAST, -centre[0] * pixel[0])
    along_slow = scaled(DECTRIS_SLOW, -centre[1] * pixel[1])
    origin = add(add(along_fast, along_slow), (0.0, 0.0, -distance))
    return Plane(origin, DECTRIS_FAST, DECTRIS_SLOW, remarks=remarks)


def _compared(plane: Plane, values: Values, pixel: tuple[float, float]) -> Plane:
    """The plane, with a remark when the beam centre of the header contradicts it."""
    header = (values.number(f"{DETECTOR}/beam_center_x"), values.number(f"{DETECTOR}/beam_center_y"))
    towards = cross(plane.fast, plane.slow)
    if header[0] is None or header[1] is None or abs(towards[2]) < 0.9999:
        return plane
    found = (-dot(plane.origin, plane.fast) / pixel[0], -dot(plane.origin, plane.slow) / pixel[1])
    if max(abs(found[0] - header[0]), abs(found[1] - header[1])) <= SAME_PIXEL:
        return plane
    remark = (
        f"beam_center ({header[0]:.1f}, {header[1]:.1f}) px contradicts the transformations "
        f"({found[0]:.1f}, {found[1]:.1f}) px; the transformations are used."
    )
    return Plane(plane.origin, plane.fast, plane.slow, remarks=(remark,))


def is_close(one: Vec3, two: Vec3) -> bool:
    """Whether two directions are the same but for rounding."""
    return max(abs(a - b) for a, b in zip(one, two, strict=True)) < 1e-3


def _check_distance(master: PurePath, distance: float | None) -> None:
    if distance is not None and not MIN_DISTANCE <= distance <= MAX_DISTANCE:
        raise failure(
            Failure.METADATA_INCONSISTENT,
            f"{master} says the detector distance is {distance:g} mm; "
            f"{MIN_DISTANCE:g} to {MAX_DISTANCE:g} mm are possible.",
        )


def _pixel_size(master: PurePath, values: Values) -> tuple[float, float]:
    fast = values.millimetres(f"{DETECTOR}/x_pixel_size", f"{MODULE}/fast_pixel_direction")
    slow = values.millimetres(f"{DETECTOR}/y_pixel_size", f"{MODULE}/slow_pixel_direction")
    if fast is None or slow is None or not (0.001 <= fast <= 1 and 0.001 <= slow <= 1):
        raise failure(Failure.METADATA_INCONSISTENT, f"{master} says pixels are {fast} x {slow} mm.")
    return (fast, slow)


def _image_size(master: PurePath, values: Values) -> tuple[int, int]:
    fast = values.number(f"{SPECIFIC}/x_pixels_in_detector")
    slow = values.number(f"{SPECIFIC}/y_pixels_in_detector")
    mask = next((found for path in MASKS if (found := values.dataset(path)) is not None), None)
    module = values.numbers(f"{MODULE}/data_size")
    if fast is None or slow is None:
        if mask is not None and mask.ndim == 2:
            slow, fast = mask.shape
        elif len(module) == 2:
            slow, fast = module
    if fast is None or slow is None or not (1 <= fast <= MAX_SIDE and 1 <= slow <= MAX_SIDE):
        raise failure(Failure.METADATA_INCONSISTENT, f"{master} says frames are {fast} x {slow} pixels.")
    if mask is not None and mask.shape != (slow, fast):
        raise failure(
            Failure.METADATA_INCONSISTENT,
            f"{master} has a pixel mask of {mask.shape} for frames of {(int(slow), int(fast))} (slow, fast).",
        )
    return (int(fast), int(slow))


def _material(values: Values) -> str:
    name = values.text(f"{DETECTOR}/sensor_material")
    return {"silicon": "Si", "si": "Si", "cdte": "CdTe", "gaas": "GaAs"}.get(name.lower(), name or "Si")


def _bit_depth(values: Values) -> int:
    depth = values.number(f"{DETECTOR}/bit_depth_image", f"{SPECIFIC}/bit_depth_image")
    return int(depth) if depth in (8, 16, 32) else 32


def _saturation(values: Values, depth: int) -> int:
    cutoff = values.number(
        f"{SPECIFIC}/countrate_correction_count_cutoff",
        f"{SPECIFIC}/detectorModule_000/countrate_correction_count_cutoff",
    )
    largest = cutoff or values.number(f"{DETECTOR}/saturation_value")
    if not largest or largest <= 0:
        readout = values.number(f"{DETECTOR}/bit_depth_readout")
        largest = 2 ** (readout or depth) - 1
    return int(min(largest, 2**depth - 2))
