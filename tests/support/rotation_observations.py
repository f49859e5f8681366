"""Integrated observations of the standard crystals, with known scales and errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.analysis.rotation.observations import Observations, observed
from beampace.core.cell import UnitCell
from beampace.simulate.crystal import CrystalSpec, orthogonalisation_b, reflections
from beampace.simulate.groups import CRYSTALS

Floats = npt.NDArray[np.float64]
AXIS = np.array([1.0, 0.0, 0.0])
SOURCE = np.array([0.0, 0.0, 1.0])
WAVELENGTH = 1.0


@dataclass(frozen=True)
class Scan:
    """How a crystal is measured.

    `c` and `b` are functions of the frame; `absorption` of the two directions; `photons`: mean of a whole
    reflection on the common scale; `background`: photons under it; `a`, `b_error`: of the error model;
    `axial`: reflections along the axes that screws forbid are measured as well, as nothing.
    """

    degrees: float = 180.0
    width: float = 0.5
    d_min: float = 3.0
    c: Callable[[Floats], Floats] = np.ones_like
    b: Callable[[Floats], Floats] = np.zeros_like
    absorption: Callable[[Floats, Floats], Floats] | None = None
    photons: float = 300.0
    background: float = 20.0
    a: float = 1.0
    b_error: float = 0.0
    seed: int = 3
    axial: bool = False


@dataclass(frozen=True)
class Truth:
    """What was put in: factor and true intensity of each observation."""

    observations: Observations
    g: Floats
    intensity: Floats
    group: gemmi.SpaceGroup


def measured(crystal: str | CrystalSpec, scan: Scan) -> Truth:
    """A scan of a (standard) crystal, in its own setting."""
    spec = CRYSTALS[crystal] if isinstance(crystal, str) else crystal
    rng = np.random.default_rng(scan.seed)
    table = reflections(spec, scan.d_min)
    every, f_squared = table.hkl, table.f_squared / table.f_squared.mean()
    if scan.axial:
        absent = screw_absences(spec, scan.d_min)
        every, f_squared = np.concatenate([every, absent]), np.append(f_squared, np.zeros(len(absent)))
    turned = orientation(rng) @ orthogonalisation_b(spec.unit_cell)
    which, phi, s1, source = crossings(every @ turned.T, scan.degrees)
    hkl, z = every[which], phi / scan.width
    true = f_squared[which] * scan.photons
    d = 1 / np.sqrt(spec.cell.calculate_1_d2_array(hkl))
    g = scan.c(z) * np.exp(scan.b(z) / (2 * d**2))
    if scan.absorption is not None:
        g = g * scan.absorption(s1, source)
    intensity, sigma, photon = counted(g * true, scan, rng)
    found = observed(
        spec.unit_cell, hkl, intensity, sigma, z, scan.width, photon=photon, s1=s1, source=source
    )
    return Truth(found, g, true, spec.group)


def screw_absences(spec: CrystalSpec, d_min: float) -> npt.NDArray[np.int32]:
    """Axial reflections of a primitive lattice that the space group forbids."""
    edges = spec.unit_cell.parameters[:3]
    steps = [
        np.outer(np.arange(1, int(edge / d_min) + 1), np.eye(3)[axis]) for axis, edge in enumerate(edges)
    ]
    axial = np.concatenate([sign * step for step in steps for sign in (1, -1)]).astype(np.int32)
    absent = np.asarray(spec.group.operations().systematic_absences(axial), dtype=bool)
    return np.asarray(axial[absent])


def counted(expected: Floats, scan: Scan, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """(intensity, sigma from the counts as they fell, intensity per photon)."""
    photon = rng.uniform(0.5, 2.0, len(expected))
    mean = expected / photon * (1 + scan.b_error * rng.standard_normal(len(expected)))
    counts = rng.poisson(np.maximum(mean, 0) + scan.background) - scan.background
    spoilt = mean + scan.a * (counts - mean)
    sigma = photon * np.sqrt(np.maximum(counts, 0) + scan.background)
    return photon * spoilt, sigma, photon


def orientation(rng: np.random.Generator) -> Floats:
    """A random rotation."""
    q, r = np.linalg.qr(rng.standard_normal((3, 3)))
    q = q * np.sign(np.diag(r))
    return np.asarray(q * np.linalg.det(q))


def crossings(r0: Floats, degrees: float) -> tuple[npt.NDArray[np.intp], Floats, Floats, Floats]:
    """(reflection, spindle in degrees, s1 and -s0 in the crystal's frame) of all crossings."""
    s0 = -SOURCE / WAVELENGTH
    along = np.outer(r0 @ AXIS, AXIS)
    cosine = 2 * (r0 - along) @ s0
    sine = 2 * np.cross(AXIS, r0) @ s0
    level = -np.sum(r0**2, axis=1) - 2 * along @ s0
    rho = np.hypot(cosine, sine)
    seen = np.flatnonzero(np.abs(level) < 0.999 * rho)
    middle, half = np.arctan2(sine, cosine)[seen], np.arccos(level[seen] / rho[seen])
    phi = np.degrees(np.concatenate([middle + half, middle - half])) % 360
    which = np.concatenate([seen, seen])
    inside = phi < degrees
    which, phi = which[inside], phi[inside]
    source = back(np.tile(SOURCE, (len(phi), 1)), phi)
    s1 = r0[which] - source / WAVELENGTH
    return which, phi, s1 / np.linalg.norm(s1, axis=1)[:, None], source


def back(vectors: Floats, degrees: Floats) -> Floats:
    """Vectors turned back about the spindle (x)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y, z = vectors.T
    return np.stack([x, c * y + s * z, -s * y + c * z], axis=1)


def as_primitive(truth: Truth, seed: int = 1) -> Observations:
    """The same in a reduced primitive cell, as indexing without symmetry leaves them."""
    observations = truth.observations
    vector = gemmi.GruberVector(gemmi.UnitCell(*observations.cell.parameters), truth.group, True)
    vector.niggli_reduce()
    change = np.array(vector.change_of_basis.rot).T / gemmi.Op.DEN
    hkl = np.rint(observations.hkl @ change.T).astype(np.int32)
    assert np.allclose(hkl, observations.hkl @ change.T)
    cell = UnitCell(*vector.get_cell().parameters)
    return replace(observations, hkl=hkl, cell=cell)
