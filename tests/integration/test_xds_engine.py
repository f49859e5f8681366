"""The XDS engine from frames to merged data and through every error of its table.

XDS is licensed: a checker stands in its place (tests/support/xds_checker), which reads XDS.INP as strictly as
XDS and knows from the simulation what the data hold.
"""

import json
import re
import shutil
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import gemmi
import pytest

from beampace.core.cell import UnitCell
from beampace.core.taxonomy import Exit, Failure
from beampace.engines.runner import Outcome
from beampace.engines.xds.complaints import TABLE, complaint_of, told_in
from beampace.engines.xds.hkl_file import read_hkl
from beampace.engines.xds.inp import Run
from beampace.engines.xds.integration import _judged
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.program import Ended, _evidence
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.fate import Fate
from beampace.simulate.groups import CRYSTALS
from beampace.simulate.scenario import HeaderErrors
from beampace.work import ProcessOptions, process
from beampace.work.cancel import Switch
from tests.support.programs import programs_in
from tests.support.truth import compare
from tests.support.xds_checker.failures import ERRORS
from tests.support.xds_runs import Scan, installed, run_xds, simulated


@pytest.fixture(scope="module")
def scan(tmp_path_factory) -> Scan:
    """20 degrees of tetragonal lysozyme."""
    return simulated(tmp_path_factory.mktemp("raw"))


SUCCESS = ("merged", "little_data")
ENDED = " elapsed wall-clock time       0.5 sec\n"

RECOVERED = {
    # how a step ends, how often: what XDS is started for then
    "INIT:cannot_read_image:1": {"IDXREF": 1, "INTEGRATE": 1},
    "XYCORR:cannot_open_file:1": {"IDXREF": 1, "INTEGRATE": 1},
    "IDXREF:cannot_read_spots:1": {"IDXREF": 2},
    "IDXREF:few_indexed:1": {"IDXREF": 2},
    "IDXREF:few_indexed": {"IDXREF": 5},  # four remedies, then the best lattice is gone on with
    "IDXREF:inaccurate:2": {"IDXREF": 3},
    "IDXREF:few_accepted:1": {"IDXREF": 2},
    "IDXREF:small_dimension:1": {"IDXREF": 2},
    "IDXREF:not_unique": {"IDXREF": 1},
    "INTEGRATE:neggia_error:1": {"INTEGRATE": 2},
    "INTEGRATE:cannot_open_file:1": {"INTEGRATE": 2},
    "INTEGRATE:spot_size": {"INTEGRATE": 2},
    "CORRECT:refinement_not_accepted": {"CORRECT": 2},
    "CORRECT:no_acceptable_group": {"CORRECT": 2},
}

FAILED = {
    # how a step ends: the verdict, and how often XDS is started for the step
    "*:licence_expired": (Failure.LICENCE_EXPIRED, 0),
    "INIT:cannot_read_image": (Failure.ENGINE_FAILED, 0),
    "INTEGRATE:neggia_error": (Failure.ENGINE_FAILED, 2),
    "INTEGRATE:cannot_open_file": (Failure.ENGINE_FAILED, 2),
    "IDXREF:cannot_read_spots": (Failure.ENGINE_FAILED, 2),
    "IDXREF:too_few_collected": (Failure.TOO_FEW_SPOTS, 2),
    "IDXREF:few_accepted": (Failure.TOO_FEW_SPOTS, 2),
    "IDXREF:two_dimensional": (Failure.NOT_INDEXED, 3),
    "IDXREF:small_dimension": (Failure.NOT_INDEXED, 3),
    "IDXREF:cannot_index": (Failure.NOT_INDEXED, 5),
    "IDXREF:refinement_failed": (Failure.NOT_INDEXED, 5),
    "IDXREF:cannot_interpret_lattice": (Failure.NOT_INDEXED, 1),
    "INTEGRATE:stronghkl": (Failure.NOT_INTEGRATED, 1),
    "INTEGRATE:end_of_file": (Failure.NOT_INTEGRATED, 1),
    "CORRECT:illegal_group": (Failure.NOT_INTEGRATED, 1),
    "CORRECT:useless_data": (Failure.NOT_INTEGRATED, 1),
    "INTEGRATE:crash": (Failure.ENGINE_FAILED, 1),
    "CORRECT:silent": (Failure.ENGINE_FAILED, 1),
}

ELSEWHERE = {
    "fork_failed": "test_jobs_that_did_not_run_are_run_as_one",
    "common_reflections": "test_words_of_xscale_and_the_system",
    "inaccurate_scaling": "test_words_of_xscale_and_the_system",
    "misplaced_parameter": "test_words_of_xscale_and_the_system",
    "disk_full": "test_words_of_xscale_and_the_system",
    "out_of_memory": "test_words_of_xscale_and_the_system",
}


def name_of(case: str) -> str:
    return case.split(":")[1]


def test_every_row_of_the_table_is_met():
    met = {name_of(case) for case in (*RECOVERED, *FAILED)} | set(ELSEWHERE)
    assert {row.name for row in TABLE} <= met
    assert all(word in globals() for word in ELSEWHERE.values())


@pytest.mark.parametrize("case", RECOVERED)
def test_what_may_help_is_tried_once_and_told(tmp_path, scan, case):
    ran = run_xds(scan, tmp_path, case)
    assert ran.code in SUCCESS, ran.finished.result.verdict
    assert {step: ran.runs(step) for step in RECOVERED[case]} == RECOVERED[case]
    row = complaint_of(name_of(case))
    said = " ".join((*ran.finished.result.verdict.warnings, *ran.progress.notes))
    assert row.words in said or case.startswith(("XYCORR", "INIT")), said


@pytest.mark.parametrize("case", FAILED)
def test_what_does_not_help_ends_in_its_category_with_its_words(tmp_path, scan, case):
    code, runs = FAILED[case]
    ran = run_xds(scan, tmp_path, case)
    verdict = ran.finished.result.verdict
    assert verdict.code == code.value
    step, name = case.split(":")[:2]
    if name not in ("crash", "silent", "licence_expired", "cannot_read_image"):
        assert complaint_of(name).words in verdict.words
    if name in ERRORS:
        assert f"{step} said:" in verdict.words
    assert step in ("*", "INIT") or ran.runs(step) == runs
    assert verdict.next_step
    assert len(ran.finished.result.tries) <= 1  # the ladder of other engines is not climbed as well


def test_jobs_that_did_not_run_are_run_as_one(tmp_path, monkeypatch):
    """Three jobs of ten degrees, if there are cores for them; forkxds does not start them."""
    scan = simulated(tmp_path / "raw", degrees=30.0)
    for variant in ("fork_failed_lp", "fork_failed_bin"):
        ran = run_xds(scan, tmp_path / variant, f"INTEGRATE:{variant}", cores=12)
        assert ran.code in SUCCESS
        assert ran.runs("INTEGRATE") == 2
        assert complaint_of("fork_failed").words in " ".join(ran.progress.notes)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (" !!! ERROR !!! INSUFFICIENT NUMBER OF COMMON STRONG REFLECTIONS.", "common_reflections"),
        (" !!! WARNING !!! INACCURATE SCALING FACTORS.", "inaccurate_scaling"),
        (" !!! ERROR !!! MISPLACED PARAMETER", "misplaced_parameter"),
        ("forrtl: No space left on device", "disk_full"),
        ("forrtl: severe (41): insufficient virtual memory", "out_of_memory"),
        (' !!! ERROR !!! CANNOT OPEN OR READ "mcolspot.tmp"', "fork_failed"),
        (" !!! ERROR !!! SOMETHING ENTIRELY NEW", "unknown"),
    ],
)
def test_words_of_xscale_and_the_system(line, name):
    (told,) = told_in(f" all is well\n{line}\n")
    assert told.complaint.name == name
    assert told.error("XSCALE").code is complaint_of(name).code


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("forrtl: severe (174): SIGSEGV, segmentation fault occurred", "crashed"),
        ("NEGGIA ERROR: CANNOT OPEN FRAME 17", "neggia_error"),
        ("write: No space left on device", "disk_full"),
        ("LICENSE EXPIRED 31-Jan-2026", "licence_expired"),
    ],
)
def test_what_is_said_on_the_terminal_counts_although_the_files_are_there(tmp_path, text, name):
    came = evidence(tmp_path, text)
    assert came.failed.complaint.name == name


def test_a_crash_or_a_cut_file_is_no_success(tmp_path):
    assert evidence(tmp_path, "all is well").failed is None
    assert evidence(tmp_path, "", returncode=-11).failed.complaint.name == "silent"
    assert "INTEGRATE.HKL" in evidence(tmp_path, "", whole=False).failed.line
    assert "end of INTEGRATE.LP" in evidence(tmp_path, "", log="").failed.line


def test_a_warning_is_never_the_end(tmp_path):
    (told,) = told_in(" !!! WARNING !!! SOLUTION IS INACCURATE\n")
    assert told.warning
    assert evidence(tmp_path, " !!! WARNING !!! CANNOT ALLOCATE THE CACHE").failed is None


def evidence(directory: Path, said: str, *, returncode: int = 0, whole: bool = True, log: str = ENDED):
    """What is made of an INTEGRATE that left its files."""
    (directory / "INTEGRATE.LP").write_text(log)
    (directory / "INTEGRATE.HKL").write_text("!header\n" + ("!END_OF_DATA\n" if whole else "1 2 3"))
    return _evidence(Run(("INTEGRATE",), (1, 5)), directory, Outcome(returncode, said, 1.0))


def test_legends_are_no_complaints():
    assert told_in("  -1: CANNOT OPEN OR READ IMAGE FILE\n") == ()


def test_merged_data_and_everything_the_result_promises(tmp_path, scan):
    ran = run_xds(scan, tmp_path)
    result, out = ran.finished.result, tmp_path / "out"
    assert ran.finished.exit == Exit.RESULT
    assert result.crystal.laue_group == "4/mmm"
    assert result.crystal.laue_confidence > 0.9
    assert result.versions["xds"] == "Jan 10, 2022 BUILT=20250714"
    assert {"XDS_ASCII.HKL", "CORRECT.LP", "XDS.INP", "merged", "unmerged"} <= set(result.files)
    assert all((out / path).is_file() for path in result.files.values())
    assert "TEST CHECKER, NOT XDS" in (ran.place / "CORRECT.LP").read_text()
    assert [name for name, _ in ran.progress.stages].count("XDS IDXREF") == 1
    assert not any("COLSPOT" in name for name, _ in ran.progress.stages)
    truth = Path(f"{scan.truth}_truth.npz")
    crystal = CRYSTALS["P43212"]
    agreed = compare(out / "merged.mtz", truth, crystal.cell, crystal.group)
    assert agreed.cc > 0.99
    merged = gemmi.read_mtz_file(str(out / "merged.mtz"))
    assert {"IMEAN", "SIGIMEAN", "FreeR_flag", "F", "SIGF"} <= {column.label for column in merged.columns}


@pytest.mark.parametrize("name", ["P1", "C2", "P212121", "P3221", "I23"])
def test_laue_groups(tmp_path, name):
    scan = simulated(tmp_path / "raw", name, degrees=60.0)
    result = run_xds(scan, tmp_path).finished.result
    group = CRYSTALS[name].group
    candidates = [gemmi.SpaceGroup(symbol) for symbol in result.crystal.space_group_candidates]
    assert {one.laue_str() for one in candidates} == {group.laue_str()}
    assert group.number in {one.number for one in candidates}
    assert UnitCell(*result.crystal.unit_cell).volume == pytest.approx(
        CRYSTALS[name].unit_cell.volume, rel=0.01
    )


def test_the_stock_run_gives_the_same(tmp_path, scan):
    quick, stock = run_xds(scan, tmp_path / "quick"), run_xds(scan, tmp_path / "stock", stock=True)
    assert stock.code == quick.code
    assert stock.runs("COLSPOT") == 1
    assert stock.finished.result.engine == "xds-stock"
    one, other = (ran.finished.result.statistics.overall for ran in (quick, stock))
    assert one.n_observations == pytest.approx(other.n_observations, rel=0.01)
    assert stock.finished.result.crystal.space_group == quick.finished.result.crystal.space_group


@pytest.mark.parametrize("case", ["IDXREF:few_indexed:1", "INTEGRATE:spot_size", "CORRECT:useless_data:1"])
def test_a_stock_run_that_fails_is_gone_on_with_step_by_step(tmp_path, scan, case):
    ran = run_xds(scan, tmp_path, case, stock=True)
    assert ran.code in SUCCESS
    assert ran.runs("COLSPOT") == 1
    assert ran.runs("INTEGRATE") == (1 if case.startswith("CORRECT") else 2)


@pytest.mark.parametrize("case", ["IDXREF:cannot_index", "INTEGRATE:stronghkl", "CORRECT:illegal_group"])
def test_a_stock_run_that_cannot_be_mended_ends_as_the_quick_one(tmp_path, scan, case):
    assert run_xds(scan, tmp_path, case, stock=True).code == FAILED[case][0].value


def test_a_spindle_that_turns_the_other_way_is_found_out(tmp_path):
    scan = simulated(tmp_path / "raw", header=HeaderErrors(axis_flipped=True))
    ran = run_xds(scan, tmp_path)
    assert ran.code in SUCCESS
    assert any("spindle turning the other way" in word for word in ran.finished.result.verdict.warnings)


def test_a_backward_scan(tmp_path):
    scan = simulated(tmp_path / "raw", width=-0.5, start=40.0)
    assert run_xds(scan, tmp_path).code in SUCCESS


def test_frames_without_the_crystal_are_left_out_when_integration_fails(tmp_path):
    scan = simulated(tmp_path / "raw", degrees=30.0, fate=Fate(leaves=(40, 45)))
    ran = run_xds(scan, tmp_path, "INTEGRATE:stronghkl:1")
    assert ran.code in SUCCESS
    assert ran.runs("INTEGRATE") == 2
    assert any(
        "frames that have indexed spots 1 to 4" in word for word in ran.finished.result.verdict.warnings
    )


def test_a_part_of_the_frames(tmp_path, scan):
    ran = run_xds(scan, tmp_path, images=(11, 40))
    assert ran.code in SUCCESS
    z = read_hkl(ran.place / "XDS_ASCII.HKL").column("ZD")
    assert z.min() >= 10 and z.max() <= 40


@pytest.mark.parametrize(
    ("group", "cell", "expected"),
    [
        ("P 43 21 2", None, "P 43 21 2"),
        ("P 4 2 2", None, "P 4 2 2"),
        ("P 21 21 21", None, "P 21 21 21"),
        ("P 43 21 2", (78.5, 78.5, 37.5, 90, 90, 90), "P 43 21 2"),
        ("P 21 2 21", (78.5, 37.5, 78.5, 90, 90, 90), "P 21 21 2"),
    ],
)
def test_a_space_group_that_is_asked_for(tmp_path, scan, group, cell, expected):
    asked = UnitCell(*cell) if cell else None
    ran = run_xds(scan, tmp_path, space_group=group, unit_cell=asked)
    assert ran.code in SUCCESS, ran.finished.result.verdict
    assert ran.finished.result.crystal.space_group == expected
    assert ran.finished.result.crystal.space_group_sure


def test_the_axis_of_a_group_that_is_asked_for_is_that_of_the_absences(tmp_path):
    """P 21 21 2 has one axis without a screw, and CORRECT names axes by their length."""
    crystal = CrystalSpec(UnitCell(38.3, 51.8, 66.6, 90, 90, 90), "P 2 21 21", b_factor=25)
    scan = simulated(tmp_path / "raw", degrees=120.0, crystal=crystal)
    result = run_xds(scan, tmp_path, space_group="P 21 21 2").finished.result
    assert result.crystal.space_group == "P 21 21 2"
    assert result.crystal.unit_cell == pytest.approx((51.8, 66.6, 38.3, 90, 90, 90), rel=0.01)


def test_frames_xds_could_not_read_are_not_lost_without_a_word(tmp_path, scan):
    """INTEGRATE goes on without them and says so in a column only."""
    text = (run_xds(scan, tmp_path).place / "INTEGRATE.LP").read_text()
    went_well = Ended("INTEGRATE", None, (), text)
    assert _judged(went_well, frozenset()).failed is None
    lines = text.splitlines(keepends=True)
    row = next(n for n, line in enumerate(lines) if re.match(r"\s+7\s+0\s", line))
    lines[row] = lines[row].replace(" 0 ", "-1 ", 1)
    unread = replace(went_well, text="".join(lines))
    assert _judged(unread, frozenset()).failed.complaint.name == "cannot_read_image"
    assert _judged(unread, frozenset({7})).failed is None


def test_logs_of_a_version_nobody_knows_do_no_harm(tmp_path, scan, monkeypatch):
    def unknown(text: str):
        raise LpError("a table nobody knows")

    monkeypatch.setattr("beampace.engines.xds.indexing.parse_idxref", unknown)
    monkeypatch.setattr("beampace.engines.xds.corrected.parse_correct", unknown)
    monkeypatch.setattr("beampace.engines.xds.integration.parse_integrate", unknown)
    ran = run_xds(scan, tmp_path)
    assert ran.code in SUCCESS
    assert any("cannot be read" in word for word in ran.finished.result.verdict.warnings)


def test_a_space_group_the_lattice_has_not(tmp_path, scan):
    verdict = run_xds(scan, tmp_path, space_group="P 6").finished.result.verdict
    assert verdict.code == "not_integrated"
    assert "P 6" in verdict.words


def test_a_wrong_cell_is_left_and_told(tmp_path, scan):
    ran = run_xds(scan, tmp_path, space_group="P 43 21 2", unit_cell=UnitCell(50, 50, 60, 90, 90, 90))
    assert ran.code in SUCCESS
    assert any("given cell" in word for word in ran.finished.result.verdict.warnings)


def test_a_limit_that_is_asked_for(tmp_path, scan):
    result = run_xds(scan, tmp_path, d_min=2.5).finished.result
    assert result.statistics.overall.d_min == pytest.approx(2.5, abs=0.02)


def test_cancelling_leaves_no_program(tmp_path, scan):
    switch, engine = Switch(), installed(tmp_path / "bin", scan, "INTEGRATE:hang")

    class Cancelling(Switch):
        def stage(self, name: str, total: int = 0) -> None:
            if "INTEGRATE" in name:
                threading.Timer(1.0, switch.switch_off, ("enough",)).start()

        def check(self) -> None:
            switch.check()

    options = ProcessOptions(scan.master, engine="xds", out=tmp_path / "out", patience_s=0.0)
    assert process(options, {"xds": engine}, Cancelling()).exit == Exit.CANCELLED
    assert json.loads((tmp_path / "out" / "result.json").read_text())["verdict"]["code"] == "cancelled"
    assert programs_in(tmp_path) == []
    assert not [thread for thread in threading.enumerate() if "xds" in thread.name]


def test_an_end_of_the_licence_is_told_in_advance(tmp_path, scan):
    until = datetime.now(UTC).date() + timedelta(days=10)
    engine = installed(tmp_path / "bin", scan, until=f"{until:%d-%b-%Y}")
    options = ProcessOptions(scan.master, engine="xds", out=tmp_path / "out", patience_s=0.0)
    warnings = process(options, {"xds": engine}, Switch()).result.verdict.warnings
    assert any("licence of XDS ends on" in word for word in warnings)


def test_no_plug_in_and_no_program(tmp_path, scan):
    engine = installed(tmp_path / "bin", scan)
    assert engine.missing() == ()
    (tmp_path / "bin" / "dectris-neggia.so").unlink()
    (sentence,) = engine.missing()
    assert "no plug-in" in sentence and "BEAMPACE_XDS_LIB" in sentence
    (tmp_path / "bin" / "mintegrate_par").unlink()
    if shutil.which("mintegrate_par") is None:
        (sentence,) = engine.missing()
        assert "mintegrate_par" in sentence
        assert engine.versions() == {}


def test_the_master_keeps_its_long_name(tmp_path):
    """The template stays within a line whatever the dataset is called."""
    short = simulated(tmp_path / "raw")
    long = Path(tmp_path / "raw" / ("crystal with blanks " * 5 + "_master.h5"))
    short.master.rename(long)
    assert run_xds(Scan(long, short.truth), tmp_path).code in SUCCESS
