"""The truth a simulated dataset leaves behind, brought into XDS's frame."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.support.xds_checker.geometry import Floats, Geometry, turned, unit

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Truth:
    """A simulated dataset as it truly is.

    Attributes:
        geometry: with the detector's axes along x and y and the beam along +z.
        cell: six parameters, or None without a crystal; `group` its Hermann-Mauguin symbol.
        reciprocal: of each lattice, 3x3 with columns a*, b*, c* at spindle zero, 1/angstrom.
        hkl: (n, 3) reflections of the whole sphere; `photons` of each per unit of Lorentz factor.
        n_frames: images that were taken.
        strength: (lattices, frames) share of the intensity; `extra_b` (frames) growth of B.
        tilt: (frames) degrees by which the crystal is turned about `tilt_axis` against `reciprocal`.
        mosaicity: standard deviation of the rocking curve, rad; `sigma_px` of a spot, pixels.
        polarisation: normal of its plane and the fraction.
    """

    geometry: Geometry
    cell: tuple[float, ...] | None
    group: str
    reciprocal: tuple[Floats, ...]
    hkl: Ints
    photons: Floats
    n_frames: int
    strength: Floats
    extra_b: Floats
    tilt: Floats
    tilt_axis: Floats
    mosaicity: float
    sigma_px: float
    polarisation: tuple[Floats, float]
    detector: str
    seed: int

    @cached_property
    def index_of(self) -> tuple[Ints, Ints, Ints]:
        """(offset, strides, table): row of `hkl` for indices, -1 where there is none."""
        top = np.abs(self.hkl).max(axis=0) if len(self.hkl) else np.zeros(3, np.int64)
        shape = 2 * top + 1
        table = np.full(int(shape.prod()), -1, np.int64)
        strides = np.array([shape[1] * shape[2], shape[2], 1])
        table[(self.hkl + top) @ strides] = np.arange(len(self.hkl))
        return top, strides, table

    def rows(self, hkl: Ints) -> Ints:
        """Row of each of (n, 3) indices in `hkl`, or -1."""
        top, strides, table = self.index_of
        inside = (np.abs(hkl) <= top).all(axis=1)
        return np.where(inside, table[np.where(inside, (hkl + top) @ strides, 0)], -1)

    def turned_to(self, frame: Floats) -> Truth:
        """The same, in a laboratory whose detector axes are the columns of `frame`."""
        old = self.geometry
        geometry = replace(old, s0=frame @ old.s0, axis=frame @ old.axis, frame=frame @ old.frame)
        return replace(
            self,
            geometry=geometry,
            reciprocal=tuple(frame @ one for one in self.reciprocal),
            tilt_axis=frame @ self.tilt_axis,
            polarisation=(frame @ self.polarisation[0], self.polarisation[1]),
        )

    def at_frames(self, values: Floats, z: Floats) -> Floats:
        """Entries of an array over frames (last axis) at z."""
        return values[..., np.clip(np.ceil(z).astype(int) - 1, 0, self.n_frames - 1)]

    def tilted(self, r0: Floats, z: Floats) -> Floats:
        """Vectors (n, 3) at spindle zero after what befell the crystal until z."""
        if not self.tilt.any():
            return r0
        return turned(r0, self.tilt_axis, np.radians(self.at_frames(self.tilt, z)))

    def polarised(self, s1: Floats) -> Floats:
        """Polarisation factor of wave vectors (Kahn et al. 1982)."""
        normal, fraction = self.polarisation
        ray = s1 / np.linalg.norm(s1, axis=1, keepdims=True)
        across, forward = ray @ normal, ray @ unit(self.geometry.s0)
        return (1 - 2 * fraction) * (1 - across**2) + fraction * (1 + forward**2)


_TO_XDS = np.diag([1.0, -1.0, -1.0])
"""The simulation's laboratory (beam along -z, slow axis along -y) to one with x, y along the axes."""


def find_truth(given: str, master: Path | None) -> Path | None:
    """Prefix of the truth of a master.

    Args:
        given: XDS_CHECKER_TRUTH: a prefix, a directory of many, or "".
        master: as the template names it; links are followed to find what lies beside it.
    """
    if given and Path(f"{given}_truth.json").is_file():
        return Path(given)
    if master is None:
        return None
    data = sorted(master.parent.glob("*_data_000001.h5"))
    for path in (master, master.resolve(), *(one.resolve() for one in data)):
        name = path.name.removesuffix("_master.h5").removesuffix("_data_000001.h5")
        for directory in (path.parent, *((Path(given),) if given else ())):
            if (directory / f"{name}_truth.json").is_file():
                return directory / name
    return None


def read_truth(prefix: Path) -> Truth:
    """Read `<prefix>_truth.json` and `.npz`.

    Raises:
        OSError: they cannot be read.
    """
    said = json.loads(prefix.with_name(f"{prefix.name}_truth.json").read_text())
    arrays = np.load(prefix.with_name(f"{prefix.name}_truth.npz"))
    scenario, true = said["scenario"], said["true"]
    crystal, count = scenario["crystal"], int(true["n_frames"])
    squared = arrays["f_squared"] if crystal else np.empty(0)
    cell = tuple(float(crystal["unit_cell"][name]) for name in _CELL) if crystal else None
    return Truth(
        geometry=_geometry(scenario, true),
        cell=cell,
        group=said["space_group"] or "P 1",
        reciprocal=tuple(_TO_XDS @ np.array(u) @ _b_matrix(cell) for u in said["orientations"] if cell),
        hkl=arrays["hkl"].astype(np.int64) if crystal else np.empty((0, 3), np.int64),
        photons=squared * float(said["scale"]),
        n_frames=count,
        strength=arrays["volume"] * arrays["strength"],
        extra_b=arrays["extra_b"],
        tilt=arrays["tilt"],
        tilt_axis=_TO_XDS @ unit(scenario["fate"]["axis"]),
        mosaicity=math.radians(math.hypot(scenario["mosaicity"], scenario["divergence"])),
        sigma_px=_sigma_px(scenario),
        polarisation=(_TO_XDS @ np.array([0.0, 1.0, 0.0]), float(scenario["polarization_fraction"])),
        detector=scenario["detector"],
        seed=int(scenario["seed"]),
    )


_CELL = ("a", "b", "c", "alpha", "beta", "gamma")


def _sigma_px(scenario: dict[str, Any]) -> float:
    from beampace.simulate.detectors import CATALOGUE

    return float(scenario["spot"]["sigma"]) / CATALOGUE[scenario["detector"]].pixel_size


def _geometry(scenario: dict[str, Any], true: dict[str, Any]) -> Geometry:
    from beampace.simulate.detectors import CATALOGUE

    model = CATALOGUE[scenario["detector"]]
    forward = 1.0 if true["width_deg"] >= 0 else -1.0
    return Geometry(
        s0=np.array([0.0, 0.0, 1.0 / true["wavelength"]]),
        axis=_TO_XDS @ unit(true["axis"]) * forward,
        frame=np.eye(3),
        org=(true["beam_centre_px"][0] + 0.5, true["beam_centre_px"][1] + 0.5),
        distance=float(true["distance_mm"]),
        pixel=(model.pixel_size, model.pixel_size),
        size=model.image_size,
        start_frame=1,
        start_angle=float(true["start_deg"]) * forward,
        width=abs(float(true["width_deg"])) or 1e-6,
    )


def _b_matrix(cell: tuple[float, ...] | None) -> Floats:
    """Columns a*, b*, c*: a along x, b in the xy plane, as the simulation has it."""
    if cell is None:
        raise ValueError("there is no crystal")
    a, b, c, alpha, beta, gamma = (*cell[:3], *np.radians(cell[3:]))
    cx, cy = math.cos(beta), (math.cos(alpha) - math.cos(beta) * math.cos(gamma)) / math.sin(gamma)
    rows = [
        [a, 0, 0],
        [b * math.cos(gamma), b * math.sin(gamma), 0],
        [c * cx, c * cy, c * math.sqrt(max(0.0, 1 - cx * cx - cy * cy))],
    ]
    return np.linalg.inv(np.array(rows))
