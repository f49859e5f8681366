"""What CORRECT left: observations, their symmetry, and the symmetries that were tried."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from beampace.analysis.laue_group import LaueGroup, find_laue_group, rotations_of
from beampace.analysis.scaled import Scaled
from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.engines.xds.correct_lp import CorrectLog, SymmetryRow, parse_correct
from beampace.engines.xds.lp_text import LpError

FEWEST_PAIRS = 100
"""Pairs of reflections below which CORRECT's own choice stands."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a CORRECT left.

    Attributes:
        observations: its XDS_ASCII.HKL; `cell`: of them.
        data: those that are no misfits.
        log: what it says; None where this version's log cannot be read.
        remarks: worth knowing, as sentences.
    """

    observations: gemmi.XdsAscii
    cell: UnitCell
    data: Scaled
    log: CorrectLog | None
    remarks: tuple[str, ...] = ()

    @property
    def group(self) -> gemmi.SpaceGroup:
        """Its space group, in the standard setting."""
        return gemmi.SpaceGroup(self.observations.spacegroup_number)

    @property
    def symmetry(self) -> tuple[SymmetryRow, ...]:
        """The symmetries it tried."""
        return self.log.symmetry if self.log else ()

    def laue(self) -> LaueGroup:
        """How the rotations of the lattice correlate."""
        cell = gemmi.UnitCell(*self.cell.parameters)
        return find_laue_group(cell, self.group.centring_type(), self.data)


def read_corrected(directory: Path, text: str) -> Corrected:
    """What CORRECT left in a directory.

    Args:
        directory: where its XDS_ASCII.HKL is.
        text: of its log.

    Raises:
        ScienceError: no observation can be used (not_integrated).
        InfrastructureError: the file is not as XDS writes it (engine_failed).
    """
    try:
        observations = gemmi.read_xds_ascii(str(directory / "XDS_ASCII.HKL"))
        cell = UnitCell(*observations.cell_constants)
        data = scaled_of(observations)
    except (RuntimeError, ValueError, OSError) as error:
        raise failure(Failure.ENGINE_FAILED, f"What CORRECT left cannot be read: {error}.") from error
    if not len(data.d):
        raise failure(Failure.NOT_INTEGRATED, "No reflection was left after CORRECT.")
    try:
        return Corrected(observations, cell, data, parse_correct(text))
    except LpError as error:
        # The file of observations says all that is needed; the log may be of a version nobody knows yet.
        return Corrected(observations, cell, data, None, (f"CORRECT.LP cannot be read ({error}).",))


def scaled_of(observations: gemmi.XdsAscii) -> Scaled:
    """Observations that are no misfits (XDS gives those a negative sigma)."""
    sigma = np.asarray(observations.sigma_array, dtype=np.float64)
    good = sigma > 0
    hkl = np.asarray(observations.miller_array, dtype=np.int32)[good]
    cell = gemmi.UnitCell(*observations.cell_constants)
    intensity = np.asarray(observations.iobs_array, dtype=np.float64)[good]
    return Scaled(hkl, intensity, sigma[good], np.asarray(cell.calculate_d_array(hkl), dtype=np.float64))


def other_symmetry(corrected: Corrected, laue: LaueGroup) -> SymmetryRow | None:
    """The row of CORRECT's table that has the symmetry of the intensities, if that is not the one it chose.

    Rows are matched by the order of the group of rotations, and among them by Rmeas.
    """
    group = corrected.group
    if laue.pairs < FEWEST_PAIRS or laue.rotations == rotations_of(group):
        return None
    fitting = [
        row
        for row in corrected.symmetry
        if row.r_meas is not None and _order(row.space_group) == len(laue.rotations)
    ]
    best = min(fitting, key=lambda row: row.r_meas or 0.0, default=None)
    return best if best is not None and best.space_group != group.number else None


def _order(number: int) -> int:
    return len(rotations_of(gemmi.SpaceGroup(number)))
