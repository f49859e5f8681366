"""The published form of a result."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from beampace.core.cell import UnitCell
from beampace.core.engine import Request, Tweak
from beampace.core.errors import failure
from beampace.core.frames import FrameLedger
from beampace.core.taxonomy import Failure
from beampace.core.verdict import Verdict
from beampace.results.build import build_result
from beampace.results.published import json_schema, published_schema, schema_page
from beampace.results.schema import Result, Try
from beampace.results.statistics import statistics_of
from beampace.results.verdict import judge

DOCS = Path(__file__).resolve().parents[3] / "docs" / "reference"


@pytest.fixture
def result(dataset, ledger, record) -> Result:
    found = statistics_of(record.unmerged)
    request = Request(
        dataset, Path("c_master.h5"), Path("out"), (1, 98), 2, "P 43 21 2", UnitCell(1, 2, 3, 90, 90, 90),
        tweaks=frozenset({Tweak.SMALL_SWEEP, Tweak.BEAM_SEARCH}),
    )  # fmt: skip
    tries = [Try(engine="dials", what="Defaults", why="First try.", outcome="merged", seconds=math.nan)]
    return build_result(
        "process", dataset, ledger, request, record, judge(dataset, ledger, record, found),
        {"last_frame_to_result_s": 12.3456, "broken": math.nan}, {"seed": 3}, {"beampace": "1"}, tries,
        statistics=found, files={"merged": "merged.mtz"},
    )  # fmt: skip


def test_published_schema_is_current() -> None:
    assert published_schema() == json_schema(), "write schemas/result-1.schema.json anew, or raise its number"


def test_reference_page_is_current() -> None:
    assert (DOCS / "result.md").read_text() == schema_page(), "run `make docs`"


def test_the_page_says_what_readers_have_to_bear() -> None:
    page = " ".join(schema_page().split())
    assert "Readers must ignore keys they do not know" in page and "counts may be null" in page


def test_round_trip(result) -> None:
    assert Result.from_json(result.to_json()) == result


def test_contract_of_the_design(result) -> None:
    """The names other programs rely on."""
    found = json.loads(result.to_json())
    assert found["schema"] == "result-1"
    assert {"work", "engine", "timing", "versions", "parameters", "files"} <= set(found)
    assert {"id", "path", "kind", "frames"} <= set(found["dataset"])
    assert {"code", "words", "next_step"} <= set(found["verdict"])
    assert {
        "space_group", "space_group_candidates", "space_group_sure", "laue_group", "laue_confidence",
        "unit_cell", "mosaicity_deg", "indexed_fraction",
    } <= set(found["crystal"])  # fmt: skip
    assert {"overall", "outer", "shells"} <= set(found["statistics"])
    for shell in (
        found["statistics"]["overall"],
        found["statistics"]["outer"],
        *found["statistics"]["shells"],
    ):
        assert {
            "d_max", "d_min", "completeness", "multiplicity", "r_meas", "r_pim", "cc_half",
            "mean_i_over_sigma", "cc_anom", "n_observations", "n_unique",
        } <= set(shell)  # fmt: skip
        assert 0 <= shell["completeness"] <= 1


def test_nan_is_never_written(result, dataset, ledger, record) -> None:
    assert "NaN" not in result.to_json() and "Infinity" not in result.to_json()
    assert result.tries[0].seconds is None
    assert "broken" not in result.timing
    assert result.timing == {"find_spots": 12.3, "last_frame_to_result_s": 12.346}
    odd = replace(record, rmsd=(0.1, math.nan, 0.2), crystal=replace(record.crystal, mosaicity=math.inf))
    verdict = Verdict("merged", "w", "n")
    made = build_result(
        "process", dataset, ledger, None, odd, verdict, columns={"frame": (1, 2), "scale": (math.nan, 1.0)}
    )
    assert made.crystal.rmsd is None and made.crystal.mosaicity_deg is None
    assert made.columns["scale"] == (None, 1.0)


def test_unknown_fields_are_refused(result) -> None:
    data = json.loads(result.to_json())
    data["verdict"]["mood"] = "good"
    with pytest.raises(ValidationError, match="mood"):
        Result.model_validate(data)


def test_another_schema_is_refused(result) -> None:
    data = {**json.loads(result.to_json()), "schema": "result-2"}
    with pytest.raises(ValidationError, match="result-1"):
        Result.model_validate(data)


def test_results_are_frozen(result) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        result.work = "look"


def test_lost_frames_are_runs_with_a_reason(result) -> None:
    frames = result.dataset.frames
    assert [(run.first, run.last, run.code) for run in frames.lost] == [
        (41, 43, "file_truncated"),
        (50, 50, "file_truncated"),
    ]
    assert (frames.announced, frames.usable, frames.missing) == (100, 94, 2)
    assert frames.used == (1, 98)


def test_request_is_kept(result) -> None:
    asked = result.parameters.asked
    assert asked.tweaks == ("beam_search", "small_sweep")
    assert asked.unit_cell == (1, 2, 3, 90, 90, 90)
    assert result.parameters.engine == {"index": ("indexing.method=fft1d",)}
    assert result.parameters.other == {"seed": 3}


def test_failure_without_a_dataset() -> None:
    error = failure(Failure.NOT_A_DATASET, "x.h5 is not HDF5.")
    made = build_result("process", None, None, None, None, Verdict.of(error))
    again = Result.from_json(made.to_json())
    assert again.verdict.code == "not_a_dataset"
    assert again.dataset is None and again.crystal is None and again.statistics is None


def test_dataset_nobody_looked_at(dataset) -> None:
    made = build_result("process", dataset, None, None, None, Verdict("cancelled", "w", "n"), engine="dials")
    assert made.engine == "dials"
    assert made.dataset.frames.usable == 0
    assert made.dataset.frames.missing == 100


def test_ledger_may_be_shorter_than_announced(dataset) -> None:
    made = build_result("process", dataset, FrameLedger.announced(3), None, None, Verdict("x", "w", "n"))
    assert made.dataset.frames.announced == 100
