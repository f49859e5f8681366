"""Scaled, unmerged observations as an MTZ file of many batches (rotation-methods.md 14.3).

Batch headers are as gemmi (xds2mtz.hpp) and DIALS (export_mtz.py) write them; vectors are in the frame of
Mosflm: z along the spindle, x along the beam as far as it is across the spindle, the source at -x.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.model import Model
from beampace.analysis.rotation.observations import Floats
from beampace.analysis.rotation.scaled_data import ScaledObservations
from beampace.core.cell import UnitCell
from beampace.core.geometry import unit

COLUMNS = (
    ("M/ISYM", "Y"),
    ("BATCH", "B"),
    ("I", "J"),
    ("SIGI", "Q"),
    ("SCALEUSED", "R"),
    ("IPR", "J"),
    ("SIGIPR", "Q"),
    ("FRACTIONCALC", "R"),
    ("XDET", "R"),
    ("YDET", "R"),
    ("ROT", "R"),
    ("LP", "R"),
    ("MPART", "I"),
    ("FLAG", "I"),
)
SORT_KEYS = 5
INTEGERS = {12: 1, 14: 2, 15: 1, 17: 1, 19: 1}
"""Crystals, 3-D data, axis that scans, axes, detectors."""


def write_unmerged(path: Path, scaled: ScaledObservations, model: Model, name: str = "beampace") -> None:
    """Write the observations that are to be merged.

    Args:
        path: of the file.
        scaled: observations, in the setting of their space group.
        model: the experiment; its A matrix is that of the same setting.
        name: of the dataset.

    Raises:
        ValueError: there is nothing to write.
    """
    unmerged_mtz(scaled, model, name).write_to_file(str(path))


def unmerged_mtz(scaled: ScaledObservations, model: Model, name: str = "beampace") -> gemmi.Mtz:
    """The file in memory; see `write_unmerged`."""
    if not scaled.good.any():
        raise ValueError("no scaled observation to write")
    mtz = gemmi.Mtz(with_base=True)
    mtz.title = "scaled, unmerged observations"
    mtz.spacegroup = scaled.group
    mtz.set_cell_for_all(gemmi.UnitCell(*scaled.observations.cell.parameters))
    dataset = mtz.add_dataset(name)
    dataset.project_name, dataset.crystal_name = "beampace", name
    dataset.wavelength = model.beam.wavelength
    for label, kind in COLUMNS:
        mtz.add_column(label, kind, dataset_id=dataset.id)
    values = _values(scaled, model)
    _add_batches(mtz, dataset.id, model, scaled.observations.cell, values["BATCH"])
    # Says that the indices are original ones; after set_data it would be too late, and M/ISYM stay 0.
    mtz.switch_to_original_hkl()
    hkl = scaled.observations.hkl[scaled.good].astype(np.float32)
    columns = [values[label].astype(np.float32) for label, _ in COLUMNS]
    mtz.set_data(np.column_stack([hkl, *columns]))
    mtz.switch_to_asu_hkl()
    mtz.sort(SORT_KEYS)
    return mtz


def _values(scaled: ScaledObservations, model: Model) -> Mapping[str, Floats]:
    """Columns by their labels."""
    chosen = scaled.observations.select(scaled.good)
    zero = np.zeros(len(chosen))
    xy = np.zeros((len(chosen), 2)) if chosen.xy is None else chosen.xy
    return {
        "M/ISYM": zero,
        "BATCH": np.floor(chosen.z) + 1,
        "I": scaled.intensity[scaled.good],
        "SIGI": scaled.sigma[scaled.good],
        "SCALEUSED": scaled.scale[scaled.good],
        "IPR": chosen.intensity,
        "SIGIPR": chosen.sigma,
        "FRACTIONCALC": chosen.partiality,
        "XDET": xy[:, 0],
        "YDET": xy[:, 1],
        "ROT": model.start + chosen.z * model.width,
        "LP": np.ones(len(chosen)) if chosen.photon is None else chosen.photon,
        "MPART": zero,
        "FLAG": zero,
    }


def _add_batches(mtz: gemmi.Mtz, dataset: int, model: Model, cell: UnitCell, batches: Floats) -> None:
    """A header for every frame from the first observed to the last."""
    frames = np.arange(int(batches.min()), int(batches.max()) + 1)
    batch, frame_of_mosflm = _common_header(dataset, model, cell), mosflm_frame(model)
    phi = model.start + (frames - 1) * model.width
    drifts = model.drift.at(np.asarray(frames - 0.5, dtype=np.float64))
    for number, start, drift in zip(frames, phi, drifts, strict=True):
        batch.number, batch.title = int(number), f"Batch {number}"
        batch.floats[36], batch.floats[37] = float(start), float(start + model.width)
        _set_vector(batch, 6, orientation(model, cell, frame_of_mosflm, drift).T.ravel())
        mtz.batches.append(batch)


def _common_header(dataset: int, model: Model, cell: UnitCell) -> gemmi.Mtz.Batch:
    batch = gemmi.Mtz.Batch()
    batch.dataset_id, batch.wavelength = dataset, model.beam.wavelength
    batch.cell = gemmi.UnitCell(*cell.parameters)
    batch.axes = ["PHI"]
    for place, value in INTEGERS.items():
        batch.ints[place] = value
    frame = mosflm_frame(model)
    batch.floats[21] = model.sigma_m
    batch.floats[43] = 1.0
    batch.floats[47] = model.width
    _set_vector(batch, 38, np.array([0.0, 0.0, 1.0]))
    _set_vector(batch, 59, np.array([0.0, 0.0, 1.0]))
    _set_vector(batch, 80, np.array([-1.0, 0.0, 0.0]))
    _set_vector(batch, 83, -frame @ np.array(unit(model.beam.direction)))
    batch.floats[111] = model.detector.distance
    nx, ny = model.detector.image_size
    _set_vector(batch, 113, np.array([0.0, nx, 0.0, ny]))
    return batch


def _set_vector(batch: gemmi.Mtz.Batch, place: int, values: Floats) -> None:
    for offset, value in enumerate(values):
        batch.floats[place + offset] = float(value)


def mosflm_frame(model: Model) -> Floats:
    """Rows: x, y and z of Mosflm's frame in the laboratory."""
    z = np.array(unit(model.goniometer.lab_axis))
    beam = np.array(unit(model.beam.direction))
    x = beam - (beam @ z) * z
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def orientation(model: Model, cell: UnitCell, frame: Floats, drift: Floats) -> Floats:
    """U at spindle angle 0: U B = S F drift A with the B of Busing & Levy (1967), Acta Cryst. 22, 457."""
    turn = np.array(model.goniometer.turn(0.0)) @ _rotation(drift)
    u = frame @ turn @ model.a_matrix @ np.linalg.inv(_busing_levy(cell))
    left, _, right = np.linalg.svd(u)
    return np.asarray(left @ right)


def _busing_levy(cell: UnitCell) -> Floats:
    """B: a* along x, b* in the xy plane, 1/angstrom."""
    star = gemmi.UnitCell(*cell.parameters).reciprocal()
    beta, gamma = np.radians([star.beta, star.gamma])
    alpha = np.radians(cell.alpha)
    return np.array(
        [
            [star.a, star.b * np.cos(gamma), star.c * np.cos(beta)],
            [0.0, star.b * np.sin(gamma), -star.c * np.sin(beta) * np.cos(alpha)],
            [0.0, 0.0, 1 / cell.c],
        ]
    )


def _rotation(vector: Floats) -> npt.NDArray[np.float64]:
    """The rotation by an axis times angle in radians (Rodrigues' formula)."""
    angle = float(np.linalg.norm(vector))
    if angle == 0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
