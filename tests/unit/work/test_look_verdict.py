"""The verdict of a look in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from beampace.analysis import Ending, UsefulRange
from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError
from beampace.core.frames import FrameFailure
from beampace.core.taxonomy import Failure
from beampace.work.look_verdict import judge_look, lost_words
from tests.support.eiger_data import small_dataset


def columns(*verdicts, d_min=None, ice=0):
    n = len(verdicts)
    return {
        "frame": tuple(range(1, n + 1)),
        "verdict": verdicts,
        "d_min": tuple(d_min or (None,) * n),
        "ice_rings": (ice,) * n,
    }


WHOLE = UsefulRange(1, 4, Ending.WHOLE, "The crystal diffracts in the whole scan.")


def test_good_rotation_leads_to_process():
    said = judge_look(small_dataset(), columns("good", "good", "weak", d_min=(2.0, 2.2, 3.0)), {}, WHOLE)
    assert said.code == "diffraction"
    assert "3 of 3 frames" in said.words and "2.2 Å" in said.words and "2.0 Å" in said.words
    assert "beampace process" in said.next_step and "--images" not in said.next_step


def test_useful_range_is_named_and_used():
    useful = UsefulRange(3, 40, Ending.DIED, "The crystal died: from frame 41 on little is left.")
    said = judge_look(small_dataset(), columns("good", "blank"), {}, useful)
    assert "died" in said.words and "--images 3:40" in said.next_step


@pytest.mark.parametrize(
    ("kind", "command"),
    [(DatasetKind.GRID, "beampace map"), (DatasetKind.SCREENING, "collect a rotation scan")],
)
def test_next_step_fits_the_kind(kind, command):
    dataset = replace(small_dataset(), kind=kind)
    assert command in judge_look(dataset, columns("good"), {}, None).next_step


def test_a_name_from_the_shell_is_quoted():
    dataset = replace(small_dataset(), master=small_dataset().master.with_name("a; rm -rf x_master.h5"))
    assert "'a; rm -rf x_master.h5'" in judge_look(dataset, columns("good"), {}, None).next_step


def test_blank_and_ice():
    assert judge_look(small_dataset(), columns("blank", "blank"), {}, None).code == "no_diffraction"
    assert judge_look(small_dataset(), columns("ice", "ice", "blank"), {}, None).code == "ice_only"


def test_failed_frames_are_warned_of_and_never_blank():
    lost = {
        2: FrameFailure(Failure.FILE_TRUNCATED, "frame 2 of x does not decode."),
        3: FrameFailure(Failure.FILE_TRUNCATED, "frame 3 of x does not decode."),
    }
    said = judge_look(small_dataset(), columns("good", "failed", "failed", "good"), lost, WHOLE)
    assert "2 of 2 frames" in said.words
    assert any("2 frames could not be looked at (2 to 3)" in words for words in said.warnings)


def test_nothing_readable_is_an_ending_of_its_commonest_reason():
    lost = {n: FrameFailure(Failure.FILE_TRUNCATED, f"frame {n} is cut") for n in (1, 2)}
    lost[3] = FrameFailure(Failure.FRAMES_MISSING, "gone")
    with pytest.raises(InputError) as ending:
        judge_look(small_dataset(), columns("failed", "failed", "failed"), lost, None)
    assert ending.value.code is Failure.FILE_TRUNCATED
    assert "None of 3 frames" in ending.value.detail


def test_spans_of_lost_frames_stay_short():
    lost = {n: FrameFailure(Failure.FRAMES_MISSING, "gone") for n in range(1, 40, 2)}
    assert lost_words(lost)[0].count(",") <= 5


def test_ice_rings_are_mentioned():
    said = judge_look(small_dataset(), columns("good", "good", ice=1), {}, WHOLE)
    assert any("ice rings" in words for words in said.warnings)
