"""The verdict on merged data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from beampace.core.frames import FrameLedger, FrameState
from beampace.core.scan import Scan
from beampace.results.schema import ShellInfo, StatisticsInfo
from beampace.results.verdict import (
    Sweep,
    crystal_warnings,
    degrees_wanted,
    fading_warnings,
    judge,
    next_step,
    percent,
    space_groups,
)


def shell(**changes) -> ShellInfo:
    values = {
        "d_max": 50.0, "d_min": 1.65, "n_observations": 65000, "n_unique": 10000, "n_repeated": 9000,
        "n_possible": 10200,
        "completeness": 0.98, "multiplicity": 6.5, "r_merge": 0.05, "r_meas": 0.055, "r_pim": 0.02,
        "cc_half": 0.998, "cc_half_significant": True, "mean_i_over_sigma": 20.0, "cc_anom": 0.1,
    }  # fmt: skip
    return ShellInfo(**{**values, **changes})


def data(**changes) -> StatisticsInfo:
    overall, outer = shell(**changes), shell(**{"d_max": 1.7, "cc_half": 0.4, **changes})
    return StatisticsInfo(overall=overall, outer=outer, shells=(shell(), outer), method="m", inner=shell())


@pytest.fixture
def whole() -> FrameLedger:
    return FrameLedger.announced(360).mark(range(1, 361), FrameState.READABLE)


@pytest.fixture
def half_turn(dataset):
    return replace(dataset, scan=Scan.even(0, 0.5, 360, 0.01, 0.01), n_announced=360)


def sure(record):
    return replace(record, crystal=replace(record.crystal, candidates=("P 43 21 2",)))


def test_good_data(half_turn, whole, record) -> None:
    verdict = judge(half_turn, whole, sure(record), data())
    assert verdict.code == "merged"
    assert verdict.words == (
        "Merged to 1.65 Å in P 43 21 2: 98 % complete, 6.5-fold, CC1/2 0.998; 180 degrees in 360 frames."
    )
    assert verdict.next_step == "Use merged.mtz."
    assert verdict.warnings == ()


def test_screw_axis_is_never_claimed(half_turn, whole, record) -> None:
    verdict = judge(half_turn, whole, record, data())
    assert "P 43 21 2 or P 41 21 2 (not decided)" in verdict.words
    assert "P 41 21 2" in verdict.next_step
    assert any("screw axes are not known" in warning for warning in verdict.warnings)


def test_many_candidates_are_counted(record) -> None:
    crystal = replace(record.crystal, candidates=("P 4", "P 41", "P 42", "P 43"), laue_group="4/m")
    assert "one of 4 that are left." in crystal_warnings(crystal)[0]
    advice = next_step(Sweep(180, 360), crystal, data(), little=False)
    assert advice == "Use merged.mtz; try every space group that is left when solving the structure."
    assert space_groups(crystal) == "Laue group 4/m (space group open, 4 candidates)"


def test_short_sweep_is_little_data(dataset, record) -> None:
    short = replace(dataset, scan=Scan.even(-145, 0.1, 15, 0.1, 0.1), n_announced=15)
    ledger = FrameLedger.announced(15).mark(range(1, 16), FrameState.READABLE)
    low = data(
        completeness=0.026,
        multiplicity=1.1,
        n_unique=35,
        n_repeated=4,
        cc_half=None,
        cc_half_significant=False,
    )
    verdict = judge(short, ledger, record, low)
    assert verdict.code == "little_data"
    assert verdict.words.startswith(
        "Very little data: the crystal was turned by only 1.5 degrees. Merged to 1.65 Å in P 43 21 2 or"
    )
    assert verdict.words.endswith(
        "2.6 % complete, 1.1-fold, 35 unique reflections; 1.5 degrees in 15 frames."
    )
    assert "CC1/2" not in verdict.words
    assert any("Only 4 reflections were observed more than once" in warning for warning in verdict.warnings)
    assert "Collect about 90 more degrees" in verdict.next_step


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_unique": 120}, "only 120 unique"),
        ({"completeness": 0.31}, "only 31 %"),
        ({"multiplicity": 1.2}, "recorded only once"),
    ],
)
def test_reasons_for_little(half_turn, whole, record, changes, words) -> None:
    verdict = judge(half_turn, whole, record, data(**changes))
    assert verdict.code == "little_data"
    assert words in verdict.words


def test_only_frames_that_were_used_count(half_turn, record, whole) -> None:
    verdict = judge(half_turn, whole, sure(record), data(), images=(1, 20))
    assert "10 degrees in 20 frames" in verdict.words


def test_lost_frames_are_named(dataset, ledger, record) -> None:
    verdict = judge(dataset, ledger, sure(record), data())
    assert "6 of 100 frames are missing or damaged (frames 41 to 43, 50, 99 to 100)." in verdict.warnings


def test_doubts_about_the_crystal(half_turn, whole, weak_record) -> None:
    warnings = " ".join(judge(half_turn, whole, weak_record, data()).warnings)
    assert "only 30 % of the spots" in warnings
    assert "4/mmm is not certain (60 % likely)" in warnings


def test_noise_is_called_noise(half_turn, whole, record) -> None:
    verdict = judge(half_turn, whole, record, data(cc_half=0.02, cc_half_significant=False))
    assert any("may be noise" in warning for warning in verdict.warnings)
    assert "0.02 (not significant)" in verdict.words


def test_remarks_of_the_engine_are_kept_once(half_turn, whole, record) -> None:
    remarked = replace(sure(record), remarks=("Two lattices.", "Two lattices."))
    assert judge(half_turn, whole, remarked, data()).warnings == ("Two lattices.",)


def test_fading_is_seen() -> None:
    falling = [1 - 0.008 * n for n in range(100)]
    assert "radiation damage" in fading_warnings({"scale": falling})[0]
    assert fading_warnings({"scale": [1.0] * 100}) == ()
    assert "R_merge rises" in fading_warnings({"r_merge": [0.05] * 50 + [0.2] * 50})[0]
    assert fading_warnings({"scale": [1.0, 0.1]}) == ()
    assert fading_warnings({"scale": [None] * 100}) == ()


@pytest.mark.parametrize(
    ("degrees", "laue", "completeness", "more"),
    [
        (1.5, "mmm", 0.03, 90),
        (60, "mmm", 0.7, 30),
        (90, "mmm", 0.9, 5),
        (90, "-1", 0.5, 90),
        (180, "mmm", 0.8, 0),
        (360, "mmm", 0.8, 0),
        (10, "unheard-of", 0.0, 170),
    ],
)
def test_degrees_wanted(degrees, laue, completeness, more) -> None:
    assert degrees_wanted(Sweep(degrees, 10), laue, completeness) == more


def test_turning_further_does_not_help_a_full_sweep(half_turn, whole, record) -> None:
    assert "different orientation" in judge(half_turn, whole, record, data(completeness=0.8)).next_step


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(1.0, "100 %"), (0.9999, "100.0 %"), (0.97, "97 %"), (0.026, "2.6 %"), (None, "an unknown part")],
)
def test_percent(fraction, text) -> None:
    assert percent(fraction) == text
