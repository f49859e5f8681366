"""Master files as detectors write them.

`legacy` and `fw18` imitate DECTRIS's FileWriter (float32 values, detectorSpecific, links); `nxmx` has
the full transformation chains; `nxmx-vds` reaches the frames by one virtual dataset only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from beampace.core.dataset import Dataset, DatasetKind
from beampace.core.geometry import Vec3
from beampace.eiger.chain import to_imgcif
from beampace.eiger.names import virtual_name
from beampace.eiger.nxmx import LIBVER, group, put, transformation, write_panel, write_spindle
from beampace.eiger.panel import DECTRIS_FAST, DECTRIS_SLOW, is_close
from beampace.eiger.reader import HC
from beampace.simulate.options import FileLayout, WriteOptions

P11_AXIS: Vec3 = (1.0, 0.0, 0.0)
FRAMES = "/entry/data/data"


def data_name(name: str, order: int) -> str:
    """Name of data file `order`, from 1."""
    return f"{name}_data_{order:06d}.h5"


def file_lengths(n_frames: int, images_per_file: int) -> tuple[int, ...]:
    """Frames in each data file."""
    starts = range(0, n_frames, images_per_file)
    return tuple(min(images_per_file, n_frames - start) for start in starts)


def triggers_of(dataset: Dataset, options: WriteOptions) -> int:
    """Triggers of the series.

    Raises:
        ValueError: they do not divide the frames.
    """
    default = dataset.n_announced if dataset.kind is DatasetKind.SCREENING else 1
    triggers = options.triggers or default
    if dataset.n_announced % triggers:
        raise ValueError(f"{triggers} triggers do not divide {dataset.n_announced} frames")
    return triggers


def write_master(path: Path, dataset: Dataset, mask: NDArray[np.uint32], options: WriteOptions) -> None:
    """Write a master file.

    Args:
        path: the file, which must not exist.
        dataset: the record the header is to tell.
        mask: pixel mask as stored, (slow, fast).
        options: layout, faults, images per file.

    Raises:
        ValueError: the layout cannot express the geometry.
    """
    with h5py.File(path, "w-", libver=LIBVER) as handle:
        entry = group(handle, "entry", "NXentry")
        instrument = group(entry, "instrument", "NXinstrument")
        beam = group(instrument, "beam", "NXbeam")
        if not options.faults.no_wavelength:
            put(beam, "incident_wavelength", np.float64(dataset.beam.wavelength), "angstrom")
        detector = group(instrument, "detector", "NXdetector")
        _write_detector(detector, dataset, options)
        _write_specific(detector, dataset, mask, options)
        _write_geometry(entry, detector, dataset, options)
        _write_data(group(entry, "data", "NXdata"), dataset, options)


def _write_detector(made: h5py.Group, dataset: Dataset, options: WriteOptions) -> None:
    detector, scan = dataset.detector, dataset.scan
    distance = 0.0 if options.faults.zero_distance else detector.distance / 1e3
    centre = detector.pixel(dataset.beam.direction) or (0.0, 0.0)
    put(made, "description", detector.description)
    put(made, "detector_number", detector.serial)
    put(made, "bit_depth_image", np.int32(detector.bit_depth))
    put(made, "bit_depth_readout", np.int32(detector.bit_depth))
    put(made, "beam_center_x", np.float32(centre[0]), "pixel")
    put(made, "beam_center_y", np.float32(centre[1]), "pixel")
    put(made, "detector_distance", np.float32(distance), "m")
    put(made, "x_pixel_size", np.float32(detector.pixel_size[0] / 1e3), "m")
    put(made, "y_pixel_size", np.float32(detector.pixel_size[1] / 1e3), "m")
    put(made, "sensor_material", detector.sensor_material)
    put(made, "sensor_thickness", np.float32(detector.sensor_thickness / 1e3), "m")
    put(made, "count_time", np.float32(scan.exposure_time), "s")
    put(made, "frame_time", np.float32(scan.frame_time), "s")
    put(made, "pixel_mask_applied", np.int32(1))
    if options.layout is not FileLayout.LEGACY:
        put(made, "saturation_value", np.uint32(detector.saturation))
        put(made, "type", "PIXEL")


def _write_specific(
    detector: h5py.Group, dataset: Dataset, mask: NDArray[np.uint32], options: WriteOptions
) -> None:
    made = group(detector, "detectorSpecific", "NXcollection")
    triggers = triggers_of(dataset, options)
    fast, slow = dataset.detector.image_size
    stored = mask[:-1] if options.faults.wrong_mask else mask
    put(made, "nimages", np.uint32(dataset.n_announced // triggers))
    put(made, "ntrigger", np.uint32(triggers))
    put(made, "x_pixels_in_detector", np.uint32(fast))
    put(made, "y_pixels_in_detector", np.uint32(slow))
    put(made, "countrate_correction_count_cutoff", np.uint32(dataset.detector.saturation))
    put(made, "compression", options.codec.value)
    put(made, "software_version", "synthetic data")
    put(made, "data_collection_date", (dataset.collected or datetime.now(UTC)).isoformat())
    if not options.faults.no_wavelength:
        put(made, "photon_energy", np.float32(HC / dataset.beam.wavelength), "eV")
    made.create_dataset("pixel_mask", data=stored, chunks=stored.shape, compression="gzip")


def _write_geometry(entry: h5py.Group, detector: h5py.Group, dataset: Dataset, options: WriteOptions) -> None:
    sample = group(entry, "sample", "NXsample")
    if options.layout in (FileLayout.NXMX, FileLayout.NXMX_VDS):
        put(entry, "definition", "NXmx")
        write_panel(detector, dataset.detector)
        write_spindle(sample, dataset.goniometer, dataset.scan, dataset.n_announced)
        return
    if not (is_close(dataset.detector.fast, DECTRIS_FAST) and is_close(dataset.detector.slow, DECTRIS_SLOW)):
        raise ValueError(f"the layout {options.layout} takes a detector across the beam, unturned")
    _write_dectris_plane(detector, dataset, options)
    _write_goniometer(sample, dataset)
    if options.layout is FileLayout.FW18:
        put(entry, "definition", "NXmx")
        write_panel(detector, dataset.detector)
        del detector["module/data_size"]
        put(detector, "module/data_size", np.asarray(dataset.detector.image_size, np.uint32))
    if options.layout is FileLayout.FW18 or not is_close(dataset.goniometer.axis, P11_AXIS):
        _write_omega(sample, dataset)


def _write_dectris_plane(made: h5py.Group, dataset: Dataset, options: WriteOptions) -> None:
    """`geometry`, whose third component points against NXmx's (DECTRIS HDF5 documentation)."""
    detector = dataset.detector
    distance = 0.0 if options.faults.zero_distance else detector.distance / 1e3
    centre = detector.pixel(dataset.beam.direction) or (0.0, 0.0)
    shift = (centre[0] * detector.pixel_size[0] / 1e3, centre[1] * detector.pixel_size[1] / 1e3, -distance)
    geometry = group(made, "geometry", "NXgeometry")
    orientation = group(geometry, "orientation", "NXorientation")
    put(orientation, "value", np.array([-1, 0, 0, 0, -1, 0], np.float32))
    translation = group(geometry, "translation", "NXtranslation")
    put(translation, "distances", np.array(shift, np.float32))


def _write_goniometer(sample: h5py.Group, dataset: Dataset) -> None:
    """The goniometer as the detector was told: start and increment, before anything is patched."""
    made, scan, n_frames = group(sample, "goniometer", "NXtransformations"), dataset.scan, dataset.n_announced
    step = scan.starts[1] - scan.starts[0] if n_frames > 1 else scan.width
    starts = scan.starts[0] + step * np.arange(n_frames)
    for name, values, width in (
        ("omega", starts, step),
        *((name, np.zeros(n_frames), 0.0) for name in ("chi", "kappa", "phi")),
    ):
        put(made, name, values.astype(np.float32), "degree")
        put(made, f"{name}_end", (values + width).astype(np.float32), "degree")
        put(made, f"{name}_range_average", np.float32(width), "degree")
        put(made, f"{name}_range_total", np.float32(width * n_frames), "degree")
        put(made, f"{name}_start", np.float32(values[0]), "degree")
        put(made, f"{name}_increment", np.float32(width), "degree")


def _write_omega(sample: h5py.Group, dataset: Dataset) -> None:
    """`transformations/omega` with its attributes, as newer FileWriters have it."""
    made = group(sample, "transformations", "NXtransformations")
    loose = sample["goniometer"]
    for name in ("omega", "omega_end", "omega_range_average"):
        put(made, name, loose[name][()], "degree")
    transformation(made["omega"], "rotation", to_imgcif(dataset.goniometer.axis), ".")
    put(sample, "depends_on", "/entry/sample/transformations/omega")


def _write_data(made: h5py.Group, dataset: Dataset, options: WriteOptions) -> None:
    lengths = file_lengths(dataset.n_announced, options.images_per_file)
    prefix = "../elsewhere/" if options.faults.links_outside else ""
    names = [prefix + data_name(dataset.name, order) for order in range(1, len(lengths) + 1)]
    if options.layout is not FileLayout.NXMX_VDS:
        for order, name in enumerate(names, start=1):
            made[f"data_{order:06d}"] = h5py.ExternalLink(name, FRAMES)
        made.attrs["signal"] = np.bytes_("data_000001")
        return
    fast, slow = dataset.detector.image_size
    dtype = np.dtype(f"u{dataset.detector.bit_depth // 8}")
    whole = h5py.VirtualLayout((dataset.n_announced, slow, fast), dtype)
    first = 0
    for name, length in zip(names, lengths, strict=True):
        whole[first : first + length] = h5py.VirtualSource(
            virtual_name(name), FRAMES, (length, slow, fast), dtype
        )
        first += length
    made.create_virtual_dataset("data", whole, fillvalue=np.iinfo(dtype).max)
    made.attrs["signal"] = np.bytes_("data")
