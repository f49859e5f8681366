"""Which file of a program is read, and what of it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from beampace.core.cell import UnitCell
from beampace.engines.recipe import Recipe, read_outputs
from beampace.engines.recipe.outputs import Unreadable
from beampace.engines.recipe.outputs.symmetry import crystal_of
from beampace.engines.recipe.outputs.xds import found_in
from beampace.engines.xds.correct_lp import CorrectLog, ErrorModel, SignalRow
from beampace.engines.xds.shells import ShellRow
from tests.support.recipe_outputs import STARANISO_LOG, aimless_log, table1, xdsapp_results

BOTH = (("table1", "*.table1"), ("staraniso", "*staraniso.log"), ("aimless", "*aimless.log"))


def recipe(*outputs: tuple[str, str]) -> Recipe:
    named = [{"form": form, "file": file} for form, file in outputs]
    return Recipe.model_validate({"name": "tool", "command": ["tool"], "read": "outputs", "outputs": named})


def test_crystal_and_statistics_come_each_from_the_first_that_says_it(tmp_path):
    (tmp_path / "x.table1").write_text(table1())
    (tmp_path / "staraniso.log").write_text(STARANISO_LOG)
    (tmp_path / "aimless.log").write_text(aimless_log())
    reading = read_outputs(recipe(*BOTH), tmp_path)
    assert reading.sources == {"statistics": "x.table1", "crystal": "staraniso.log"}
    assert reading.found.statistics.shells == () and reading.found.versions == {}
    assert reading.found.details["staraniso.log"]["diffraction_limits"] == [2.31, 2.31, 1.85]
    assert reading.found.remarks == (
        "Diffraction is anisotropic: STARANISO finds limits of 1.85, 2.31 and 2.31 Å.",
    )


def test_what_cannot_be_read_is_told_and_the_next_is_read(tmp_path):
    (tmp_path / "x.table1").write_text(table1()[:500])
    (tmp_path / "aimless.log").write_text(aimless_log())
    reading = read_outputs(recipe(*BOTH), tmp_path)
    assert reading.sources == {"statistics": "aimless.log", "crystal": "aimless.log"}
    (remark,) = reading.found.remarks
    assert remark.startswith("x.table1 could not be read: it does not say")


def test_nothing_at_all(tmp_path):
    reading = read_outputs(recipe(*BOTH), tmp_path)
    assert reading.found.crystal is None and reading.sources == {}
    assert "left none of the files" in reading.found.remarks[0] and "*.table1" in reading.found.remarks[0]


def test_the_file_closest_to_the_top_counts_even_when_it_is_cut(tmp_path):
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/aimless.log").write_text(aimless_log(old="6.9", new="6.8"))
    (tmp_path / "aimless.log").write_text(aimless_log())
    assert read_outputs(recipe(*BOTH), tmp_path).found.statistics.overall.multiplicity == 6.9
    (tmp_path / "aimless.log").write_text(aimless_log()[:-300])
    reading = read_outputs(recipe(*BOTH), tmp_path)
    assert reading.found.statistics is None and "aimless.log could not be read" in reading.found.remarks[0]


def test_two_files_side_by_side_are_not_chosen_between(tmp_path):
    for name in ("results_a.txt", "results_b.txt"):
        (tmp_path / name).write_text(xdsapp_results())
    reading = read_outputs(recipe(("xdsapp", "results_*.txt")), tmp_path)
    assert reading.found.statistics is None and "2 files fit 'results_*.txt'" in reading.found.remarks[0]


def test_links_are_not_followed_and_giants_not_read(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "secret.log").write_text(aimless_log())
    (tmp_path / "out/aimless.log").symlink_to(tmp_path / "secret.log")
    assert read_outputs(recipe(*BOTH), tmp_path / "out").found.statistics is None
    with (tmp_path / "out/x.table1").open("wb") as stream:
        stream.truncate(60_000_000)
    remarks = read_outputs(recipe(*BOTH), tmp_path / "out").found.remarks
    assert "no ordinary file of less than 50 MB" in remarks[0]


def test_remarks_are_printable(tmp_path):
    (tmp_path / "x.table1").write_bytes(b"Overall InnerShell OuterShell\nMultiplicity \x1b[2J 1 1\n")
    (remark,) = read_outputs(recipe(*BOTH), tmp_path).found.remarks
    assert remark.isprintable()


ROW = ShellRow(
    d_min=2.0,
    observed=600,
    unique=100,
    possible=110,
    completeness=0.909,
    r_obs=0.05,
    r_expected=0.05,
    compared=600,
    i_over_sigma=12.0,
    r_meas=0.055,
    cc_half=0.99,
    cc_half_significant=True,
    cc_anom=0.1,
    cc_anom_significant=False,
    sig_ano=0.8,
    n_ano=80,
)
SIGNAL = SignalRow(40.0, 10.0, 20.0, 1.0, 0.02, 0.02, 100, 100, 0)
CORRECT = CorrectLog(
    error_model=ErrorModel(1.0, 1e-3, 31.6),
    space_group=96,
    cell=UnitCell(78, 78, 37, 90, 90, 90),
    parameters=None,
    cell_esd=None,
    wilson=None,
    n_accepted=1200,
    n_unique=200,
    n_misfits=3,
    symmetry=(),
    i_over_sigma=(SIGNAL,),
    i_over_sigma_total=SIGNAL,
    subsets=(),
    refined=False,
    shells=(replace(ROW, d_min=3.0), ROW),
    total=replace(ROW, observed=1200, unique=200),
    data_range=(1, 100),
    friedel=True,
    warnings=(),
    errors=(),
    ended=True,
)


def test_a_log_of_correct():
    found = found_in(CORRECT)
    assert [(one.d_max, one.d_min) for one in found.statistics.shells] == [(40.0, 3.0), (3.0, 2.0)]
    assert (found.statistics.overall.n_unique, found.statistics.overall.multiplicity) == (200, 6.0)
    assert (found.crystal.candidates, found.details) == (("P 43 21 2", "P 41 21 2"), {"isa": 31.6})
    apart = found_in(replace(CORRECT, friedel=False))
    assert apart.statistics.overall.n_unique is None and "apart" in apart.remarks[0]
    assert apart.statistics.friedel_apart and not found.statistics.friedel_apart
    assert found.statistics.inner == found.statistics.shells[0]
    assert found_in(replace(CORRECT, shells=(ROW,))).statistics.inner is None
    with pytest.raises(Unreadable):
        found_in(replace(CORRECT, ended=False))
    rotations = found_in(replace(CORRECT, space_group=89)).crystal
    assert len(rotations.candidates) == 8  # a group without screw axes may stand for all of them


SYMBOLS = {
    "C222(1) by number": ("20", (52.7, 149.0, 79.7, 90, 90, 90), ("C 2 2 21",)),
    "enantiomorphs": ("P61", (60, 60, 90, 90, 90, 120), ("P 61", "P 65")),
    "I222": ("I 2 2 2", (60, 70, 90, 90, 90, 90), ("I 2 2 2", "I 21 21 21")),
    "H for hexagonal axes": ("H3", (60, 60, 90, 90, 90, 120), ("R 3",)),
    "rhombohedral axes": ("R3", (60, 60, 60, 80, 80, 80), ("R 3",)),
    "quoted": ("'C 1 2 1'", (60, 40, 50, 90, 105, 90), ("C 1 2 1",)),
}


@pytest.mark.parametrize("name", SYMBOLS)
def test_space_groups(name):
    symbol, cell, candidates = SYMBOLS[name]
    assert crystal_of((symbol,), cell).candidates == candidates


WRONG = (
    ("P 4", (60, 61, 90, 90, 90, 90)),
    ("P 3", (60, 60, 90, 90, 90, 118)),
    ("C 2", (60, 40, 50, 95, 105, 90)),
    ("X 9", (60, 60, 60, 90, 90, 90)),
    ("", (60, 60, 60, 90, 90, 90)),
    ("0", (60, 60, 60, 90, 90, 90)),
    ("P 1", (60, 60, 60, 10, 120, 90)),
    ("P 1", (0.1, 60, 60, 90, 90, 90)),
)


@pytest.mark.parametrize(("symbol", "cell"), WRONG)
def test_cells_and_groups_that_cannot_be(symbol, cell):
    with pytest.raises(Unreadable):
        crystal_of((symbol,), cell)
