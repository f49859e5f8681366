"""Flags of a reference set for the reflections of another crystal of the same form."""

from __future__ import annotations

import gemmi
import numpy as np
from numpy.typing import NDArray

from beampace.analysis.groups import short_laue
from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.results.free_flags import put_flags
from beampace.results.free_reference import FreeReference, amplitude_of
from beampace.results.reflections import Indices, representatives, unpack
from beampace.results.unmerged import Values
from beampace.results.verdict import percent

CELL_TOLERANCE = 0.03
"""Relative difference of cell edges (angles against 90 degrees) of crystals of the same form."""

OBLIQUITY = 1.0
"""Degrees by which an operation may miss a symmetry of the lattice and still be another way to index it."""

CLEARER = 0.05
"""By so much the amplitudes have to correlate better in a setting than in any other for it to be the one."""

LEAST_PAIRS = 100
"""Reflections below which a correlation decides nothing."""

SAME = 0.999
"""Share of equal flags from which it does not matter in which setting they are looked up."""

UNDECIDED = " Which of the ways to index this lattice the reference has is not known."

Flags = NDArray[np.int64]


def take_free_flags(mtz: gemmi.Mtz, reference: FreeReference) -> str:
    """Give a merged file the flags of a reference; in place of its own, under the reference's label.

    Reflections the reference does not have get a flag by their index, in the reference's convention. Where
    the lattice can be indexed in several ways, each reflection has the flag it would have after reindexing
    to the reference's setting.

    Returns:
        What was done, as a sentence or two.

    Raises:
        InputError: it is another crystal form, or another setting of its axes (bad_request).
    """
    check_same_form(mtz, reference)
    hkl = np.array(mtz.make_miller_array(), dtype=np.int32)
    setting, words = setting_of(hkl, amplitude_of(mtz), reference)
    indexed = turned(hkl, setting)
    flags, known = looked_up(indexed, reference)
    flags = np.where(known, flags, reference.convention.flags(indexed, reference.group))
    own = mtz.rfree_column()
    if own is not None:
        mtz.remove_column(own.idx)
    put_flags(mtz, reference.label, flags)
    tested = float((flags == reference.convention.test).mean())
    return (
        f"Free-R flags of {int(known.sum())} of {len(hkl)} reflections are those of {reference.name}, "
        f"the others follow its convention: {percent(tested)} are tested (flag "
        f"{reference.convention.test}).{words}"
    )


def check_same_form(mtz: gemmi.Mtz, reference: FreeReference) -> None:
    """Compare Laue group, centring and cell.

    Raises:
        InputError: they differ (bad_request).
    """
    cell, group = UnitCell(*mtz.cell.parameters), mtz.spacegroup
    same = short_laue(group) == short_laue(reference.group)
    same = same and group.centring_type() == reference.group.centring_type()
    if not same or cell.worst_deviation(reference.cell) > CELL_TOLERANCE:
        raise failure(
            Failure.BAD_REQUEST,
            f"--free-r: {reference.name} is in {reference.group.xhm()} with the cell {reference.cell}, "
            f"the data are in {group.xhm()} with the cell {cell}: flags cannot be taken over by index.",
            "Give a reference of the same crystal form in the same setting, or impose its space group "
            "and cell (--space-group, --unit-cell).",
        )


def setting_of(hkl: Indices, amplitude: Values, reference: FreeReference) -> tuple[gemmi.Op, str]:
    """The operation that brings indices to the reference's setting, and what should be known of it."""
    same, others = gemmi.Op(), other_settings(reference)
    if not others:
        return same, ""
    found = np.array([correlation(turned(hkl, one), amplitude, reference) for one in (same, *others)])
    second, best = np.sort(found)[-2:]
    if not best - second >= CLEARER:  # one that is not known is sorted to the end
        return same, "" if all(symmetric(reference, one) for one in others) else UNDECIDED
    if found[0] == best:
        return same, ""
    chosen = others[int(np.argmax(found)) - 1]
    name = chosen.as_hkl().triplet()
    return chosen, f" The reference is indexed in another way; reindex by {name} to compare with it."


def other_settings(reference: FreeReference) -> list[gemmi.Op]:
    """Other ways to index the lattice: symmetries of the lattice that are none of the crystal."""
    cell = gemmi.UnitCell(*reference.cell.parameters)
    found = gemmi.find_twin_laws(cell, reference.group, OBLIQUITY, False)  # noqa: FBT003 - gemmi's signature
    return [op for op in found if not (np.array(op.rot) % gemmi.Op.DEN).any()]


def turned(hkl: Indices, op: gemmi.Op) -> Indices:
    """Indices after an operation: hkl R."""
    return (hkl.astype(np.int64) @ (np.array(op.rot, dtype=np.int64) // gemmi.Op.DEN)).astype(np.int32)


def looked_up(hkl: Indices, reference: FreeReference) -> tuple[Flags, NDArray[np.bool_]]:
    """Flags of reflections, and which the reference has; the others' are of no meaning."""
    place, known = _places(hkl, reference)
    return reference.flags[place], known


def correlation(hkl: Indices, amplitude: Values, reference: FreeReference) -> float:
    """Correlation of amplitudes with those of the reference; NaN without pairs enough."""
    place, known = _places(hkl, reference)
    both = known & np.isfinite(amplitude) & np.isfinite(reference.amplitude[place])
    ours, theirs = amplitude[both], reference.amplitude[place][both]
    if len(ours) < LEAST_PAIRS or not ours.std() > 0 or not theirs.std() > 0:
        return float("nan")
    return float(np.corrcoef(ours, theirs)[0, 1])


def symmetric(reference: FreeReference, op: gemmi.Op) -> bool:
    """Whether the flags themselves have the symmetry of an operation."""
    flags, known = looked_up(turned(unpack(reference.keys), op), reference)
    return bool(known.any()) and bool((flags == reference.flags)[known].mean() >= SAME)


def _places(hkl: Indices, reference: FreeReference) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    keys = representatives(hkl, reference.group).keys
    place = np.minimum(np.searchsorted(reference.keys, keys), len(reference.keys) - 1)
    return place, reference.keys[place] == keys
