"""XPARM.XDS read and written."""

from dataclasses import replace

import pytest

from beampace.core.cell import UnitCell
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.xparm import Segment, Xparm, parse_xparm, xparm_text
from tests.support.xds_data import real, withstands_cuts, withstands_mangling, xds_text

XPARM = Xparm(
    start_frame=1,
    start_angle=92.013,
    oscillation=0.1,
    axis=(0.999987, -0.001156, 0.004882),
    wavelength=0.9763,
    beam=(-0.0049, 0.0049, 1.0243),
    space_group=96,
    cell=UnitCell(78.1, 78.1, 37.2, 90, 90, 90),
    axes=(
        (-49.887665, -4.277954, 8.869715),
        (-10.826637, 0.253291, -60.772236),
        (5.575361, -67.661362, -1.275247),
    ),
    n_segments=2,
    nx=4148,
    ny=4362,
    qx=0.075,
    qy=0.075,
    origin_px=(2061.75, 2176.37),
    distance=150.0,
    fast=(1, 0, 0),
    slow=(0, 1, 0),
    normal=(0, 0, 1),
    segments=(
        Segment(1, (1, 4148, 1, 2180), (0, 0), 0, (1, 0, 0), (0, 1, 0)),
        Segment(2, (1, 4148, 2181, 4362), (0.5, -0.25), 0.01, (0.99995, 0.01, 0), (-0.01, 0.99995, 0)),
    ),
    version="Jan 31, 2020  BUILT=20200131",
)


def test_what_is_written_is_read():
    assert parse_xparm(xparm_text(XPARM)) == XPARM


def test_the_layout_is_that_of_xds():
    lines = xparm_text(XPARM).splitlines()
    assert lines[0] == " XPARM.XDS    VERSION Jan 31, 2020  BUILT=20200131"
    assert lines[1] == "     1       92.0130    0.1000  0.999987 -0.001156  0.004882"
    assert lines[3] == "    96     78.1000     78.1000     37.2000  90.000  90.000  90.000"
    assert lines[7] == "         2      4148      4362    0.075000    0.075000"
    assert lines[13] == "    0.00    0.00    0.00  1.00000  0.00000  0.00000  0.00000  1.00000  0.00000"
    assert len(lines) == 16


def test_more_decimals_are_written_where_they_are_needed():
    fine = replace(XPARM, oscillation=0.03125, start_angle=-0.015625, distance=150.1234567)
    assert parse_xparm(xparm_text(fine)) == fine


def test_a_number_that_does_not_fit_is_refused():
    with pytest.raises(LpError, match="does not fit 15 columns"):
        xparm_text(replace(XPARM, distance=123456789.5))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" XPARM.XDS ", " GXPARM "),
        ("0.9763", "0.97x3"),
        ("    96 ", "   296 "),
        ("         2      4148", "         3      4148"),
        ("  2061.750000", "**********"),
        ("4362    0.075000    0.0", "4362    0.075000"),
    ],
)
def test_what_is_no_xparm_is_refused(old, new):
    text = xparm_text(XPARM)
    assert old in text
    with pytest.raises(LpError, match=r"XPARM\.XDS: "):
        parse_xparm(text.replace(old, new, 1))


def test_a_short_file_is_refused():
    with pytest.raises(LpError, match="lines only"):
        parse_xparm(xparm_text(XPARM)[:300])
    with pytest.raises(LpError, match="at its head"):
        parse_xparm("")


REAL = ("edna2_idxref/XPARM.XDS", "ednamx_characterisation/GXPARM.XDS", "ednamx_characterisation/XPARM.XDS")


@real(*REAL)
def test_real_files_are_written_as_they_are(name):
    text = xds_text(name)
    assert xparm_text(parse_xparm(text)) == text
    assert withstands_cuts(parse_xparm, text) > 70
    assert withstands_mangling(parse_xparm, text) > 200


@real(REAL[1])
def test_a_real_file_holds_what_one_reads_in_it(name):
    found = parse_xparm(xds_text(name))
    assert (found.start_frame, found.start_angle, found.oscillation, found.wavelength) == (
        1,
        92.013,
        0.2,
        0.97625,
    )
    assert found.cell == UnitCell(50.8503, 61.7296, 67.9026, 90, 90, 90)
    assert found.axes[2] == (5.575361, -67.661362, -1.275247)
    assert (found.nx, found.ny, found.qx) == (2463, 2527, 0.172)
    assert (found.origin_px, found.distance) == ((1240.521973, 1246.60498), 389.044586)
