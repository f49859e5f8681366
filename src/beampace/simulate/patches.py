"""What P11's control programs do around a run: the master patched in place, and `info.txt`."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from beampace.core.dataset import Dataset, DatasetKind
from beampace.eiger.chain import to_imgcif
from beampace.eiger.nxmx import group, put, transformation
from beampace.simulate.options import InfoFile, WriteOptions

_RUN_TYPES = {
    DatasetKind.ROTATION: "regular",
    DatasetKind.SCREENING: "screening",
    DatasetKind.GRID: "grid",
    DatasetKind.STILLS: "ISMO",
}


def patch_master(path: Path, dataset: Dataset, options: WriteOptions) -> None:
    """Patch a master in place, opened r+ with HDF5's default locking, as P11 does.

    Raises:
        OSError: the file cannot be opened for writing, for instance because a reader holds a lock.
    """
    with h5py.File(path, "r+") as handle:
        entry = handle["entry"]
        put(group(entry, "source", "NXsource"), "name", "PETRA III, DESY")
        if "name" not in entry["instrument"]:
            put(entry["instrument"], "name", "P11")
        attenuator = group(entry["instrument"], "attenuator", "NXattenuator")
        known = -1.0 if dataset.transmission is None else dataset.transmission
        put(attenuator, "attenuator_transmission", known)
        loose = entry.get("sample/goniometer", {})
        for name in [name for name in loose if name.startswith("phi")]:
            del loose[name]
        if dataset.kind is DatasetKind.SCREENING:
            _patch_angles(entry["sample"], dataset, options)


def _patch_angles(sample: h5py.Group, dataset: Dataset, options: WriteOptions) -> None:
    """Replace every omega by the true list, as P11 does for test shots."""
    starts = np.asarray(dataset.scan.starts, np.float64)
    true = {"omega": starts, "omega_end": starts + dataset.scan.width}
    for place in ("goniometer", "transformations"):
        made = group(sample, place, "NXtransformations")
        for name in [name for name in made if name.startswith("omega")]:
            del made[name]
        for name, values in true.items():
            put(made, name, values)
        put(made, "omega_range_average", float(dataset.scan.width))
        vector = (1.0, 0.0, 0.0) if options.rewrite_axis else to_imgcif(dataset.goniometer.axis)
        if options.bare_axis:
            made["omega"].attrs["vector"] = np.asarray(vector)
        else:
            made["omega"].attrs["units"] = np.bytes_("degree")
            transformation(made["omega"], "rotation", vector, ".")


def info_text(dataset: Dataset, options: WriteOptions) -> str:
    """`info.txt` of a run: units glued, angles to two decimals, wavelength to three (MXCuBE)."""
    scan, kind = dataset.scan, dataset.kind
    suffix = "_master.h5" if options.info is InfoFile.AFTER else ""
    lines = [("run type", _RUN_TYPES[kind]), ("run name", dataset.name + suffix)]
    if kind is DatasetKind.GRID:
        columns, rows = dataset.hint.grid or (dataset.n_announced, 1)
        lines += [("grid", f"{columns}x{rows}"), ("angle", f"{scan.starts[0]:.2f}deg")]
    else:
        lines += [("start angle", f"{scan.starts[0]:.2f}deg")]
    lines += [("frames", f"{dataset.n_announced}")]
    if kind is not DatasetKind.GRID:
        lines += [("degrees/frame", f"{scan.width:.2f}deg")]
    if kind is DatasetKind.SCREENING and options.info is InfoFile.BEFORE and dataset.n_announced > 1:
        lines += [("image interval", f"{scan.starts[1] - scan.starts[0]:.2f}deg")]
    lines += [
        ("exposure time", f"{scan.exposure_time * 1e3:.3f}ms"),
        ("energy", f"{12.3984 / dataset.beam.wavelength:.3f}keV"),
        ("wavelength", f"{dataset.beam.wavelength:.3f}A"),
        ("detector distance", f"{dataset.detector.distance:.2f}mm"),
    ]
    text = "".join(f"{key + ':':<21}{value}\n" for key, value in lines)
    return text + "\nFor exact flux reading, please consult the staff.\n"
