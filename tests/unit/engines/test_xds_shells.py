"""The table of merging statistics."""

import pytest

from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.shells import ShellRow, shell_table

TITLE = " SUBSET OF INTENSITY DATA WITH SIGNAL/NOISE >= -3.0 AS FUNCTION OF RESOLUTION\n"
HEADER = (
    " RESOLUTION     NUMBER OF REFLECTIONS    COMPLETENESS R-FACTOR  R-FACTOR COMPARED I/SIGMA   R-meas"
    "  CC(1/2)  Anomal  SigAno   Nano\n"
    "   LIMIT     OBSERVED  UNIQUE  POSSIBLE     OF DATA   observed  expected"
    "                                      Corr\n\n"
)
FORTRAN = (
    "{:>9}{:12d}{:8d}{:10d}{:11.1f}%{:10.1f}%{:9.1f}%{:9d}{:8.2f}{:9.1f}%{:8.1f}{:1}{:6d}{:1}{:8.3f}{:8d}\n"
)
ROWS = "".join(
    FORTRAN.format(*row)
    for row in (
        ("5.00", 4000, 990, 1000, 99.0, 2.5, 2.7, 3990, 31.25, 2.9, 99.8, "*", 12, "*", 0.901, 700),
        ("3.00", 6000, 1500, 2000, 75.0, 25.0, 24.9, 5800, 3.50, 28.8, 91.0, "*", -5, "", 0.702, 900),
        ("2.00", 30, 30, 3000, 1.0, -99.9, -99.9, 0, -99.0, -99.9, 0.0, "", 0, "", 0.0, 0),
        ("total", 10030, 2520, 6000, 42.0, 5.5, 5.6, 9790, 14.05, 6.4, 99.7, "*", 3, "", 0.801, 1600),
    )
)
TABLE = f"{TITLE}{HEADER}{ROWS}\n"


def read(text):
    return shell_table(text.split("\n"), 0, "CORRECT.LP")


def test_a_table():
    shells, total, title = read("\n" + TABLE)
    assert title == 1
    assert shells[0] == ShellRow(
        5.0, 4000, 990, 1000, 0.99, 0.025, 0.027, 3990, 31.25, 0.029, 0.998, True, 0.12, True, 0.901, 700
    )
    assert (shells[1].cc_anom, shells[1].cc_anom_significant, shells[1].multiplicity) == (-0.05, False, 4.0)
    assert total == ShellRow(
        2.0, 10030, 2520, 6000, 0.42, 0.055, 0.056, 9790, 14.05, 0.064, 0.997, True, 0.03, False, 0.801, 1600
    )


def test_what_could_not_be_computed_is_none():
    last = read(TABLE)[0][-1]
    assert last == ShellRow(
        2.0, 30, 30, 3000, 0.01, None, None, 0, None, None, None, False, None, False, None, 0
    )
    assert last.multiplicity == 1


def test_a_zero_signal_is_none_only_without_an_r_factor():
    assert read(TABLE.replace("  -99.00 ", "    0.00 "))[0][-1].i_over_sigma is None
    assert read(TABLE.replace("    3.50 ", "    0.00 "))[0][1].i_over_sigma == 0


def test_an_r_factor_that_overflows_is_none():
    assert read(TABLE.replace("     28.8%", "   ******%"))[0][1].r_meas is None


def test_columns_of_before_2012():
    layout = (
        "{:>9}{:12d}{:8d}{:10d}{:11.1f}%{:10.1f}%{:9.1f}%{:9d}{:8.2f}{:8.1f}%{:8.1f}%{:6d}%{:8.3f}{:8d}\n"
    )
    rows = "".join(
        layout.format(*row)
        for row in (
            ("3.00", 4000, 990, 1000, 99.0, 2.5, 2.7, 3990, 31.25, 2.9, 2.4, 69, 0.924, 700),
            ("2.00", 30, 30, 3000, 1.0, -99.9, -99.9, 0, -99.0, -99.9, -99.9, 0, 0.0, 0),
            ("total", 4030, 1020, 4000, 25.5, 5.5, 5.6, 3990, 14.05, 6.4, 3.9, -13, 0.801, 700),
        )
    )
    shells, total, _ = read(f"{TITLE}{HEADER.replace('CC(1/2)', 'Rmrgd-F')}{rows}\n")
    assert (shells[0].cc_half, shells[0].r_mrgd_f, shells[0].cc_anom) == (None, 0.024, 0.69)
    assert (shells[1].r_mrgd_f, shells[1].cc_anom) == (None, None)
    assert (total.cc_anom, total.r_meas) == (-0.13, 0.064)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (TITLE, "", "no 'SUBSET OF INTENSITY DATA'"),
        ("CC(1/2)", "CC-half", "other columns"),
        ("    total", "    toxal", "no row 'total'"),
        ("99.0%", "99.0 ", "row not understood"),
        ("31.25", "31.x5", "row not understood"),
        ("   0.901     700", "", "row not understood"),
        ("  4000  ", "  4001  ", "do not add up"),
        ("      99.0%", "      98.0%", "completeness 0.98 of 990 out of 1000"),
    ],
)
def test_what_cannot_be_right_is_refused(old, new, why):
    assert old in TABLE
    with pytest.raises(LpError, match=rf"CORRECT\.LP: .*{why}".replace("(", r"\(")):
        read(TABLE.replace(old, new, 1))


@pytest.mark.parametrize("lines", range(1, 9))
def test_a_table_cut_off_is_refused(lines):
    with pytest.raises(LpError):
        shell_table(TABLE.split("\n")[:lines], 0, "CORRECT.LP")
