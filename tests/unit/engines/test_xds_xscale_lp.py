"""XSCALE.LP: how data sets scale together."""

import pytest

from beampace.core.cell import UnitCell
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.xscale_lp import (
    Correlation,
    InputSet,
    SetError,
    SetFactors,
    parse_xscale,
)
from tests.support.xds_data import X828, real, withstands_cuts, withstands_mangling, xds_text
from tests.unit.engines.test_xds_correct_lp import F, T, shell
from tests.unit.engines.test_xds_shells import TABLE

LOG = f"""\
 ***** XSCALE ***** (VERSION Jan 10, 2022  BUILT=20220820)   1-May-2026
 THE DATA COLLECTION STATISTICS REPORTED BELOW ASSUMES:
 SPACE_GROUP_NUMBER=   96
 UNIT_CELL_CONSTANTS=    78.10    78.10    37.20  90.000  90.000  90.000

                    READING INPUT REFLECTION DATA FILES
 DATA    MEAN       REFLECTIONS        INPUT FILE NAME
 SET# INTENSITY  ACCEPTED REJECTED
   1  0.1407E+03   176254      0  ../one/XDS_ASCII.HKL
   2  0.1207E+03    96254     12  ../a b/XDS_ASCII.HKL

  OVERALL SCALING AND CRYSTAL DISORDER CORRECTION

 CORRELATIONS BETWEEN INPUT DATA SETS AFTER CORRECTIONS

 DATA SETS  NUMBER OF COMMON  CORRELATION   RATIO OF COMMON   B-FACTOR
  #i   #j     REFLECTIONS     BETWEEN i,j  INTENSITIES (i/j)  BETWEEN i,j

    1    2        3614           0.983            0.9560        -0.4878

    CORRECTION PARAMETERS FOR THE STANDARD ERROR OF REFLECTION INTENSITIES

     a        b          ISa    ISa0   INPUT DATA SET
 1.063E+00  6.797E-03   11.76   12.36 ../one/XDS_ASCII.HKL
 4.000E+00  1.000E-04   50.00   50.00 ../a b/XDS_ASCII.HKL
 0.000E+00  0.000E+00   -1.00   -1.00 third.hkl

  STATISTICS OF SCALED OUTPUT DATA SET : merged.ahkl
  FILE TYPE:         XDS_ASCII      MERGE=FALSE          FRIEDEL'S_LAW=FALSE
        17 OUT OF    176254 REFLECTIONS REJECTED

{TABLE}
 ========== STATISTICS OF INPUT DATA SET ==========

  R-FACTORS FOR INTENSITIES OF DATA SET ../one/XDS_ASCII.HKL

 RESOLUTION   R-FACTOR   R-FACTOR   COMPARED
   LIMIT      observed   expected

     8.49         6.9%       5.9%      1975
    total        12.9%      13.1%    175429

   WILSON LINE (using all data) : A=  13.850 B=  31.036 CORRELATION=  0.98

 !!! WARNING !!! INACCURATE SCALING FACTORS.

 cpu time used by XSCALE        2.7 sec
 elapsed wall-clock time        2.8 sec
"""


def test_a_whole_log():
    found = parse_xscale(LOG)
    assert (found.space_group, found.cell) == (96, UnitCell(78.1, 78.1, 37.2, 90, 90, 90))
    assert found.inputs == (
        InputSet(1, 140.7, 176254, 0, "../one/XDS_ASCII.HKL"),
        InputSet(2, 120.7, 96254, 12, "../a b/XDS_ASCII.HKL"),
    )
    assert found.correlations == (Correlation(1, 2, 3614, 0.983, 0.956, -0.4878),)
    assert found.factors == (SetFactors("../one/XDS_ASCII.HKL", 0.129, 0.131, 175429),)
    assert (found.wilson.b, found.warnings, found.ended) == (31.036, ("INACCURATE SCALING FACTORS.",), True)


def test_an_isa_that_is_no_measurement_is_none():
    first, default, unknown = parse_xscale(LOG).error_models
    assert first == SetError(1.063, 0.006797, 11.76, 12.36, "../one/XDS_ASCII.HKL")
    assert (default.isa, default.name) == (None, "../a b/XDS_ASCII.HKL")
    assert (unknown.isa, unknown.isa0) == (None, None)


def test_the_output_with_its_statistics():
    (output,) = parse_xscale(LOG).outputs
    assert (output.name, output.friedel, len(output.shells), output.total.observed) == (
        "merged.ahkl",
        False,
        3,
        10030,
    )


def test_one_data_set_alone_has_no_correlations():
    begin, rest = LOG.split(" CORRELATIONS BETWEEN")
    assert parse_xscale(begin + rest[rest.index("    CORRECTION PARAMETERS") :]).correlations == ()


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ("ASSUMES:", "", "ASSUMES"),
        ("STATISTICS OF SCALED OUTPUT", "STATISTICS OF", "STATISTICS OF SCALED OUTPUT DATA SET"),
        ("FRIEDEL'S_LAW=FALSE", "FRIEDEL'S_LAW=F", "FRIEDEL'S_LAW="),
        ("ISa    ISa0", "ISa", "no table"),
        ("0.1407E+03", "**********", "READING INPUT"),
        ("0.983", "0.9x3", "CORRELATIONS BETWEEN"),
        ("13.1%    175429", "13.1%    17x429", "R factors of"),
    ],
)
def test_what_is_mangled_is_refused_and_named(old, new, missing):
    assert old in LOG
    with pytest.raises(LpError, match=rf"XSCALE\.LP: .*{missing}"):
        parse_xscale(LOG.replace(old, new, 1))


def test_a_look_alike_withstands_cuts_and_mangling():
    assert withstands_cuts(parse_xscale, LOG, 200) > 100
    assert withstands_mangling(parse_xscale, LOG, 400) > 100


XDSAPP, ONE = "ednamx_xdsapp/XSCALE.LP", f"{X828}_XSCALE.log"
SHELLS = {  # first, eleventh and last shell, total
    XDSAPP: (
        (8.49, 1980, 541, 547, 98.9, 6.9, 5.9, 1975, 20.10, 8.1, 99.2, T, -13, F, 0.857, 174),
        (2.56, 9906, 2614, 2616, 99.9, 18.3, 19.1, 9871, 6.21, 21.3, 96.6, T, -3, F, 0.761, 1174),
        (1.90, 12015, 3489, 3570, 97.7, 96.3, 88.3, 11810, 1.36, 113.5, 40.5, T, -7, F, 0.739, 1475),
        (1.90, 176237, 48260, 48434, 99.6, 12.9, 13.1, 175429, 6.51, 15.1, 99.3, T, -3, F, 0.763, 21441),
    ),
    ONE: (
        (8.50, 1512, 401, 406, 98.8, 2.7, 2.9, 1512, 42.41, 3.2, 99.8, T, 24, F, 0.901, 154),
        (2.56, 7160, 1927, 1929, 99.9, 7.8, 7.6, 7160, 14.24, 9.1, 99.3, T, 0, F, 0.823, 913),
        (1.90, 9685, 2672, 2674, 99.9, 63.4, 65.2, 9677, 1.82, 74.6, 74.2, T, 2, F, 0.704, 1278),
        (1.90, 125173, 35514, 35651, 99.6, 4.8, 4.8, 124778, 14.09, 5.6, 99.9, T, 3, F, 0.814, 16410),
    ),
}
REST = {
    XDSAPP: (
        179,
        (92.47, 92.47, 128.02, 90, 90, 120),
        SetError(1.063, 0.006797, 11.76, 12.36, "XDS_ASCII.HKL"),
        31.036,
    ),
    ONE: (
        21,
        (83.09, 96.79, 57.95, 90, 90, 90),
        SetError(1.004, 0.001729, 24.0, 25.7, "SAD_SWEEP1.HKL"),
        40.039,
    ),
}


@real(*SHELLS)
def test_real_logs(name):
    found = parse_xscale(xds_text(name))
    group, cell, error, wilson_b = REST[name]
    assert (found.space_group, found.cell) == (group, UnitCell(*cell))
    assert (found.error_models, found.wilson.b) == ((error,), wilson_b)
    (output,) = found.outputs
    assert not output.friedel
    assert [*(output.shells[n] for n in (0, 10, 19)), output.total] == [shell(*row) for row in SHELLS[name]]
    assert len(output.shells) == 20
    total = output.total
    assert found.factors == (SetFactors(error.name, total.r_obs, total.r_expected, total.compared),)
    assert (found.correlations, found.ended) == ((), True)


@real(*SHELLS)
def test_real_logs_withstand_cuts_and_mangling(name):
    text = xds_text(name)
    assert withstands_cuts(parse_xscale, text) > 30
    assert withstands_mangling(parse_xscale, text, skip=("VERSION", "!!!", ".HKL", ".hkl")) > 20
