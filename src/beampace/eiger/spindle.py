"""The goniometer and its angles, from the sample chain or from what is left of it."""

from __future__ import annotations

from dataclasses import dataclass

import h5py

from beampace.core.dataset import Hint
from beampace.core.geometry import IDENTITY, Goniometer, Mat3, Vec3, multiply, rotation, unit
from beampace.eiger.angles import Angles, Settled, settle_angles
from beampace.eiger.axis import settle_axis
from beampace.eiger.chain import Step, to_imgcif, walk
from beampace.eiger.panel import DECTRIS_FAST, DECTRIS_SLOW, Plane, is_close
from beampace.eiger.values import Values

SAMPLE = "/entry/sample"
GROUPS = (f"{SAMPLE}/transformations", f"{SAMPLE}/goniometer")


@dataclass(frozen=True, slots=True)
class Spindle:
    """Goniometer, angles per frame, and remarks."""

    goniometer: Goniometer
    angles: Settled
    remarks: tuple[str, ...] = ()


def read_spindle(
    handle: h5py.File, plane: Plane, hint: Hint, n_frames: int, *, screening: bool, axis_sign: int
) -> Spindle:
    """The goniometer in imgCIF and the angles of `n_frames` frames."""
    values = Values(handle)
    steps, remarks = _sample_chain(handle, values)
    scan = _scan_step(steps, values)
    name = scan.path.rpartition("/")[2] if scan else "omega"
    omega = scan.axis if scan else _loose_vector(values, name)
    axis, more = settle_axis(
        omega,
        dectris=is_close(plane.fast, DECTRIS_FAST) and is_close(plane.slow, DECTRIS_SLOW),
        rewritten=plane.rewritten,
        screening=screening,
        axis_sign=axis_sign,
    )
    setting, fixed = _around(steps, scan, turned=plane.rewritten)
    angles = settle_angles(read_angles(values, name), hint, n_frames, screening=screening)
    return Spindle(Goniometer(axis, setting, fixed), angles, remarks + more + angles.remarks)


def read_angles(values: Values, name: str) -> Angles:
    """Every statement of the master about the axis `name`; the chain's group first."""

    def listed(suffix: str) -> tuple[float, ...]:
        found = (values.numbers(f"{group}/{name}{suffix}") for group in GROUPS)
        return max(found, key=len)

    def single(suffix: str) -> float | None:
        return values.number(*(f"{group}/{name}{suffix}" for group in GROUPS))

    return Angles(
        listed(""), listed("_end"), single("_start"), single("_range_average"), single("_increment")
    )


def _sample_chain(handle: h5py.File, values: Values) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    start = values.text(f"{SAMPLE}/depends_on")
    if not start or start == ".":
        return (), ()
    try:
        return tuple(step for step in walk(handle, start, SAMPLE) if step.rotates), ()
    except ValueError as error:
        return (), (f"The goniometer chain is incomplete ({error}).",)


def _scan_step(steps: tuple[Step, ...], values: Values) -> Step | None:
    """The axis that turns; when nothing does, the one named omega, else the last before the base."""
    varying = [step for step in steps if step.varies or _turns(step, values)]
    named = [step for step in steps if step.path.endswith("/omega")]
    return next(iter([*varying, *named, *reversed(steps)]), None)


def _turns(step: Step, values: Values) -> bool:
    ends = values.numbers(f"{step.path}_end")
    return bool(ends) and ends[0] != step.values[0]


def _around(steps: tuple[Step, ...], scan: Step | None, *, turned: bool) -> tuple[Mat3, Mat3]:
    """Rotations before (towards the base) and after (towards the crystal) the scan axis."""
    if scan is None:
        return IDENTITY, IDENTITY
    place = steps.index(scan)
    return _product(steps[place + 1 :], turned=turned), _product(steps[:place], turned=turned)


def _product(steps: tuple[Step, ...], *, turned: bool) -> Mat3:
    product = IDENTITY
    for step in steps:
        axis = to_imgcif(step.axis)
        if turned:
            axis = (-axis[0], -axis[1], axis[2])
        product = multiply(rotation(axis, step.values[0]), product)
    return product


def _loose_vector(values: Values, name: str) -> Vec3 | None:
    found = (values.vector(f"{group}/{name}") for group in GROUPS)
    return next((unit(vector) for vector in found if vector is not None), None)
