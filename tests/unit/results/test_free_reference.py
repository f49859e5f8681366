"""Free-R flags of a reference: its conventions, its setting, and what is no reference."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest

from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure
from beampace.results.free_flags import free_flags
from beampace.results.free_reference import read_free_reference
from beampace.results.free_taking import take_free_flags
from beampace.results.mtz import place_files

CELL = (78.5, 78.5, 37.5, 90, 90, 90)
GROUP = "P 43 21 2"


def merged(
    group: str = GROUP,
    cell: tuple[float, ...] = CELL,
    d_min: float = 3.0,
    flags=None,
    label: str = "FreeR_flag",
    amplitude=None,
) -> gemmi.Mtz:
    """A merged file with all reflections; `flags` and `amplitude` are functions of the index."""
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = gemmi.SpaceGroup(group)
    mtz.set_cell_for_all(gemmi.UnitCell(*cell))
    mtz.add_dataset("synthetic")
    hkl = gemmi.make_miller_array(mtz.cell, mtz.spacegroup, d_min)
    mtz.add_column("IMEAN", "J")
    columns = [hkl, amplitude(hkl) ** 2 if amplitude else np.ones(len(hkl))]
    if flags is not None:
        mtz.add_column(label, "I")
        columns.append(flags(hkl))
    mtz.set_data(np.column_stack(columns).astype(np.float32))
    return mtz


def reference(path: Path, **options) -> Path:
    merged(**options).write_to_file(str(path))
    return path


def sets(n: int, seed: int = 5):
    """Flags 0 to n - 1 that are not those of our rule."""
    return lambda hkl: np.random.default_rng(seed).integers(0, n, len(hkl))


def flags_of(mtz: gemmi.Mtz) -> np.ndarray:
    return np.array(mtz.rfree_column().array, dtype=np.int64)


def by_index(mtz: gemmi.Mtz) -> dict[tuple[int, ...], int]:
    return dict(zip(map(tuple, mtz.make_miller_array().tolist()), flags_of(mtz).tolist(), strict=True))


def test_ccp4_flags_are_taken_and_extended_by_our_rule(tmp_path) -> None:
    path = reference(tmp_path / "ref.mtz", flags=sets(20))
    mine = merged(d_min=2.4)
    words = take_free_flags(mine, read_free_reference(path))
    theirs, found = by_index(gemmi.read_mtz_file(str(path))), by_index(mine)
    assert all(found[index] == flag for index, flag in theirs.items())
    beyond = np.array([index for index in found if index not in theirs], dtype=np.int32)
    assert len(beyond) > 1000
    expected = free_flags(beyond, mine.spacegroup)
    assert [found[tuple(index)] for index in beyond.tolist()] == expected.tolist()
    assert f"{len(theirs)} of {len(found)} reflections are those of ref.mtz" in words


@pytest.mark.parametrize(
    ("share", "test", "work", "label"),
    [(0.1, 1, 0, "R-free-flags"), (0.05, 0, 1, "FreeR_flag"), (0.02, -1, 1, "FREE")],
)
def test_two_values_mark_the_rarer_as_test_set(tmp_path, share, test, work, label) -> None:
    def flags(hkl):
        return np.where(np.random.default_rng(1).random(len(hkl)) < share, test, work)

    read = read_free_reference(reference(tmp_path / "ref.mtz", flags=flags, label=label))
    assert (read.convention.test, read.convention.sets, read.label) == (test, 0, label)
    mine = merged(d_min=1.8)
    take_free_flags(mine, read)
    assert mine.rfree_column().label == label
    found = flags_of(mine)
    assert set(found) == {test, work}
    beyond = mine.cell.calculate_d_array(mine.make_miller_array()) < 3.0
    n = int(beyond.sum())
    spread = 4 * np.sqrt(share * (1 - share) / n)
    assert (found[beyond] == test).mean() == pytest.approx(read.convention.share, abs=spread)


def test_flags_that_are_missing_are_made(tmp_path) -> None:
    def flags(hkl):
        return np.where(np.arange(len(hkl)) % 3 == 0, np.nan, sets(20)(hkl))

    read = read_free_reference(reference(tmp_path / "ref.mtz", flags=flags))
    mine = merged()
    take_free_flags(mine, read)
    assert len(read.keys) < mine.nreflections
    assert set(flags_of(mine)) == set(range(20))


def test_another_screw_axis_and_a_shrunken_cell_are_the_same_form(tmp_path) -> None:
    near = (79.6, 79.6, 37.0, 90, 90, 90)
    read = read_free_reference(reference(tmp_path / "ref.mtz", group="P 41 21 2", cell=near, flags=sets(20)))
    take_free_flags(merged(), read)


@pytest.mark.parametrize(
    ("group", "cell"),
    [
        (GROUP, (84.0, 84.0, 37.5, 90, 90, 90)),
        ("P 43", CELL),
        ("I 41 2 2", CELL),
        ("P 21 21 2", (37.5, 78.5, 78.5, 90, 90, 90)),
    ],
)
def test_another_form_is_refused_and_both_cells_are_named(tmp_path, group, cell) -> None:
    read = read_free_reference(reference(tmp_path / "ref.mtz", group=group, cell=cell, flags=sets(20)))
    with pytest.raises(InputError) as caught:
        take_free_flags(merged(), read)
    assert caught.value.code is Failure.BAD_REQUEST
    for part in (f"{cell[0]:.2f}", "78.50 78.50 37.50", gemmi.SpaceGroup(group).xhm(), GROUP):
        assert part in caught.value.detail


def test_another_way_of_the_twofold_axes_is_another_form(tmp_path) -> None:
    cell = (50.0, 50.0, 90.0, 90, 90, 120)
    path = reference(tmp_path / "ref.mtz", group="P 31 1 2", cell=cell, flags=sets(20))
    with pytest.raises(InputError, match="cannot be taken over by index"):
        take_free_flags(merged("P 32 2 1", cell), read_free_reference(path))
    take_free_flags(merged("P 32 1 2", cell), read_free_reference(path))


class TestAmbiguity:
    """P 43 can be indexed in two ways; (h, k, l) is (k, h, -l) in the other."""

    @staticmethod
    def amplitude(hkl, *, other: bool = False):
        turned = hkl[:, [1, 0, 2]] * [1, 1, -1] if other else hkl
        # Equivalents of point group 4: one representative of the four rotations, Friedel's law besides.
        h, k, l = turned.T  # noqa: E741
        four = [(h, k, l), (-k, h, l), (-h, -k, l), (k, -h, l)]
        eight = [np.array(one) * sign for one in four for sign in (1, -1)]
        packed = np.max([(one[0] * 1000 + one[1]) * 1000 + one[2] for one in eight], axis=0)
        return np.array([np.random.default_rng(int(key)).rayleigh() for key in packed])

    def flags(self, hkl):
        """Not symmetric under the operation of the lattice."""
        return (self.amplitude(hkl) * 1e6).astype(int) % 20

    def test_flags_follow_the_reflection_into_the_reference_s_setting(self, tmp_path) -> None:
        path = reference(tmp_path / "ref.mtz", group="P 43", flags=self.flags, amplitude=self.amplitude)
        read = read_free_reference(path)
        mine = merged("P 43", amplitude=lambda hkl: self.amplitude(hkl, other=True))
        words = take_free_flags(mine, read)
        assert "indexed in another way" in words
        hkl = mine.make_miller_array()
        expected = self.flags(hkl[:, [1, 0, 2]] * [1, 1, -1])
        assert (flags_of(mine) == expected).mean() > 0.999
        same = merged("P 43", amplitude=self.amplitude)
        assert "another way" not in take_free_flags(same, read)
        assert (flags_of(same) == self.flags(hkl)).all()

    def test_where_nothing_tells_the_settings_apart_it_is_said(self, tmp_path) -> None:
        read = read_free_reference(reference(tmp_path / "ref.mtz", group="P 43", flags=self.flags))
        assert "is not known" in take_free_flags(merged("P 43"), read)

    @pytest.mark.parametrize("share", [0.0, 0.5])
    def test_where_either_setting_fits_as_well_it_is_said(self, tmp_path, share) -> None:
        """A perfect twin, and amplitudes that have nothing to do with those of the reference."""
        path = reference(tmp_path / "ref.mtz", group="P 43", flags=self.flags, amplitude=self.amplitude)
        noise = np.random.default_rng(3)

        def twinned(hkl):
            both = self.amplitude(hkl) ** 2 + self.amplitude(hkl, other=True) ** 2
            return np.sqrt(share * both + (1 - 2 * share) * noise.exponential(size=len(hkl)))

        mine = merged("P 43", amplitude=twinned)
        read = read_free_reference(path)
        assert take_free_flags(mine, read).endswith("the reference has is not known.")
        assert (flags_of(mine) == self.flags(mine.make_miller_array())).all()

        def symmetric(hkl):
            return free_flags(hkl, gemmi.SpaceGroup("P 43"))

        even = reference(tmp_path / "even.mtz", group="P 43", flags=symmetric, amplitude=self.amplitude)
        words = take_free_flags(merged("P 43", amplitude=twinned), read_free_reference(even))
        assert "is not known" not in words and "another way" not in words

    def test_flags_of_the_lattice_s_symmetry_fit_either_way(self, tmp_path) -> None:
        def flags(hkl):
            return free_flags(hkl, gemmi.SpaceGroup("P 43"))

        read = read_free_reference(reference(tmp_path / "ref.mtz", group="P 43", flags=flags))
        assert "is not known" not in take_free_flags(merged("P 43"), read)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "no column of free-R flags among H, K, L, IMEAN"),
        ({"flags": lambda hkl: np.full(len(hkl), 7)}, "marks no test set"),
        ({"flags": lambda hkl: np.full(len(hkl), np.nan)}, "marks no test set"),
        ({"flags": lambda hkl: np.arange(len(hkl)) % 20 + 1}, "marks no test set"),
        ({"flags": lambda hkl: np.arange(len(hkl)) / 7}, "no whole numbers"),
        ({"flags": lambda hkl: np.arange(len(hkl)) % 3 * 10}, "marks 33.4% of its reflections with 0"),
        ({"flags": lambda hkl: np.arange(len(hkl)) % 2}, "marks 50.0% of its reflections, which is no test"),
        ({"flags": lambda hkl: np.arange(len(hkl)) % 3 // 2}, "marks 33.3% of its reflections, which is no"),
        ({"flags": lambda hkl: (np.arange(len(hkl)) == 7) * 1}, "marks 0.0% of its reflections, which is no"),
        ({"flags": lambda hkl: np.where(np.arange(len(hkl)) % 20, 1e30, 0)}, "no whole numbers up to 1000"),
        ({"flags": lambda hkl: np.where(np.arange(len(hkl)) % 20, -1e30, 0)}, "no whole numbers up to"),
    ],
)
def test_what_is_no_reference_is_refused(tmp_path, options, words) -> None:
    path = reference(tmp_path / "ref.mtz", **options)
    with pytest.raises(InputError, match=words) as caught:
        read_free_reference(path)
    assert caught.value.code is Failure.BAD_REQUEST


@pytest.mark.parametrize("index", [3e6, -3e6, 1e30, np.nan])
def test_indices_no_crystal_has_are_refused(tmp_path, index) -> None:
    mtz = merged(flags=sets(20))
    mtz.column_with_label("K").array[5] = index
    mtz.write_to_file(str(tmp_path / "ref.mtz"))
    with pytest.raises(InputError, match="has Miller indices that are none, or beyond 524288"):
        read_free_reference(tmp_path / "ref.mtz")


def test_what_is_no_merged_mtz_is_refused(tmp_path, record) -> None:
    garbage = tmp_path / "garbage.mtz"
    garbage.write_bytes(b"no such thing" * 100)
    for path, words in (
        (tmp_path / "absent.mtz", "not a readable MTZ"),
        (garbage, "not a readable MTZ"),
        (tmp_path, "not a readable MTZ"),
        (record.unmerged, "is not merged"),
    ):
        with pytest.raises(InputError, match=words):
            read_free_reference(path)


def test_the_merged_file_of_a_result_has_the_flags_of_the_reference(tmp_path, record) -> None:
    read = read_free_reference(reference(tmp_path / "ref.mtz", flags=sets(10), label="R-free-flags"))
    directory = tmp_path / "process_001"
    directory.mkdir()
    placed = place_files(directory, record, read)
    found = gemmi.read_mtz_file(str(directory / "merged.mtz"))
    assert found.column_labels().count("R-free-flags") == 1
    assert "FreeR_flag" not in found.column_labels()
    theirs = by_index(merged(flags=sets(10)))
    assert all(theirs[index] == flag for index, flag in by_index(found).items() if index in theirs)
    assert any("are those of ref.mtz" in remark for remark in placed.remarks)
    # A second dataset with this file as its reference has the same flags.
    again = merged(d_min=2.0)
    take_free_flags(again, read_free_reference(directory / "merged.mtz"))
    assert by_index(found).items() <= by_index(again).items()
