"""Reading Fortran output: numbers that run together, overflow, and lines cut off."""

import pytest

from beampace.engines.xds.lp_text import (
    LpError,
    RowFormat,
    ended,
    fraction,
    labelled,
    notices,
    number,
    numbers,
    optional,
    paragraph,
    require,
    whole_lines,
)


def test_a_line_without_its_end_is_no_line():
    assert whole_lines("one\r\ntwo\nthr") == ["one", "two"]
    assert whole_lines("") == []


def test_numbers_that_run_together_are_told_apart_by_decimals():
    assert numbers("  -15.710 -88.936  16.692", 3, 3) == (-15.71, -88.936, 16.692)
    assert numbers("-115.710-188.936-116.692", 3, 3) == (-115.71, -188.936, -116.692)
    assert numbers("1115.7101188.9361116.692", 3, 3) == (1115.71, 1188.936, 1116.692)
    assert numbers("-1.0E+00-1.0E+00", 2, None) == (-1.0, -1.0)
    assert numbers("1.0D+001.0E-01", 2, None) == (1.0, 0.1)


@pytest.mark.parametrize(
    "text", ["1.000", "1.000 2.000 3.000", "1.000 2.0x0", "1.0002.00", "***** 1.000", ""]
)
def test_numbers_that_cannot_be_told_apart_are_refused(text):
    with pytest.raises(LpError):
        numbers(text, 2, 3)


def test_a_fortran_number():
    assert number(" 1.5D-03 ") == 0.0015
    with pytest.raises(LpError, match=r"\*\*\*\*"):
        number("****")


def test_a_percentage_is_a_fraction_and_none_where_there_is_none():
    assert [fraction(text) for text in ("99.7", "2.3", "-99.9", "1846.6")] == [0.997, 0.023, None, 18.466]


def test_a_row_is_read_by_its_format():
    layout = RowFormat.of("marked:M n:N d:F2 chi:F2 r:P1? cc:F1? sure:S ano:I?")
    wanted = {
        "marked": True,
        "n": 7,
        "d": 21.12,
        "chi": 1.46,
        "r": 0.031,
        "cc": 99.8,
        "sure": True,
        "ano": -5,
    }
    assert layout.read("  *   7  21.12 1.46   3.1%  99.8*  -5") == wanted
    assert layout.read("  *   7  21.121.46   3.1%  99.8*  -5") == wanted
    assert layout.read("      7  21.12 1.46 -99.9%  ****   -5") == wanted | {
        "marked": False,
        "r": None,
        "cc": None,
        "sure": False,
    }
    assert layout.read("  *   7  21.1200 1.4600   3.10%  99.8*  -5") == wanted, (
        "a version that prints more decimals"
    )


@pytest.mark.parametrize(
    "line",
    ["  * 7 21.12 1.46 3.1% 99.8*", "  * 7 21.12 1.46 3.1 99.8* -5", "  * x 21.12 1.46 3.1% 99.8* -5", ""],
)
def test_what_is_no_row_is_not_read(line):
    layout = RowFormat.of("marked:M n:N d:F2 chi:F2 r:P1? cc:F1? sure:S ano:I?")
    assert layout.read(line) is None
    with pytest.raises(LpError, match="LOG: row not understood"):
        layout.require(line, "LOG")


def test_an_integer_glued_to_what_follows_is_refused():
    assert RowFormat.of("n:N d:F2").read(" 847848.96") is None


def test_labels_are_found_whatever_their_blanks():
    block = [" STANDARD DEVIATION OF SPOT    POSITION (PIXELS)     0.70", " SPACE GROUP NUMBER    152"]
    assert labelled(block, "STANDARD DEVIATION OF SPOT POSITION (PIXELS)", "LOG").strip() == "0.70"
    assert optional(block, "CRYSTAL MOSAICITY (DEGREES)") is None
    with pytest.raises(LpError, match="LOG: no 'UNIT CELL PARAMETERS'"):
        labelled(block, "UNIT CELL PARAMETERS", "LOG")


def test_a_paragraph_needs_its_end():
    lines = ["title", "", "one", "two", "", "three"]
    assert paragraph(lines, 1, "LOG") == ["one", "two"]
    with pytest.raises(LpError, match="cut off"):
        paragraph(lines, 5, "LOG")
    with pytest.raises(LpError, match="LOG: no 'four'"):
        require(lines, "four", "LOG")


def test_messages_with_the_lines_they_go_on_over():
    lines = [
        " !!! WARNING !!! THE FIRST   ONE GOES",
        "                 ON HERE.",
        "",
        " !!! ERROR !!! CANNOT READ IMAGE x_0001.cbf",
        "     1   0  1.097",
        " !!! WARNING !!! SECOND",
    ]
    assert notices(lines, "WARNING") == ("THE FIRST ONE GOES ON HERE.", "SECOND")
    assert notices(lines, "ERROR") == ("CANNOT READ IMAGE x_0001.cbf",)


def test_the_end_of_a_program():
    assert ended([" total elapsed wall-clock time       24.6 sec"])
    assert not ended(["            cpu-time  wall-clock time (sec)"])
