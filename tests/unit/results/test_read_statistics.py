"""Statistics read from a program's output, where not everything is known: verdict, report, pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from beampace.core.frames import FrameLedger, FrameState
from beampace.core.scan import Scan
from beampace.core.verdict import Verdict
from beampace.results import build_result
from beampace.results.report import report_html
from beampace.results.schema import Result, ShellInfo, StatisticsInfo
from beampace.results.summary import shell_rows, summary_rows
from beampace.results.verdict import judge_merged

UNKNOWN = dict.fromkeys(
    ("n_observations", "n_unique", "n_repeated", "n_possible", "multiplicity", "r_merge", "r_meas", "r_pim",
     "cc_half", "cc_half_significant", "mean_i_over_sigma", "cc_anom", "completeness")
)  # fmt: skip


def shell(d_max: float, **known) -> ShellInfo:
    return ShellInfo(**{**UNKNOWN, "d_max": d_max, "d_min": 1.8, **known})


@pytest.fixture
def judged(dataset, record):
    """The verdict on statistics of a half turn."""
    turned = replace(dataset, scan=Scan.even(0, 0.5, 360, 0.01, 0.01), n_announced=360)
    ledger = FrameLedger.announced(360).mark(range(1, 361), FrameState.READABLE)
    crystal = replace(record.crystal, candidates=("P 43 21 2",), indexed_fraction=None)

    def verdict(inner: ShellInfo | None = None, **known) -> Verdict:
        made = StatisticsInfo(
            overall=shell(40.0, **known),
            outer=shell(1.9, cc_half=0.4),
            shells=(),
            method="Read.",
            inner=inner,
        )
        return judge_merged(turned, ledger, crystal, made, merged="tool/x.mtz")

    return verdict


def test_what_is_not_known_is_left_out_of_the_words(judged):
    verdict = judged(completeness=0.99, multiplicity=6.5, r_meas=0.061)
    assert (verdict.code, verdict.next_step, verdict.warnings) == ("merged", "Use tool/x.mtz.", ())
    assert verdict.words == (
        "Merged to 1.80 Å in P 43 21 2: 99.0 % complete, 6.5-fold, R_meas 0.061; 180 degrees in 360 frames."
    )
    assert "complete, CC1/2 0.998; 180" in judged(completeness=0.99, cc_half=0.998).words


def test_an_inner_shell_that_disagrees_is_told_without_the_others(judged):
    bad = shell(40.0, cc_half=0.93)
    (warning,) = judged(completeness=0.99, cc_half=0.99, inner=bad).warnings
    assert warning.startswith("Even at low resolution CC1/2 is only 0.93")
    assert judged(completeness=0.99, cc_half=0.99, inner=shell(40.0)).warnings == ()
    few = shell(40.0, cc_half=0.5, n_repeated=4)
    assert judged(completeness=0.99, cc_half=0.99, inner=few).warnings == ()


def test_little_data_are_little_whoever_says_so(judged):
    assert judged(completeness=0.3).code == "little_data"
    assert judged(completeness=0.99, n_unique=100).code == "little_data"
    assert judged(completeness=0.99, multiplicity=1.1).code == "little_data"


def test_report_and_tables_show_dashes_and_the_outer_shell(dataset, record):
    read = StatisticsInfo(
        overall=shell(40.0, completeness=0.99), outer=shell(1.9, completeness=0.9), shells=(), method="Read."
    )
    verdict = Verdict("merged", "Words.", "Step.")
    result = build_result("process", dataset, None, None, None, verdict, statistics=read, engine="tool")
    assert Result.from_json(result.to_json()) == result
    rows = shell_rows(result)
    assert [row[:3] for row in rows] == [("1.90", "1.80", "90 %"), ("40.00", "1.80", "99.0 %")]
    assert rows[0][-2:] == ("-", "-")
    assert "Outer shell" in dict(summary_rows(result))
    assert "outer shell 90 %" in report_html(result)
