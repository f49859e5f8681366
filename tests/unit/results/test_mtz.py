"""Reflection files of a result."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
from dataclasses import replace

import gemmi
import numpy as np
import pytest

from beampace.core.cell import UnitCell
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure
from beampace.results.merging import merge
from beampace.results.mtz import free_flags, place_files, place_merged
from beampace.results.reflections import representatives
from beampace.results.unmerged import read_unmerged

UMASK_CLOSED = 0o077


@pytest.fixture
def directory(tmp_path):
    made = tmp_path / "process_001"
    made.mkdir()
    return made


def test_missing_merged_file_is_made_from_the_unmerged_one(record, directory) -> None:
    placed = place_files(directory, record)
    assert placed.files == {"merged": "merged.mtz", "unmerged": "unmerged.mtz"}
    merged = gemmi.read_mtz_file(str(directory / "merged.mtz"))
    ours = merge(read_unmerged(directory / "unmerged.mtz"))
    assert merged.column_labels()[3:] == ["IMEAN", "SIGIMEAN", "NOBS", "FreeR_flag"]
    keys = representatives(merged.make_miller_array(), merged.spacegroup).keys
    order = np.argsort(keys)
    assert (keys[order] == ours.keys).all()
    np.testing.assert_allclose(
        merged.column_with_label("IMEAN").array[order], ours.mean, rtol=1e-5, atol=1e-4
    )


def test_merged_file_of_the_engine_keeps_its_columns(record, directory, tmp_path) -> None:
    place_files(directory, record)
    mtz = gemmi.read_mtz_file(str(directory / "merged.mtz"))
    mtz.column_with_label("IMEAN").label = "F"
    mtz.remove_column(6)
    theirs = tmp_path / "engine" / "merged_by_engine.mtz"
    mtz.write_to_file(str(theirs))
    place_files(directory, replace(record, merged=theirs))
    found = gemmi.read_mtz_file(str(directory / "merged.mtz"))
    assert found.column_labels()[3:] == ["F", "SIGIMEAN", "NOBS", "FreeR_flag"]
    assert found.rfree_column().label == "FreeR_flag"


def test_free_flags_that_are_there_stay(record, directory, tmp_path) -> None:
    place_files(directory, record)
    mtz = gemmi.read_mtz_file(str(directory / "merged.mtz"))
    mtz.rfree_column().array[:] = 7
    theirs = tmp_path / "engine" / "flagged.mtz"
    mtz.write_to_file(str(theirs))
    place_files(directory, replace(record, merged=theirs))
    found = gemmi.read_mtz_file(str(directory / "merged.mtz"))
    assert found.column_labels().count("FreeR_flag") == 1
    assert set(found.rfree_column().array) == {7.0}


def test_hashes_are_those_of_the_files(record, directory) -> None:
    placed = place_files(directory, record)
    content = (directory / "merged.mtz").read_bytes()
    assert placed.hashes["merged"] == "sha256:" + hashlib.sha256(content).hexdigest()


def test_files_are_readable_by_others_whatever_the_umask(record, directory) -> None:
    before = os.umask(UMASK_CLOSED)
    try:
        place_files(directory, record)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o644}
    assert sorted(path.name for path in directory.iterdir()) == ["merged.mtz", "unmerged.mtz"]


def test_engine_may_leave_the_file_where_it_belongs(record, directory) -> None:
    there = directory / "unmerged.mtz"
    there.write_bytes(record.unmerged.read_bytes())
    there.chmod(0o600)
    place_files(directory, replace(record, unmerged=there))
    assert there.stat().st_mode & 0o777 == 0o644


def test_only_files_inside_the_directory_are_listed(record, directory, tmp_path) -> None:
    inside, outside = directory / "engine.log", tmp_path / "elsewhere.log"
    inside.touch()
    outside.touch()
    files = {"log": inside, "other": outside, "gone": directory / "gone.txt"}
    assert "engine.log" in place_files(directory, replace(record, files=files)).files.values()
    assert set(place_files(directory, replace(record, files=files)).files) == {"merged", "unmerged", "log"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"unit_cell": UnitCell(80, 80, 37.5, 90, 90, 90)}, "has the cell"),
        ({"space_group": "P 4"}, "is in P 43 21 2"),
        ({"space_group": "nonsense"}, "is in P 43 21 2"),
    ],
)
def test_contradictions_are_refused(record, directory, change, words) -> None:
    with pytest.raises(InfrastructureError, match=words):
        place_files(directory, replace(record, crystal=replace(record.crystal, **change)))


def test_another_screw_axis_is_no_contradiction(record, directory) -> None:
    place_files(directory, replace(record, crystal=replace(record.crystal, space_group="P 41 21 2")))


def test_garbage_is_refused(record, directory, tmp_path) -> None:
    garbage = tmp_path / "garbage.mtz"
    garbage.write_bytes(b"MTZ " + bytes(100))
    with pytest.raises(InfrastructureError, match=r"garbage\.mtz"):
        place_files(directory, replace(record, unmerged=garbage))


@pytest.mark.parametrize(
    "place", [place_files, lambda directory, record: place_merged(record, directory / "m.mtz")]
)
def test_no_room_for_the_files(record, directory, place) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(InfrastructureError) as caught:
            place(directory, record)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.code is Failure.DISK_FULL
    assert list(directory.iterdir()) == []


def test_test_set_is_one_in_twenty(synthetic) -> None:
    observed = synthetic("P 21 21 21", d_min=2.0, multiplicity=1)
    unique = gemmi.make_miller_array(observed.cell, observed.group, 2.0)
    flags = free_flags(unique, observed.group)
    assert flags.min() == 0 and flags.max() == 19
    share = (flags == 0).mean()
    assert share == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / len(unique)))


def test_twin_related_reflections_share_a_flag() -> None:
    hkl = np.array([(1, 2, 3), (2, 1, 3), (-1, -2, 3), (1, 2, -3), (3, 1, 2)], dtype=np.int32)
    low = free_flags(hkl, gemmi.SpaceGroup("P 41"))
    assert len(set(low[:4])) == 1
    assert (free_flags(hkl, gemmi.SpaceGroup("P 41 21 2")) == low).all()
    cubic = free_flags(hkl, gemmi.SpaceGroup("P 21 3"))
    assert len(set(cubic)) == 1


@pytest.mark.parametrize("group", list(gemmi.spacegroup_table()), ids=lambda group: group.xhm())
def test_equivalents_share_a_flag_in_every_space_group(group) -> None:
    hkl = (-1, 3, 7)
    equivalents = [op.apply_to_hkl(hkl) for op in group.operations().sym_ops]
    assert len(set(free_flags(np.array(equivalents, dtype=np.int32), group))) == 1


def splitmix64(key: int) -> int:
    """The hash in whole numbers, without numpy."""
    whole = 2**64 - 1
    z = (key + 0x9E3779B97F4A7C15) & whole
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & whole
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & whole
    return z ^ (z >> 31)


def test_flags_are_the_hash_of_the_index_and_never_change() -> None:
    """A free set must be the same in every version: these values are fixed for good."""
    hkl = np.array([(1, 0, 0), (0, 1, 0), (1, -2, 3), (4, 5, -6), (-10, 20, 30)], dtype=np.int32)
    flags = free_flags(hkl, gemmi.SpaceGroup("P 21 21 21")).tolist()
    span = 2**21
    packed = [(abs(row[0]) * span + abs(row[1])) * span + abs(row[2]) for row in hkl.tolist()]
    assert flags == [splitmix64(key) % 20 for key in packed]
    assert flags == FIXED


FIXED = [9, 3, 13, 3, 7]
