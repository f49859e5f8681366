"""Merged and unmerged MTZ files under the names of the contract, and the free-R set."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from beampace.core.cell import UnitCell
from beampace.core.engine import Crystal, EngineRecord
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.results.reflections import Indices, representatives
from beampace.results.unmerged import observations, read_mtz
from beampace.results.write import told_plainly, write_bytes, write_through

MERGED = "merged.mtz"
UNMERGED = "unmerged.mtz"

CELL_TOLERANCE = 0.005
"""Relative difference of cell edges (angles against 90 degrees) that still is the same cell."""

FREE_SETS = 20
"""CCP4's convention: flags 0 to 19, 0 is the test set (5 %)."""

FREE_LABEL = "FreeR_flag"

HOLOHEDRY: Mapping[str, str] = {
    "orthorhombic": "P m m m",
    "tetragonal": "P 4/m m m",
    "trigonal": "P 6/m m m",
    "hexagonal": "P 6/m m m",
    "cubic": "P m -3 m",
}
"""Crystal system to a group of the highest point group of the lattice; with Friedel's law triclinic
and monoclinic groups have it themselves, whatever their setting."""


@dataclass(frozen=True, slots=True)
class PlacedFiles:
    """Files of a result: name to path relative to its directory, and name to `sha256:...`."""

    files: Mapping[str, str]
    hashes: Mapping[str, str]


def place_files(directory: Path, record: EngineRecord) -> PlacedFiles:
    """Bring the engine's reflections into the result directory under the contract's names.

    Both files are read back and compared with the record. The merged file gets a free-R column when
    it has none; when the engine left no merged file, one is made from the unmerged one. Other files
    of the engine are listed where they are, if they lie inside the directory.

    Raises:
        InfrastructureError: a file cannot be read, contradicts the record, or cannot be written.
    """
    place_unmerged(record.unmerged, directory / UNMERGED, record.crystal)
    place_merged(record, directory / MERGED)
    files = {"merged": MERGED, "unmerged": UNMERGED}
    hashes = {name: sha256(directory / path) for name, path in files.items()}
    root = directory.resolve()
    for name, path in record.files.items():
        if path.is_file() and path.resolve().is_relative_to(root):
            files.setdefault(name, path.resolve().relative_to(root).as_posix())
    return PlacedFiles(files, hashes)


def place_unmerged(source: Path, target: Path, crystal: Crystal) -> None:
    """Copy an unmerged file after it was read and compared with the crystal; see `place_files`."""
    check_against(read_mtz(source), crystal, source.name)
    write_through(target, lambda temporary: _copied(source, temporary))


def _copied(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def place_merged(record: EngineRecord, target: Path) -> None:
    """Write the merged file with a free-R column; see `place_files`."""
    if record.merged.is_file() and record.merged.resolve() != record.unmerged.resolve():
        mtz = read_mtz(record.merged)
        check_against(mtz, record.crystal, record.merged.name)
    else:
        mtz = merged_from(read_mtz(record.unmerged), record.unmerged.name)
    add_free_flags(mtz)
    write_bytes(target, mtz.write_to_bytes())


def merged_from(unmerged: gemmi.Mtz, name: str) -> gemmi.Mtz:
    """Weighted means of unmerged observations: IMEAN, SIGIMEAN and the number of observations."""
    observed = observations(unmerged, name)
    intensities = gemmi.Intensities()
    intensities.set_data(observed.cell, observed.group, observed.hkl, observed.intensity, observed.sigma)
    intensities.sort()
    intensities.remove_systematic_absences()
    intensities.merge_in_place(gemmi.DataType.Mean)
    return intensities.prepare_merged_mtz(with_nobs=True)


def check_against(mtz: gemmi.Mtz, crystal: Crystal, name: str) -> None:
    """Compare cell and point group of a file with the record.

    The space group may differ within the point group: which screw axis a file names is a guess.

    Raises:
        InfrastructureError: they contradict each other, or the file has no reflections.
    """
    if mtz.nreflections == 0:
        raise failure(Failure.ENGINE_FAILED, f"{name} holds no reflections.")
    cell = UnitCell(*mtz.cell.parameters)
    if cell.worst_deviation(crystal.unit_cell) > CELL_TOLERANCE:
        raise failure(
            Failure.ENGINE_FAILED, f"{name} has the cell {cell}, the engine reported {crystal.unit_cell}."
        )
    reported = gemmi.find_spacegroup_by_name(crystal.space_group)
    if reported is None or reported.point_group_hm() != mtz.spacegroup.point_group_hm():
        raise failure(
            Failure.ENGINE_FAILED,
            f"{name} is in {mtz.spacegroup.hm}, the engine reported {crystal.space_group}.",
        )


def add_free_flags(mtz: gemmi.Mtz) -> None:
    """Add `FreeR_flag` (0 to 19) unless the file has a free-R column already."""
    if mtz.rfree_column() is not None:
        return
    flags = free_flags(np.array(mtz.make_miller_array(), dtype=np.int32), mtz.spacegroup)
    column = mtz.add_column(FREE_LABEL, "I", dataset_id=mtz.datasets[-1].id)
    column.array[:] = flags


def free_flags(hkl: Indices, group: gemmi.SpaceGroup) -> NDArray[np.int64]:
    """Free-R flags that depend on nothing but the index and the lattice's point group.

    Reflections related by the highest point group of the lattice share a flag, so twins, other
    settings of an indexing ambiguity and later datasets of the same lattice agree.
    """
    keys = representatives(hkl, holohedry(group)).keys.astype(np.uint64)
    return (mixed(keys) % np.uint64(FREE_SETS)).astype(np.int64)


def holohedry(group: gemmi.SpaceGroup) -> gemmi.SpaceGroup:
    """A group with the highest point group of the lattice, in the same axes."""
    if group.ext == "R":
        return gemmi.SpaceGroup("R -3 m:R")
    name = HOLOHEDRY.get(group.crystal_system_str())
    return gemmi.SpaceGroup(name) if name else group


def mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The splitmix64 hash (Steele, Lea & Flood 2014, OOPSLA): the same on every machine."""
    with np.errstate(over="ignore"):
        z = keys + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def sha256(path: Path) -> str:
    """`sha256:` and the digest of a file."""
    with told_plainly(path), path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
