"""Lines of lists: tones, words for what has no result, wishes, attempts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beampace.core.scope import EVERYTHING
from beampace.core.taxonomy import TAXONOMY, Exit, Failure
from beampace.core.tone import tone_of
from beampace.core.work import WorkClass, WorkName
from beampace.results.schema import Asked
from beampace.store import open_ledger
from beampace.web.lines import (
    attempt_lines,
    crystal_line,
    dataset_line,
    result_lines,
    wishes_words,
)
from beampace.web.records.lines import AttemptLine, DatasetLine
from tests.support.catalogue import BETA, LYSO, THAU, Catalogued, catalogued, merged
from tests.support.ledgers import Clock


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Catalogued]:
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock=Clock())
    yield catalogued(ledger, tmp_path / "beamtime")
    ledger.close()


def line(made: Catalogued, name: str) -> DatasetLine:
    row = made.ledger.entry_in(EVERYTHING, made.datasets[name])
    assert row is not None
    return dataset_line(row)


def attempts(made: Catalogued, name: str) -> tuple[AttemptLine, ...]:
    row = made.ledger.entry_in(EVERYTHING, made.datasets[name])
    assert row is not None
    tried = made.ledger.attempts_in(EVERYTHING, row.dataset.id)
    return attempt_lines(row.jobs, tried, row.results, made.ledger.now())


def test_tones_tell_the_data_from_the_machinery():
    assert [tone_of(code) for code in ("merged", "mapped", "little_data", "finished", "")] == [
        "good", "good", "fair", "fair", "plain",
    ]  # fmt: skip
    for code, entry in TAXONOMY.items():
        science = entry.exit is Exit.SCIENCE
        assert (tone_of(code) == "poor") is (
            science or (entry.exit is Exit.BAD_INPUT and code != "bad_request")
        )


def test_the_line_of_a_dataset_with_two_engines(made: Catalogued):
    found = line(made, "lyso_001")
    assert (found.verdict.code, found.verdict.tone) == ("merged", "good")
    assert found.crystal.space_group == "P 43 21 2 or P 41 21 2"
    assert not found.crystal.sure
    assert (found.crystal.d_min, found.crystal.i_over_sigma) == (1.42, 12.3)
    assert (found.agreement.tone, found.agreement.words) == ("good", "dials and xds agree.")
    assert (found.recommended, found.recommended_name) == (
        made.results["lyso_001 process dials"],
        "process_001",
    )
    assert found.reason.startswith("Preferred")
    assert (found.has_look, found.has_map, found.thumbnail) == (True, False, True)
    assert found.work == {}


def test_warnings_come_with_the_verdict(made: Catalogued):
    told = merged(made, "waiting_006", "dials", LYSO, 1.5)
    verdict = told.verdict.model_copy(update={"warnings": ("The lattice explains only 30 % of the spots.",)})
    made.finish("waiting_006", WorkName.PROCESS, "dials", told.model_copy(update={"verdict": verdict}))
    assert line(made, "waiting_006").verdict.warnings == ("The lattice explains only 30 % of the spots.",)
    assert line(made, "lyso_001").verdict.warnings == ()


def test_engines_that_differ_and_results_from_before_the_dataset_grew(made: Catalogued):
    assert line(made, "thau_002").agreement.tone == "poor"
    made.ledger.grow(made.datasets["thau_002"])
    assert line(made, "thau_002").agreement.words == ""


def test_a_new_result_of_few_frames_does_not_speak_for_its_engine(made: Catalogued):
    few = merged(made, "thau_002", "dials", ("P 2 21 21", THAU[1]), 2.4, asked=Asked(images=(1, 100)))
    made.finish("thau_002", WorkName.PROCESS, "dials", few)
    assert line(made, "thau_002").agreement.words.startswith("dials finds Laue group 4/mmm, fast mmm")


def test_a_limit_that_was_asked_for_is_no_disagreement(made: Catalogued):
    far = merged(made, "rerun_008", "xds", LYSO, 1.45)
    made.finish("rerun_008", WorkName.PROCESS, "xds", far)  # dials was cut at 1.8 by wish
    assert line(made, "rerun_008").agreement.words == "dials and xds agree."
    made.finish("rerun_008", WorkName.PROCESS, "fast", merged(made, "rerun_008", "fast", LYSO, 1.9))
    assert line(made, "rerun_008").agreement.tone == "fair"


@pytest.mark.parametrize(
    ("name", "words", "tone"),
    [
        ("growing_010", "Being collected: 120 of 3600 frames", "plain"),
        ("waiting_006", "Waits for processing", "plain"),
        ("unplanned_009", "Nothing has been planned for it.", "plain"),
        ("lost_007", "The machine that did the work was lost.", "plain"),
        ("failed_005", "Spots were found, but no lattice explains them.", "poor"),
    ],
)
def test_words_for_datasets_without_merged_data(made: Catalogued, name: str, words: str, tone: str):
    verdict = line(made, name).verdict
    assert (verdict.words, verdict.tone) == (words, tone)


def test_a_job_that_is_given_up_is_not_said_to_be_tried_again(made: Catalogued):
    assert "tried again" not in line(made, "lost_007").verdict.next_step
    assert "by hand" in line(made, "lost_007").verdict.next_step


def test_work_that_is_not_done_yet(made: Catalogued):
    assert line(made, "growing_010").work == {"look": "running", "process dials": "waiting"}
    key = next(job.key for job in made.ledger.jobs(made.datasets["waiting_006"]))
    made.start(key)
    found = line(made, "waiting_006")
    assert (found.verdict.words, found.work) == ("Being processed with dials", {"process dials": "running"})


def test_a_dataset_of_unknown_length_is_being_collected(made: Catalogued):
    made.see("endless_200", BETA, n=0, frames=7)
    assert line(made, "endless_200").verdict.words == "Being collected: 7 frames so far"


def test_a_summary_of_nothing_makes_an_empty_line():
    found = crystal_line({"next_step": "x"})
    assert (found.space_group, found.sure, found.cell, found.d_min, found.anomalous) == (
        "",
        False,
        (),
        None,
        "",
    )
    assert crystal_line({"space_group": "P 1", "candidates": ["P 1"], "sure": True}).space_group == "P 1"


def test_wishes_are_told_of_a_reprocessing_alone(made: Catalogued):
    row = made.ledger.entry_in(EVERYTHING, made.datasets["rerun_008"])
    assert row is not None
    told = {one.name: one.wishes for one in result_lines(row)}
    assert told == {"process_001": "", "process_002": "frames 1 to 900, in P 43 21 2, to 1.80 Å"}
    cell = {"unit_cell": [78.5, 78.5, 37.0, 90.0, 90.0, 90.0]}
    for options, words in ((cell, "cell 78.5 78.5 37 90 90 90"), ({}, "the same again")):
        key = made.plan("lyso_001", WorkName.PROCESS, "xds", options=options, work_class=WorkClass.RERUN)
        assert wishes_words(made.ledger.job(key)) == words


def test_attempts_tell_how_they_ended(made: Catalogued):
    (lost,) = attempts(made, "lost_007")
    assert (lost.state, lost.number, lost.verdict.code) == ("ended", 1, "node_lost")
    assert lost.detail == "Node max-p3a012 went away."
    assert not lost.can_cancel
    done = attempts(made, "failed_005")[0]
    assert (done.verdict.code, done.verdict.tone) == ("not_indexed", "poor")
    assert "tried" not in attempts(made, "lyso_001")[0].verdict.words


def test_a_job_between_two_attempts_has_a_line_before_them(made: Catalogued):
    key = made.plan("lyso_001", WorkName.PROCESS, "xds")
    made.ledger.end_attempt(key, made.start(key), "out_of_memory", "of 8 GB")
    waiting, ended = attempts(made, "lyso_001")[:2]
    assert (waiting.state, waiting.number, waiting.can_cancel) == ("waiting", 0, True)
    assert waiting.verdict.words == "Is tried again."
    assert (ended.state, ended.verdict.code) == ("ended", "out_of_memory")
    made.start(key)
    running, before = attempts(made, "lyso_001")[:2]
    assert (running.state, running.number, running.can_cancel) == ("running", 2, True)
    assert before.number == 1
    made.ledger.want_cancel(key)
    cancelling = attempts(made, "lyso_001")[0]
    assert (cancelling.can_cancel, cancelling.verdict.words) == (False, "It is being cancelled.")


def test_a_job_that_ended_before_its_first_attempt(made: Catalogued):
    key = made.plan("unplanned_009", WorkName.PROCESS, "dials")
    made.ledger.want_cancel(key)
    (only,) = attempts(made, "unplanned_009")
    assert (only.state, only.verdict.code) == ("ended", Failure.CANCELLED)
    assert line(made, "unplanned_009").verdict.words == "The work was cancelled."
