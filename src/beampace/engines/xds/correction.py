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

from beampace.analysis import absences
from beampace.analysis.groups import change_of_basis, moved, to_standard
from beampace.analysis.laue_group import LaueGroup, alike, rotations_of
from beampace.analysis.scaled import Scaled, candidates, cut, standardised
from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.engines.xds.complaints import Remedy
from beampace.engines.xds.corrected import Corrected, other_symmetry, read_corrected
from beampace.engines.xds.inp import Run, Situation
from beampace.engines.xds.program import Program

log = logging.getLogger("beampace.xds")

Groups = tuple[gemmi.SpaceGroup, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for: space group in its standard setting, cell, limit in angstrom."""

    group: gemmi.SpaceGroup | None = None
    cell: UnitCell | None = None
    d_min: float | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """Data in their final symmetry.

    Attributes:
        corrected: the last CORRECT.
        names: every space group the data leave, the one used first.
        confidence: likelihood of its Laue group, 0 to 1; None when it was imposed.
        d_min: limit used, angstrom, and `reason`: why.
        remarks: worth knowing, as sentences.
    """

    corrected: Corrected
    names: tuple[str, ...]
    confidence: float | None
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
            base = self._of_its_lattice(wish.group, first, wish.cell)
            return self._finished(base, _settings(wish.group, base), None, wish, remarks)
        base, laue = self._in_its_laue_group(first)
        confidence = laue.shares.get(rotations_of(base.group))
        if laue.rotations != rotations_of(base.group):
            remarks += ("The intensities speak for another symmetry than those XDS tried.",)
        return self._finished(base, candidates(base.group, base.data), confidence, wish, remarks)

    def _finished(
        self, base: Corrected, groups: Groups, confidence: float | None, wish: Wish, remarks: tuple[str, ...]
    ) -> Settled:
        """The likeliest of the groups, which are in the basis of `base`, in its standard setting."""
        number, cell, names = _standard(groups, base.cell)
        limit = wish.d_min or cut(base.cell, base.group, base.data)
        final = base
        if number != base.group.number or limit is not None:
            final = self._again(number, cell, limit, "group")
        reason = "as requested" if wish.d_min else "CC1/2 falls to 0.3" if limit else "all that was measured"
        reach = limit or float(final.data.d.min())
        return Settled(final, names, confidence, reach, reason, (*remarks, *final.remarks))

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

    def _of_its_lattice(self, group: gemmi.SpaceGroup, first: Corrected, given: UnitCell | None) -> Corrected:
        """Data in a group of the same lattice and rotations as one that was asked for.

        Raises:
            ScienceError: CORRECT has no such lattice.
        """
        if alike(group, first.group):
            return first
        rows = [row for row in first.symmetry if alike(group, gemmi.SpaceGroup(row.space_group))]
        if rows:
            best = min(rows, key=lambda row: row.r_meas or 9.9)
            return self._again(best.space_group, best.cell, None, "lattice")
        if given is not None:
            return self._again(group.number, given, None, "lattice")
        raise failure(
            Failure.NOT_INTEGRATED,
            f"The lattice has no {group.hm}: XDS finds {first.group.hm} with the cell {first.cell}.",
            "Leave the space group out, or give the unit cell that goes with it.",
        )

    def _in_its_laue_group(self, first: Corrected) -> tuple[Corrected, LaueGroup]:
        """CORRECT once more where the rotations speak for another of the symmetries it tried."""
        laue = first.laue()
        row = other_symmetry(first, laue)
        if row is None:
            return first, laue
        log.info("CORRECT chose %d, the intensities have %d", first.group.number, row.space_group)
        again = self._again(row.space_group, row.cell, None, "laue")
        return again, again.laue()

    def _again(self, number: int, cell: UnitCell, limit: float | None, why: str) -> Corrected:
        """Another CORRECT; the log of the one before is kept."""
        shutil.copyfile(self.directory / "CORRECT.LP", self.directory / f"CORRECT.before_{why}.LP")
        return self._run(Run(("CORRECT",), self.images, group=number, cell=cell, d_min=limit))

    def _run(self, run: Run) -> Corrected:
        ended = self.program.insist(self.situation, self._with(run), self.directory)
        return read_corrected(self.directory, ended.text)

    def _with(self, run: Run) -> Run:
        return replace(run, parallel=(1, self.processors))


def _settings(group: gemmi.SpaceGroup, base: Corrected) -> Groups:
    """A group that was asked for, in the basis of data of its lattice.

    Which axis of P 21 21 2 is the one without a screw is not said by its symbol: the absences say it.
    """
    if base.group.number == group.number:
        return (base.group,)
    there = [one for one in absences.same_rotations(base.group) if one.number == group.number]
    return (_likeliest(there, base.data),) if there else (group,)


def _likeliest(groups: list[gemmi.SpaceGroup], data: Scaled) -> gemmi.SpaceGroup:
    axial = absences.axial_reflections(groups[0], data.hkl, data.intensity, data.sigma, data.d)
    return absences.weigh(groups, axial)[0].group


def _standard(groups: Groups, cell: UnitCell) -> tuple[int, UnitCell, tuple[str, ...]]:
    """(number of the likeliest group, cell in its standard setting, all symbols in that setting)."""
    move = to_standard(groups[0])
    if move is None:
        return groups[0].number, cell, standardised(groups)
    return groups[0].number, turned(cell, move[0]), standardised(moved(groups, move[0]))


def turned(cell: UnitCell, change: str) -> UnitCell:
    """A cell after its axes were renamed, such as `b,c,a`."""
    op = change_of_basis(change)
    return UnitCell(*gemmi.UnitCell(*cell.parameters).changed_basis_forward(op, set_images=False).parameters)
