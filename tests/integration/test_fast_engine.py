"""The fast engine from frames to merged data, against the truth of simulations."""

from pathlib import Path

import gemmi
import numpy as np
import pytest

from beampace.core.cell import UnitCell
from beampace.core.ports import RecordedProgress
from beampace.core.taxonomy import Exit
from beampace.engines.fast import FastEngine
from beampace.simulate.groups import CRYSTALS
from beampace.simulate.scenario import HeaderErrors
from beampace.work import ProcessOptions, Switch, process
from tests.support.truth import compare
from tests.support.xds_runs import Scan, simulated


def run(scan: Scan, out: Path, progress=None, **options):
    asked = ProcessOptions(scan.master, engine="fast", out=out, patience_s=0.0, **options)
    return process(asked, {"fast": FastEngine()}, progress or RecordedProgress())


@pytest.fixture(scope="module")
def lysozyme(tmp_path_factory) -> Scan:
    return simulated(tmp_path_factory.mktemp("raw"), degrees=45.0)


@pytest.mark.parametrize("name", ["P1", "C2", "P212121", "P43212", "P3221", "I23"])
def test_groups_cells_and_intensities_are_the_true_ones(tmp_path, name):
    scan = simulated(tmp_path / "raw", name, degrees=60.0)
    finished = run(scan, tmp_path / "out")
    crystal, spec = finished.result.crystal, CRYSTALS[name]
    assert finished.exit == Exit.RESULT
    groups = [gemmi.SpaceGroup(symbol) for symbol in crystal.space_group_candidates]
    assert spec.group.number in {group.number for group in groups}
    assert crystal.laue_confidence > 0.8
    agreed = compare(tmp_path / "out" / "merged.mtz", Path(f"{scan.truth}_truth.npz"), spec.cell, spec.group)
    assert agreed.cc > 0.99
    assert agreed.cc_outer > 0.9
    assert agreed.cell_error < 0.002


def test_the_result_has_what_every_engine_gives(tmp_path, lysozyme):
    progress = RecordedProgress()
    finished = run(lysozyme, tmp_path / "out", progress)
    result = finished.result
    assert [name for name, _ in progress.stages] == [
        "wait for frames", "find spots", "index", "integrate", "scale", "statistics",
    ]  # fmt: skip
    assert {"merged", "unmerged"} <= set(result.files)
    assert result.crystal.mosaicity_deg == pytest.approx(0.15, rel=0.15)
    assert {"spots", "indexed", "r_merge", "i_over_sigma"} <= set(result.columns)
    assert {"spots", "index", "integrate", "scale"} <= set(result.timing)
    mtz = gemmi.read_mtz_file(str(tmp_path / "out" / "merged.mtz"))
    assert {"IMEAN", "F", "FreeR_flag"} <= {column.label for column in mtz.columns}


def test_the_number_of_cores_changes_nothing(tmp_path, lysozyme):
    one, two = (run(lysozyme, tmp_path / str(cores), cores=cores) for cores in (1, 2))
    values = [gemmi.read_mtz_file(str(end.directory / "merged.mtz")).array for end in (one, two)]
    np.testing.assert_array_equal(*values)


def test_a_part_of_the_frames_and_a_limit(tmp_path, lysozyme):
    result = run(lysozyme, tmp_path / "out", images=(21, 80), d_min=2.5).result
    assert result.verdict.code in ("merged", "little_data")
    assert result.statistics.overall.d_min == pytest.approx(2.5, abs=0.02)
    assert min(frame for frame in result.columns["frame"]) >= 20


def test_a_space_group_that_is_asked_for(tmp_path, lysozyme):
    crystal = run(lysozyme, tmp_path / "out", space_group="P 43 21 2").result.crystal
    assert (crystal.space_group, crystal.space_group_sure) == ("P 43 21 2", True)
    verdict = run(lysozyme, tmp_path / "no", space_group="P 6").result.verdict
    assert (verdict.code, "P 6" in verdict.words) == ("not_integrated", True)


def test_wrong_headers_are_found_out(tmp_path):
    wrong = HeaderErrors(axis_flipped=True, beam_shift=(12.0, -7.0))
    finished = run(simulated(tmp_path / "raw", header=wrong), tmp_path / "out")
    assert UnitCell(*finished.result.crystal.unit_cell).a == pytest.approx(78.5, rel=0.003)
    said = " ".join(finished.result.verdict.warnings)
    assert "turns the other way" in said


def test_nothing_diffracts(tmp_path):
    scan = simulated(tmp_path / "raw", degrees=5.0, crystal=None)
    finished = run(scan, tmp_path / "out")
    assert (finished.exit, finished.result.verdict.code) == (Exit.SCIENCE, "no_diffraction")


def test_cancelling(tmp_path, lysozyme):
    class Cancelling(Switch):
        def stage(self, name: str, total: int = 0) -> None:
            if name == "integrate":
                self.switch_off("enough")

    assert run(lysozyme, tmp_path / "out", Cancelling()).exit == Exit.CANCELLED
