"""The crystal: random protein-like atoms in a cell, and the structure factors they give."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import gemmi
import numpy as np
import numpy.typing as npt

from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

_ATOMS_PER_A3 = 1 / 32.0
"""Non-hydrogen atoms per cubic angstrom of cell: Matthews' 2.4 A^3/Da and 13.4 Da per atom."""
_ELEMENTS = ("C", "N", "O", "S")
_SHARES = (0.63, 0.17, 0.19, 0.01)


@dataclass(frozen=True, slots=True)
class CrystalSpec:
    """What the crystal is.

    Attributes:
        unit_cell: must agree with the space group.
        space_group: any name gemmi knows, e.g. `P212121`, `P 43 21 2`, `C2`, `P3221`.
        b_factor: mean atomic B in square angstrom (the slope of the Wilson plot).
        seed: chooses the atoms.
        anomalous_sites: sites in the asymmetric unit with an f''; 0 obeys Friedel's law.
        f_double_prime: of each such site, electrons.
        max_atoms: most atoms to place in the asymmetric unit; their scattering is scaled to the volume's.
    """

    unit_cell: UnitCell
    space_group: str
    b_factor: float = 15.0
    seed: int = 1
    anomalous_sites: int = 0
    f_double_prime: float = 4.0
    max_atoms: int = 3000

    @property
    def group(self) -> gemmi.SpaceGroup:
        """The space group.

        Raises:
            InputError: gemmi does not know the name, or the cell does not agree with it.
        """
        group = gemmi.find_spacegroup_by_name(self.space_group)
        if group is None:
            raise failure(Failure.BAD_REQUEST, f"There is no space group {self.space_group!r}.")
        if not self.cell.is_compatible_with_spacegroup(group):
            raise failure(
                Failure.BAD_REQUEST, f"The cell {self.unit_cell} cannot have the symmetry {group.hm}."
            )
        return group

    @property
    def cell(self) -> gemmi.UnitCell:
        """The cell as gemmi has it."""
        return gemmi.UnitCell(*self.unit_cell.parameters)


@dataclass(frozen=True, slots=True)
class Reflections:
    """Structure factors of the whole sphere.

    Attributes:
        hkl: (n, 3) int32, every reflection that is not absent, Friedel mates included, without 000.
        f_squared: |F|^2 in square electrons per cell, (n,).
        asu: (n,) row of the unique reflection (Friedel mates count as one) each belongs to.
    """

    hkl: npt.NDArray[np.int32]
    f_squared: npt.NDArray[np.float64]
    asu: npt.NDArray[np.int32]


def orthogonalisation_b(cell: UnitCell) -> npt.NDArray[np.float64]:
    """The matrix B with columns a*, b*, c* (1/angstrom): a along X, b in the XY plane."""
    frac = np.array(gemmi.UnitCell(*cell.parameters).frac.mat.tolist())
    return np.ascontiguousarray(frac.T)


@lru_cache(maxsize=8)
def reflections(spec: CrystalSpec, d_min: float) -> Reflections:
    """Structure factors to `d_min` angstrom, by Fourier transform of the electron density.

    The asymmetric unit is computed once and expanded by the operators, so symmetry is exact and absent
    reflections do not occur.

    Raises:
        InputError: space group unknown or at odds with the cell.
    """
    group = spec.group
    structure = _structure(spec, group)
    asu_hkl, amplitude = _density_transform(structure, d_min)
    plus, minus = _friedel_pair(spec, group, structure, asu_hkl, amplitude)
    return _expanded(group, asu_hkl, plus, minus)


def _structure(spec: CrystalSpec, group: gemmi.SpaceGroup) -> gemmi.Structure:
    """Random atoms, uniform in the cell: their intensities obey Wilson's statistics."""
    rng = np.random.default_rng(spec.seed)
    wanted = spec.unit_cell.volume * _ATOMS_PER_A3 / len(group.operations())
    count = max(1, min(round(wanted), spec.max_atoms))
    residue = gemmi.Residue()
    residue.name, residue.seqid = "UNK", gemmi.SeqId("1")
    for element in rng.choice(_ELEMENTS, count, p=_SHARES):
        residue.add_atom(_atom(str(element), spec, rng, math.sqrt(wanted / count)))
    chain, model = gemmi.Chain("A"), gemmi.Model(1)
    chain.add_residue(residue)
    model.add_chain(chain)
    structure = gemmi.Structure()
    structure.cell, structure.spacegroup_hm = spec.cell, group.xhm()
    structure.add_model(model)
    structure.setup_cell_images()
    return structure


def _atom(element: str, spec: CrystalSpec, rng: np.random.Generator, weight: float) -> gemmi.Atom:
    atom = gemmi.Atom()
    atom.name, atom.element = element, gemmi.Element(element)
    atom.pos = spec.cell.orthogonalize(gemmi.Fractional(*rng.random(3)))
    atom.b_iso = max(2.0, spec.b_factor * (1 + 0.15 * rng.standard_normal()))
    atom.occ = weight
    return atom


def _density_transform(
    structure: gemmi.Structure, d_min: float
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.complex128]]:
    calculator = gemmi.DensityCalculatorX()
    calculator.d_min, calculator.rate = d_min, 1.5
    calculator.set_grid_cell_and_spacegroup(structure)
    calculator.set_refmac_compatible_blur(structure[0])
    calculator.put_model_density_on_grid(structure[0])
    coefficients = gemmi.transform_map_to_f_phi(calculator.grid, half_l=True)
    data = coefficients.prepare_asu_data(
        dmin=d_min, unblur=calculator.blur, with_000=False, with_sys_abs=False
    )
    return np.array(data.miller_array, dtype=np.int32), np.array(data.value_array, dtype=np.complex128)


def _friedel_pair(
    spec: CrystalSpec,
    group: gemmi.SpaceGroup,
    structure: gemmi.Structure,
    hkl: npt.NDArray[np.int32],
    amplitude: npt.NDArray[np.complex128],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """|F(h)|^2 and |F(-h)|^2: F + iA and F - iA, A the sum of f'' exp(2 pi i hx) over the sites."""
    if spec.anomalous_sites == 0:
        squared = np.abs(amplitude) ** 2
        return squared, squared
    anomalous = np.zeros(len(hkl), np.complex128)
    inverse_d2 = np.array([spec.cell.calculate_1_d2([int(i) for i in row]) for row in hkl])
    atoms = [cra.atom for cra in structure[0].all()][: spec.anomalous_sites]
    for atom in atoms:
        site = spec.cell.fractionalize(atom.pos)
        for operation in group.operations():
            x = np.array(operation.apply_to_xyz([site.x, site.y, site.z]))
            anomalous += np.exp(2j * np.pi * (hkl @ x) - atom.b_iso * inverse_d2 / 4)
    anomalous *= spec.f_double_prime
    plus, minus = (np.abs(amplitude + sign * anomalous) ** 2 for sign in (1j, -1j))
    # Centric reflections have no Friedel difference; the grid of the density leaves rounding errors.
    centric = group.operations().centric_flag_array(hkl)
    return plus, np.where(centric, plus, minus)


def _expanded(
    group: gemmi.SpaceGroup,
    hkl: npt.NDArray[np.int32],
    plus: npt.NDArray[np.float64],
    minus: npt.NDArray[np.float64],
) -> Reflections:
    """All symmetry mates of each unique reflection, each once."""
    index = np.arange(len(hkl), dtype=np.int32)
    pieces = []
    for operation in group.operations().sym_ops:
        rotated = hkl @ (np.array(operation.rot, dtype=np.int64) // 24)
        pieces.append((rotated, plus, index))
        pieces.append((-rotated, minus, index))
    everything = np.concatenate([piece[0] for piece in pieces])
    _, first = np.unique(everything, axis=0, return_index=True)
    squared = np.concatenate([piece[1] for piece in pieces])[first]
    unique = np.concatenate([piece[2] for piece in pieces])[first]
    return Reflections(np.ascontiguousarray(everything[first], dtype=np.int32), squared, unique)
