"""A reference set of free-R flags: the file of a structure, or of its first crystal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from beampace.core.cell import UnitCell
from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.results.free_flags import free_flags, lots
from beampace.results.reflections import LIMIT, Indices, Keys, representatives
from beampace.results.unmerged import Values

MOST_SETS = 1000
"""Flags greater than this, or less than its negative, are none."""

LARGEST_INDEX = LIMIT // 2
"""Miller indices are smaller than this in size, so that those of equivalents can be packed."""

SHARE = (0.001, 0.25)
"""Share of the reflections that a test set may have, where two values mark it."""


@dataclass(frozen=True, slots=True)
class Convention:
    """What the flags of a file mean.

    Attributes:
        test: flag of the test set.
        share: of reflections in it.
        sets: CCP4: flags from 0 to `sets` - 1, 0 is the test set; 0 where there are two values only (XPLOR,
            phenix: 0 and 1; SHELX: 1 and -1), of which the rarer one marks the test set.
        work: flag of all others, where there are two values.
    """

    test: int
    share: float
    sets: int = 0
    work: int = 0

    def flags(self, hkl: Indices, group: gemmi.SpaceGroup) -> NDArray[np.int64]:
        """Flags of reflections the file does not have, by their index; as many are tested."""
        if self.sets:
            return free_flags(hkl, group, self.sets)
        tested = lots(hkl, group) < np.uint64(self.share * 2**64)
        return np.where(tested, self.test, self.work)


@dataclass(frozen=True, slots=True, eq=False)
class FreeReference:
    """Flags of a reference file.

    Attributes:
        name: of the file; label: of its column.
        cell, group: of its crystal.
        keys: packed representatives under the Laue group, sorted, (n,); flags: of each.
        amplitude: of each as far as the file has one, NaN elsewhere; to tell settings of an indexing
            ambiguity apart.
    """

    name: str
    label: str
    cell: UnitCell
    group: gemmi.SpaceGroup
    convention: Convention
    keys: Keys
    flags: NDArray[np.int64]
    amplitude: Values


def read_free_reference(path: Path) -> FreeReference:
    """Read a merged MTZ file with a column of free-R flags.

    Raises:
        InputError: it is none, or its flags mark no test set (bad_request).
    """
    mtz = _merged_mtz(path)
    column = mtz.rfree_column()
    if column is None:
        raise _refused(path, f"has no column of free-R flags among {', '.join(mtz.column_labels())}")
    flagged = np.isfinite(column.array)
    whole = _whole(np.array(column.array, dtype=np.float64)[flagged], column.label, path)
    hkl = _indices(mtz, path)[flagged]
    keys, first = np.unique(representatives(hkl, mtz.spacegroup).keys, return_index=True)
    return FreeReference(
        name=path.name,
        label=column.label,
        cell=UnitCell(*mtz.cell.parameters),
        group=mtz.spacegroup,
        convention=convention_of(whole, path),
        keys=keys,
        flags=whole[first],
        amplitude=amplitude_of(mtz)[flagged][first],
    )


def convention_of(flags: NDArray[np.int64], path: Path) -> Convention:
    """What the flags mean.

    Raises:
        InputError: they mark no test set (bad_request).
    """
    values, counts = np.unique(flags, return_counts=True)
    if len(values) == 2:
        rare = int(np.argmin(counts))
        share = float(counts[rare] / len(flags))
        if not SHARE[0] <= share <= SHARE[1]:
            raise _refused(path, f"marks {share:.1%} of its reflections, which is no test set")
        return Convention(int(values[rare]), share, work=int(values[1 - rare]))
    sets = int(values[-1]) + 1 if len(values) else 0
    if len(values) < 2 or values[0] != 0 or sets > MOST_SETS:
        named = ", ".join(map(str, values[:5].tolist()))
        raise _refused(path, f"marks no test set: its flags are {named or 'all missing'}")
    share = float(counts[0] / len(flags))
    if not 0.5 < share * sets < 2:
        raise _refused(path, f"marks {share:.1%} of its reflections with 0 of the flags 0 to {sets - 1}")
    return Convention(0, share, sets=sets)


def amplitude_of(mtz: gemmi.Mtz) -> Values:
    """Amplitudes from the first column of intensities, else of amplitudes, else NaN: for correlations."""
    for kind in ("J", "F"):
        if columns := mtz.columns_with_type(kind):
            values = np.array(columns[0].array, dtype=np.float64)
            return np.sqrt(np.maximum(values, 0)) if kind == "J" else values
    return np.full(mtz.nreflections, np.nan)


def _whole(flags: Values, label: str, path: Path) -> NDArray[np.int64]:
    if not ((flags == np.rint(flags)) & (np.abs(flags) <= MOST_SETS)).all():
        raise _refused(path, f"has a column {label} whose values are no whole numbers up to {MOST_SETS}")
    return flags.astype(np.int64)


def _indices(mtz: gemmi.Mtz, path: Path) -> Indices:
    if not (np.abs(mtz.array[:, :3]) < LARGEST_INDEX).all():
        raise _refused(path, f"has Miller indices that are none, or beyond {LARGEST_INDEX}")
    return np.array(mtz.make_miller_array(), dtype=np.int32)


def _merged_mtz(path: Path) -> gemmi.Mtz:
    try:
        mtz = gemmi.read_mtz_file(str(path))
        UnitCell(*mtz.cell.parameters)
    except (OSError, RuntimeError, ValueError) as error:
        raise _refused(path, f"is not a readable MTZ file ({error})") from error
    if mtz.spacegroup is None:
        raise _refused(path, "names no space group")
    if len(mtz.batches) > 0:
        raise _refused(path, "is not merged")
    return mtz


def _refused(path: Path, why: str) -> BeampaceError:
    return failure(
        Failure.BAD_REQUEST,
        f"--free-r: {path} {why}.",
        "Give a merged MTZ file with a column FreeR_flag or R-free-flags.",
    )
