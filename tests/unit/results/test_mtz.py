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
from beampace.results.mtz import place_files, place_merged
from beampace.results.reflections import representatives
from beampace.results.unmerged import read_unmerged

UMASK_CLOSED = 0o077
INTENSITIES = ["IMEAN", "SIGIMEAN", "NOBS", "I(+)", "SIGI(+)", "I(-)", "SIGI(-)"]
AMPLITUDES = ["F", "SIGF", "F(+)", "SIGF(+)", "F(-)", "SIGF(-)"]


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
    assert merged.column_labels()[3:] == [*INTENSITIES, *AMPLITUDES, "FreeR_flag"]
    assert "".join(column.type for column in merged.columns) == "HHHJQIKMKMFQGLGLI"
    assert merged.datasets[-1].wavelength == 1.0
    keys = representatives(merged.make_miller_array(), merged.spacegroup).keys
    order = np.argsort(keys)
    assert (keys[order] == ours.keys).all()
    np.testing.assert_allclose(
        merged.column_with_label("IMEAN").array[order], ours.mean, rtol=1e-5, atol=1e-4
    )


def test_merged_file_of_the_engine_keeps_its_columns(record, directory, tmp_path) -> None:
    place_files(directory, record)
    mtz = gemmi.read_mtz_file(str(directory / "merged.mtz"))
    mtz.column_with_label("F").label = "FOBS"
    mtz.remove_column(mtz.column_with_label("FreeR_flag").idx)
    theirs = tmp_path / "engine" / "merged_by_engine.mtz"
    mtz.write_to_file(str(theirs))
    place_files(directory, replace(record, merged=theirs))
    found = gemmi.read_mtz_file(str(directory / "merged.mtz"))
    assert found.column_labels()[3:] == [*INTENSITIES, "FOBS", *AMPLITUDES[1:], "FreeR_flag"]
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
