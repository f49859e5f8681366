"""`.expt` files (JSON experiment lists): compare with our record, correct, turn, read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset
from beampace.core.geometry import IDENTITY, Goniometer, Mat3, Vec3, dot, multiply, norm, rotation, scaled

Expt = dict[str, Any]

LENGTH_TOLERANCE_MM = 0.01
ANGLE_TOLERANCE_DEG = 0.005
WIDTH_TOLERANCE = 1e-4


def read_expt(path: Path) -> Expt:
    """Read an experiment list.

    Raises:
        OSError, ValueError: it cannot be read, or is not JSON.
    """
    content: Expt = json.loads(path.read_text(encoding="utf-8"))
    return content


def write_expt(path: Path, expt: Expt) -> None:
    """Write an experiment list."""
    path.write_text(json.dumps(expt, indent=2), encoding="utf-8")


def goniometer_of(expt: Expt) -> Goniometer:
    """The goniometer as setting, axis and fixed rotation."""
    model = expt["goniometer"][0]
    if "axes" not in model:
        return Goniometer(
            _vector(model["rotation_axis"]),
            _matrix(model["setting_rotation"]),
            _matrix(model["fixed_rotation"]),
        )
    # DIALS lists axes from the crystal to the base; the product runs from the base.
    axes, angles, scan = model["axes"], model["angles"], int(model["scan_axis"])
    turns = [rotation(_vector(axis), angle) for axis, angle in zip(axes, angles, strict=True)]
    return Goniometer(_vector(axes[scan]), _product(turns[scan + 1 :]), _product(turns[:scan]))


def differences(expt: Expt, dataset: Dataset) -> tuple[str, ...]:
    """What an imported experiment list says otherwise than our record, as sentences."""
    return (
        *_scan_differences(expt["scan"][0], dataset),
        *_beam_differences(expt["beam"][0], dataset),
        *_detector_differences(expt["detector"][0]["panels"][0], dataset),
        *_axis_differences(goniometer_of(expt), dataset.goniometer),
    )


def corrected(expt: Expt, dataset: Dataset) -> Expt:
    """The experiment list with beam, detector position, goniometer and scan of our record."""
    result = json.loads(json.dumps(expt))
    scan, detector = result["scan"][0], dataset.detector
    first = int(scan["image_range"][0])
    scan["oscillation"] = [dataset.scan.starts[first - 1], dataset.scan.width]
    result["beam"][0]["wavelength"] = dataset.beam.wavelength
    result["beam"][0]["direction"] = list(scaled(dataset.beam.direction, -1.0))
    panel = result["detector"][0]["panels"][0]
    panel["origin"], panel["fast_axis"], panel["slow_axis"] = map(
        list, (detector.origin, detector.fast, detector.slow)
    )
    result["goniometer"] = [single_axis(dataset.goniometer)]
    return dict(result)


def flipped(expt: Expt) -> Expt:
    """The experiment list with the spindle turning the other way."""
    result = json.loads(json.dumps(expt))
    gonio = goniometer_of(expt)
    result["goniometer"] = [single_axis(Goniometer(scaled(gonio.axis, -1.0), gonio.setting, gonio.fixed))]
    return dict(result)


def with_beam_at(expt: Expt, shift: tuple[float, float]) -> Expt:
    """The experiment list with the beam centre moved by pixels (fast, slow): the detector moves back."""
    result = json.loads(json.dumps(expt))
    panel = result["detector"][0]["panels"][0]
    for axis, pixels, size in zip(("fast_axis", "slow_axis"), shift, panel["pixel_size"], strict=True):
        panel["origin"] = [o - pixels * size * a for o, a in zip(panel["origin"], panel[axis], strict=True)]
    return dict(result)


def with_distance(expt: Expt, distance: float) -> Expt:
    """The experiment list with the detector plane at another distance in mm, moved along its normal."""
    result = json.loads(json.dumps(expt))
    panel = result["detector"][0]["panels"][0]
    normal = _cross(_vector(panel["fast_axis"]), _vector(panel["slow_axis"]))
    now = dot(_vector(panel["origin"]), normal)
    further = distance * (1 if now > 0 else -1) - now
    panel["origin"] = [o + further * n for o, n in zip(panel["origin"], normal, strict=True)]
    return dict(result)


def sliced(expt: Expt, images: tuple[int, int]) -> Expt:
    """The experiment list for frames `images` (first, last) only, as dials.slice_sequence makes it."""
    result = json.loads(json.dumps(expt))
    scan, imageset = result["scan"][0], result["imageset"][0]
    first = int(scan["image_range"][0])
    part = slice(images[0] - first, images[1] - first + 1)
    start, width = scan["oscillation"]
    scan["oscillation"] = [start + width * (images[0] - first), width]
    scan["image_range"] = list(images)
    for name in ("exposure_time", "epochs"):
        scan[name] = scan[name][part]
    imageset["single_file_indices"] = imageset["single_file_indices"][part]
    return dict(result)


def with_models(expt: Expt, indexed: Expt) -> Expt:
    """The experiment list with crystal, detector and beam of an indexed one of the same scan."""
    result = json.loads(json.dumps(expt))
    for model in ("crystal", "detector", "beam"):
        result[model] = [indexed[model][0]]
        result["experiment"][0][model] = 0
    return dict(result)


def with_space_group(expt: Expt, hall: str) -> Expt:
    """The experiment list with another space group of the same setting (Hall symbol)."""
    result = json.loads(json.dumps(expt))
    for crystal in result["crystal"]:
        crystal["space_group_hall_symbol"] = hall
    return dict(result)


def cell_of(expt: Expt) -> UnitCell:
    """Unit cell of the first crystal."""
    crystal = expt["crystal"][0]
    a, b, c = (_vector(crystal[f"real_space_{axis}"]) for axis in "abc")
    return UnitCell(norm(a), norm(b), norm(c), _angle(b, c), _angle(a, c), _angle(a, b))


def lattice_points(expt: Expt, hkl: NDArray[np.int32]) -> NDArray[np.float64]:
    """Reciprocal lattice points (n, 3) of indices (n, 3) in the frame of the crystal, 1/angstrom."""
    crystal = expt["crystal"][0]
    real = np.array([crystal[f"real_space_{axis}"] for axis in "abc"], dtype=np.float64)
    return np.asarray(hkl @ np.linalg.inv(real).T)


def hall_of(expt: Expt) -> str:
    """Hall symbol of the first crystal."""
    return str(expt["crystal"][0]["space_group_hall_symbol"]).strip()


def mosaicity_of(expt: Expt) -> float | None:
    """E.s.d. of the reflecting range in degrees, or None when no profile model was made."""
    profiles = expt.get("profile") or []
    value = profiles[0].get("sigma_m") if profiles else None
    return float(value) if isinstance(value, int | float) else None


def beam_position(expt: Expt) -> tuple[float, float, float] | None:
    """Direct beam on the first panel in pixels (fast, slow), and the distance in mm."""
    panel, beam = expt["detector"][0]["panels"][0], expt["beam"][0]
    origin, fast, slow = (_vector(panel[name]) for name in ("origin", "fast_axis", "slow_axis"))
    normal = _cross(fast, slow)
    direction = scaled(_vector(beam["direction"]), -1.0)
    towards = dot(direction, normal)
    if abs(towards) < 1e-6:
        return None
    hit = scaled(direction, dot(origin, normal) / towards)
    offset = tuple(h - o for h, o in zip(hit, origin, strict=True))
    px, py = panel["pixel_size"]
    return (dot(_vector(offset), fast) / px, dot(_vector(offset), slow) / py, abs(dot(origin, normal)))


def _scan_differences(scan: Mapping[str, Any], dataset: Dataset) -> tuple[str, ...]:
    ours, found = dataset.scan, []
    first = int(scan["image_range"][0])
    start, width = scan["oscillation"]
    if abs(width - ours.width) > WIDTH_TOLERANCE * abs(ours.width) + 1e-7:
        found.append(f"DIALS read a width of {width:g} degrees per frame, it is {ours.width:g}.")
    expected = ours.starts[first - 1] if 1 <= first <= ours.n_frames else ours.starts[0]
    if abs(start - expected) > ANGLE_TOLERANCE_DEG:
        found.append(f"DIALS read a start of {start:g} degrees, it is {expected:g}.")
    return tuple(found)


def _beam_differences(beam: Mapping[str, Any], dataset: Dataset) -> tuple[str, ...]:
    ours, found = dataset.beam, []
    if abs(beam["wavelength"] - ours.wavelength) > 1e-5 * ours.wavelength:
        found.append(f"DIALS read a wavelength of {beam['wavelength']:g} A, it is {ours.wavelength:g} A.")
    if _angle(scaled(_vector(beam["direction"]), -1.0), ours.direction) > ANGLE_TOLERANCE_DEG:
        found.append("DIALS read another direction of the beam.")
    return tuple(found)


def _detector_differences(panel: Mapping[str, Any], dataset: Dataset) -> tuple[str, ...]:
    ours, found = dataset.detector, []
    away = max(abs(p - q) for p, q in zip(panel["origin"], ours.origin, strict=True))
    if away > LENGTH_TOLERANCE_MM:
        found.append(f"DIALS put the detector {away:.2f} mm away from where it is.")
    for name, axis in (("fast_axis", ours.fast), ("slow_axis", ours.slow)):
        if _angle(_vector(panel[name]), axis) > ANGLE_TOLERANCE_DEG:
            found.append(f"DIALS read another {name.replace('_', ' ')} of the detector.")
    return tuple(found)


def _axis_differences(theirs: Goniometer, ours: Goniometer) -> tuple[str, ...]:
    if _angle(theirs.lab_axis, ours.lab_axis) <= ANGLE_TOLERANCE_DEG:
        return ()
    numbers = ["(" + ", ".join(f"{x:.4f}" for x in axis) + ")" for axis in (theirs.lab_axis, ours.lab_axis)]
    return (f"DIALS read the spindle axis as {numbers[0]}, it is {numbers[1]}.",)


def single_axis(gonio: Goniometer) -> dict[str, list[float]]:
    """The goniometer as DIALS writes one of a single axis."""
    return {
        "rotation_axis": list(gonio.axis),
        "fixed_rotation": [x for row in gonio.fixed for x in row],
        "setting_rotation": [x for row in gonio.setting for x in row],
    }


def _product(turns: list[Mat3]) -> Mat3:
    """Product of rotations listed from the crystal outwards."""
    result: Mat3 = IDENTITY
    for turn in turns:
        result = multiply(turn, result)
    return result


def _vector(values: Any) -> Vec3:
    x, y, z = (float(value) for value in values)
    return (x, y, z)


def _matrix(values: Any) -> Mat3:
    return (_vector(values[0:3]), _vector(values[3:6]), _vector(values[6:9]))


def _cross(u: Vec3, v: Vec3) -> Vec3:
    return (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])


def _angle(u: Vec3, v: Vec3) -> float:
    cosine = dot(u, v) / (norm(u) * norm(v))
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
