"""The dataset record, from a master file with P11's habits taken out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py

from beampace.core.dataset import Dataset, DatasetKind, Hint
from beampace.core.errors import failure
from beampace.core.geometry import KEV_ANGSTROM, Beam
from beampace.core.scan import Scan
from beampace.core.taxonomy import Failure
from beampace.eiger.access import get
from beampace.eiger.hdf5 import MAX_FRAMES
from beampace.eiger.identity import TIMES, identity
from beampace.eiger.kind import announced_kind, settle_kind
from beampace.eiger.moment import parse_time
from beampace.eiger.panel import DETECTOR, SPECIFIC, read_detector
from beampace.eiger.spindle import read_angles, read_spindle
from beampace.eiger.values import Values

HC = 1000 * KEV_ANGSTROM
"""Planck's constant times the speed of light, eV angstrom."""

CLAMPED_ENERGY = 5500.0
"""P11's control writes max(energy, 5500 eV) into the header."""

ATTENUATOR = "/entry/instrument/attenuator/attenuator_transmission"
"""Where P11's control patches the transmission in; -1 stands for one that is not known."""

MIN_WAVELENGTH, MAX_WAVELENGTH = 0.05, 10.0
"""Wavelengths that are believed, angstrom."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a master is read.

    Attributes:
        axis_sign: 0 takes P11's rule for the scan axis; +1 or -1 the master's vector times the sign.
    """

    axis_sign: int = 0


def build_dataset(
    master: Path, handle: h5py.File, hint: Hint, first_chunk: bytes | None, options: ReadOptions
) -> Dataset:
    """The record of an open master.

    Raises:
        InputError: `metadata_inconsistent`, naming the file and the value.
    """
    values = Values(handle)
    n_frames, n_triggers = announced_frames(master, values)
    detector, plane = read_detector(master, handle)
    beam, beam_remarks = read_beam(master, values, hint)
    # A link to a master stands anywhere; the names of its own directory tell what was done.
    announced, why = announced_kind(master.resolve(), hint)
    screening = announced is DatasetKind.SCREENING or (announced is None and n_triggers == n_frames > 1)
    spindle = read_spindle(handle, plane, hint, n_frames, screening=screening, axis_sign=options.axis_sign)
    exposure = values.number(f"{DETECTOR}/count_time") or 0.0
    period = values.number(f"{DETECTOR}/frame_time") or exposure
    scan = Scan(spindle.angles.starts, spindle.angles.width, exposure, period)
    kind, reason = settle_kind(announced, why, scan)
    transmission, attenuator_remarks = read_transmission(values)
    return Dataset(
        id=identity(handle, first_chunk, n_frames),
        name=master.name.removesuffix(".h5").removesuffix(".nxs").removesuffix("_master"),
        master=master,
        kind=kind,
        kind_reason=reason,
        detector=detector,
        beam=beam,
        goniometer=spindle.goniometer,
        scan=scan,
        n_announced=n_frames,
        collected=parse_time(values.text(*TIMES)),
        hint=hint,
        transmission=transmission,
        remarks=plane.remarks + beam_remarks + spindle.remarks + attenuator_remarks,
    )


def announced_frames(master: Path, values: Values) -> tuple[int, int]:
    """Frames the detector was armed for (images x triggers), and triggers.

    Raises:
        InputError: no number, or one that cannot be.
    """
    images = values.number(f"{SPECIFIC}/nimages")
    triggers = values.number(f"{SPECIFIC}/ntrigger") or 1.0
    if images is None:
        images = _counted(values)
    total = images * triggers
    if not 1 <= total <= MAX_FRAMES:
        raise failure(Failure.METADATA_INCONSISTENT, f"{master} announces {images:g} x {triggers:g} frames.")
    return int(total), int(triggers)


def read_transmission(values: Values) -> tuple[float | None, tuple[str, ...]]:
    """Transmission of the attenuator, 0 to 1, or None. It is a fraction; more than 1 can only be per cent."""
    said = values.number(ATTENUATOR)
    if said is None or not 0 < said <= 100:
        return None, ()
    if said <= 1:
        return said, ()
    return said / 100, (f"attenuator_transmission {said:g} is taken as per cent.",)


def read_beam(master: Path, values: Values, hint: Hint) -> tuple[Beam, tuple[str, ...]]:
    """The beam.

    Raises:
        InputError: there is no wavelength, or an impossible one.
    """
    energy = values.number(f"{SPECIFIC}/photon_energy", f"{DETECTOR}/photon_energy")
    wavelength = values.number(
        "/entry/instrument/beam/incident_wavelength",
        "/entry/sample/beam/incident_wavelength",
        "/entry/instrument/monochromator/wavelength",
    )
    remarks: tuple[str, ...] = ()
    if wavelength is None and energy:
        wavelength, remarks = HC / energy, ("The wavelength follows from photon_energy.",)
    if wavelength is None or not MIN_WAVELENGTH <= wavelength <= MAX_WAVELENGTH:
        said = "no incident_wavelength" if wavelength is None else f"incident_wavelength {wavelength:g} A"
        raise failure(Failure.METADATA_INCONSISTENT, f"{master} has {said}.")
    return _unclamped(wavelength, energy or HC / wavelength, hint, remarks)


def _unclamped(
    wavelength: float, energy: float, hint: Hint, remarks: tuple[str, ...]
) -> tuple[Beam, tuple[str, ...]]:
    nominal = hint.wavelength
    at_clamp = abs(energy - CLAMPED_ENERGY) < 0.5 or abs(HC / wavelength - CLAMPED_ENERGY) < 0.5
    if not at_clamp or not nominal or abs(nominal - wavelength) <= 0.002 * wavelength:
        return Beam(wavelength), remarks
    remark = (
        f"The header stops at 5500 eV ({wavelength:.4f} A); {nominal:g} A of info.txt is used, "
        "which is rounded."
    )
    return Beam(nominal), (*remarks, remark)


def _counted(values: Values) -> float:
    """Frames of a master without `nimages`: its angles, or the shape of its data."""
    whole = get(values.handle, "/entry/data/data")
    if isinstance(whole, h5py.Dataset) and whole.ndim == 3:
        return float(whole.shape[0])
    angles = read_angles(values, "omega").values
    return float(len(angles))
