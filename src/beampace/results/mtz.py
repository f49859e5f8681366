"""Merged and unmerged MTZ files under the names of the contract."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gemmi

from beampace.core.cell import UnitCell
from beampace.core.engine import Crystal, EngineRecord
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.results.amplitudes import add_amplitudes
from beampace.results.free_flags import add_free_flags
from beampace.results.free_reference import FreeReference
from beampace.results.free_taking import take_free_flags
from beampace.results.merged_mtz import merged_from
from beampace.results.unmerged import read_mtz
from beampace.results.write import told_plainly, write_bytes, write_through

MERGED = "merged.mtz"
UNMERGED = "unmerged.mtz"

CELL_TOLERANCE = 0.005
"""Relative difference of cell edges (angles against 90 degrees) that still is the same cell."""


@dataclass(frozen=True, slots=True)
class PlacedFiles:
    """Files of a result.

    Attributes:
        files: name to path relative to the result directory; hashes: name to `sha256:...`.
        remarks: what should be known of them, as sentences.
    """

    files: Mapping[str, str]
    hashes: Mapping[str, str]
    remarks: tuple[str, ...] = ()


def place_files(directory: Path, record: EngineRecord, reference: FreeReference | None = None) -> PlacedFiles:
    """Bring the engine's reflections into the result directory under the contract's names.

    Both files are read back and compared with the record. When the engine left no merged file, one is made
    from the unmerged one. The merged file gets amplitudes and a free-R column when it has none; flags of a
    reference replace its own. Other files of the engine are listed where they are, if they lie inside the
    directory.

    Raises:
        InfrastructureError: a file cannot be read, contradicts the record, or cannot be written.
        InputError: the reference is of another crystal form (bad_request).
    """
    place_unmerged(record.unmerged, directory / UNMERGED, record.crystal)
    remarks = place_merged(record, directory / MERGED, reference)
    files = {"merged": MERGED, "unmerged": UNMERGED}
    hashes = {name: sha256(directory / path) for name, path in files.items()}
    root = directory.resolve()
    for name, path in record.files.items():
        if path.is_file() and path.resolve().is_relative_to(root):
            files.setdefault(name, path.resolve().relative_to(root).as_posix())
    return PlacedFiles(files, hashes, remarks)


def place_unmerged(source: Path, target: Path, crystal: Crystal) -> None:
    """Copy an unmerged file after it was read and compared with the crystal; see `place_files`."""
    check_against(read_mtz(source), crystal, source.name)
    write_through(target, lambda temporary: _copied(source, temporary))


def _copied(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def place_merged(
    record: EngineRecord, target: Path, reference: FreeReference | None = None
) -> tuple[str, ...]:
    """Write the merged file with amplitudes and a free-R column; see `place_files`. Returns remarks."""
    if record.merged.is_file() and record.merged.resolve() != record.unmerged.resolve():
        mtz = read_mtz(record.merged)
        check_against(mtz, record.crystal, record.merged.name)
    else:
        mtz = merged_from(read_mtz(record.unmerged), record.unmerged.name)
    remarks = (add_amplitudes(mtz), take_free_flags(mtz, reference) if reference else "")
    add_free_flags(mtz)
    write_bytes(target, mtz.write_to_bytes())
    return tuple(filter(None, remarks))


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


def sha256(path: Path) -> str:
    """`sha256:` and the digest of a file."""
    with told_plainly(path), path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
