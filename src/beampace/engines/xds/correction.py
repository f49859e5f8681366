"""CORRECT: symmetry decided by ourselves, limit of resolution, and once more with both.

CORRECT chooses a Laue group by Rmeas and never looks for screw axes. Here its table is the proposal; the
correlation of each rotation of the lattice confirms or refuses it, and the axial reflections say which space
groups are left.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import gemmi
import numpy as np

from beampace.analysis.groups import moved, to_standard
from beampace.analysis.laue_group import LaueGroup, find_laue_group, rotations_of
from beampace.analysis.scaled import Scaled, candidates, cut, standardised
from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.engines.xds.complaints import Remedy
from beampace.engines.xds.correct_lp import CorrectLog, SymmetryRow, parse_correct
from beampace.engines.xds.inp import Run, Situation
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.program import Program

log = logging.getLogger("beampace.xds")

FEWEST_PAIRS = 100
"""Pairs of reflections below which CORRECT's own choice stands."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a CORRECT left.

    Attributes:
        log: what it says.
        observations: its XDS_ASCII.HKL.
        data: those that are no misfits.
    """

    log: CorrectLog
    observations: gemmi.XdsAscii
    data: Scaled

    @property
    def group(self) -> gemmi.SpaceGroup:
        """Its space group, in the standard setting."""
        return gemmi.SpaceGroup(self.log.space_group)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for: space group, cell, limit in angstrom; None to find out."""

    group: gemmi.SpaceGroup | None = None
    cell: UnitCell | None = None
    d_min: float | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """Data in their final symmetry.

    Attributes:
        corrected: the last CORRECT.
        names: every space group the data leave, the one used first.
        laue: how the rotations correlate.
        d_min: limit used, angstrom, and `reason`: why.
        remarks: worth knowing, as sentences.
    """

    corrected: Corrected
    names: tuple[str, ...]
    laue: LaueGroup | None
    d_min: float
    reason: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Correcting:
    """Runs CORRECT on the INTEGRATE.HKL of a directory.

    Attributes:
        program: runs XDS.
        situation: the dataset.
        images: frames.
        directory: where; `processors`: for it.
    """

    program: Program
    situation: Situation
    images: tuple[int, int]
    directory: Path
    processors: int

    def settle(self, wish: Wish, begun: Corrected | None = None) -> Settled:
        """Data in the right symmetry and to the right limit.

        Args:
            wish: what the user asked for.
            begun: a CORRECT without given symmetry that was done already.

        Raises:
            ScienceError: there is nothing to correct, or the lattice forbids the group asked for.
            InfrastructureError, Cancelled: as `Program.run`.
        """
        first, remarks = (begun, ()) if begun is not None else self._first(wish)
        if wish.group is not None:
            return self._imposed(first, wish, remarks)
        first, laue = self._in_its_laue_group(first)
        # The axial reflections are looked at in the setting that CORRECT chose, all groups in its basis.
        groups = candidates(first.group, first.data)
        number, cell, names = _standard(groups, _cell(first))
        limit = wish.d_min or cut(_cell(first), first.group, first.data)
        final = first
        if number != first.log.space_group or limit is not None:
            final = self._again(number, cell, limit, "group")
        return _settled(final, names, laue, wish, limit, remarks)

    def _first(self, wish: Wish) -> tuple[Corrected, tuple[str, ...]]:
        """CORRECT as it comes; in the group and cell asked for where both are, unless it refuses them."""
        free = self._with(Run(("CORRECT",), self.images))
        if wish.group is None or wish.cell is None:
            return self._run(free), ()
        asked = replace(free, group=wish.group.number, cell=wish.cell)
        ended = self.program.run(self.situation, asked, self.directory)
        if ended.failed is None:
            return read_corrected(self.directory, ended.text), ()
        if Remedy.NO_GROUP not in ended.failed.complaint.remedies:
            raise ended.why()
        remark = f"The lattice is not that of the given cell {wish.cell}: {ended.failed.line}"
        return self._run(free), (remark,)

    def _imposed(self, first: Corrected, wish: Wish, remarks: tuple[str, ...]) -> Settled:
        """The group asked for, in the cell CORRECT has for its lattice."""
        group = wish.group
        if group is None:
            raise ValueError("no group was asked for")
        cell = _cell_for(group, first, wish.cell)
        limit = wish.d_min or cut(_cell(first), first.group, first.data)
        final = first
        if first.log.space_group != group.number or limit is not None:
            final = self._again(group.number, cell, limit, "group")
        return _settled(final, (group.hm,), None, wish, limit, remarks)

    def _in_its_laue_group(self, first: Corrected) -> tuple[Corrected, LaueGroup]:
        """CORRECT once more where the rotations speak for another of the symmetries it tried."""
        laue = _laue(first)
        row = other_symmetry(first.log, laue, first.group)
        if row is None:
            return first, laue
        log.info("CORRECT chose %d, the intensities have %d", first.log.space_group, row.space_group)
        again = self._again(row.space_group, row.cell, None, "laue")
        return again, _laue(again)

    def _again(self, number: int, cell: UnitCell, limit: float | None, why: str) -> Corrected:
        """Another CORRECT; the log of the one before is kept."""
        shutil.copyfile(self.directory / "CORRECT.LP", self.directory / f"CORRECT.before_{why}.LP")
        return self._run(Run(("CORRECT",), self.images, group=number, cell=cell, d_min=limit))

    def _run(self, run: Run) -> Corrected:
        ended = self.program.insist(self.situation, self._with(run), self.directory)
        return read_corrected(self.directory, ended.text)

    def _with(self, run: Run) -> Run:
        return replace(run, parallel=(1, self.processors))


def read_corrected(directory: Path, text: str) -> Corrected:
    """What CORRECT left in a directory.

    Raises:
        InfrastructureError: a file is not as XDS writes it (engine_failed).
    """
    path = directory / "XDS_ASCII.HKL"
    try:
        parsed, observations = parse_correct(text), gemmi.read_xds_ascii(str(path))
    except (LpError, RuntimeError, ValueError, OSError) as error:
        raise failure(Failure.ENGINE_FAILED, f"What CORRECT left cannot be read: {error}.") from error
    return Corrected(parsed, observations, scaled_of(observations))


def scaled_of(observations: gemmi.XdsAscii) -> Scaled:
    """Observations that are no misfits (XDS gives those a negative sigma)."""
    sigma = np.asarray(observations.sigma_array, dtype=np.float64)
    good = sigma > 0
    hkl = np.asarray(observations.miller_array, dtype=np.int32)[good]
    cell = gemmi.UnitCell(*observations.cell_constants)
    intensity = np.asarray(observations.iobs_array, dtype=np.float64)[good]
    return Scaled(hkl, intensity, sigma[good], np.asarray(cell.calculate_d_array(hkl), dtype=np.float64))


def other_symmetry(told: CorrectLog, laue: LaueGroup, group: gemmi.SpaceGroup) -> SymmetryRow | None:
    """The row of CORRECT's table that has the symmetry of the intensities, if that is not the one it chose.

    Rows are matched by the order of the group of rotations, and among them by Rmeas.
    """
    if laue.pairs < FEWEST_PAIRS or laue.rotations == rotations_of(group):
        return None
    fitting = [row for row in told.symmetry if row.r_meas is not None and _order(row) == len(laue.rotations)]
    best = min(fitting, key=lambda row: row.r_meas or 0.0, default=None)
    return best if best is not None and best.space_group != group.number else None


def _order(row: SymmetryRow) -> int:
    return len(rotations_of(gemmi.SpaceGroup(row.space_group)))


def _laue(corrected: Corrected) -> LaueGroup:
    cell = gemmi.UnitCell(*_cell(corrected).parameters)
    return find_laue_group(cell, corrected.group.centring_type(), corrected.data)


def _cell(corrected: Corrected) -> UnitCell:
    return corrected.log.cell


def _standard(groups: tuple[gemmi.SpaceGroup, ...], cell: UnitCell) -> tuple[int, UnitCell, tuple[str, ...]]:
    """(number of the likeliest group, cell in its standard setting, all symbols in that setting)."""
    move = to_standard(groups[0])
    if move is None:
        return groups[0].number, cell, standardised(groups)
    change = gemmi.Op(move[0].translate(str.maketrans("abc", "xyz")))
    turned = gemmi.UnitCell(*cell.parameters).changed_basis_forward(change, set_images=False)
    return groups[0].number, UnitCell(*turned.parameters), standardised(moved(groups, move[0]))


def _cell_for(group: gemmi.SpaceGroup, first: Corrected, given: UnitCell | None) -> UnitCell:
    """The cell of the lattice in a group that was asked for.

    Raises:
        ScienceError: CORRECT has no such lattice.
    """
    if _alike(group, first.group):
        return first.log.cell
    rows = [row for row in first.log.symmetry if _alike(group, gemmi.SpaceGroup(row.space_group))]
    if rows:
        return min(rows, key=lambda row: row.r_meas or 9.9).cell
    if given is not None:
        return given
    raise failure(
        Failure.NOT_INTEGRATED,
        f"The lattice has no {group.hm}: XDS finds {first.group.hm} with the cell {first.log.cell}.",
        "Leave the space group out, or give the unit cell that goes with it.",
    )


def _alike(one: gemmi.SpaceGroup, other: gemmi.SpaceGroup) -> bool:
    """Whether two groups have one lattice and one group of rotations."""
    return one.centring_type() == other.centring_type() and rotations_of(one) == rotations_of(other)


def _settled(
    final: Corrected,
    names: tuple[str, ...],
    laue: LaueGroup | None,
    wish: Wish,
    limit: float | None,
    remarks: tuple[str, ...],
) -> Settled:
    if not len(final.data.d):
        raise failure(Failure.NOT_INTEGRATED, "No reflection was left after CORRECT.")
    reason = "as requested" if wish.d_min else "CC1/2 falls to 0.3" if limit else "all that was measured"
    return Settled(final, names, laue, limit or float(final.data.d.min()), reason, remarks)
