"""CORRECT.LP: symmetry, error model and merging statistics."""

import gemmi
import numpy as np
import pytest

from beampace.core.cell import UnitCell
from beampace.engines.xds.correct_lp import ErrorModel, SignalRow, SymmetryRow, Wilson, parse_correct
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.shells import ShellRow
from tests.support.xds_data import X828 as X828_FILES
from tests.support.xds_data import XDS, real, withstands_cuts, withstands_mangling, xds_text
from tests.unit.engines.test_xds_parameters import BLOCK
from tests.unit.engines.test_xds_shells import TABLE

STARS = " " + "*" * 78 + "\n"
HEAD = "\n ***** CORRECT ***** (VERSION Jan 10, 2022  BUILT=20220820)   1-May-2026\n\n"
SYMMETRY = """\
 SPACE-GROUP         UNIT CELL CONSTANTS            UNIQUE   Rmeas  COMPARED  LATTICE-
   NUMBER      a      b      c   alpha beta gamma                            CHARACTER

       1      37.2   78.1   78.1  90.1  89.9  89.9     388     0.0        0    31 aP
   *  89      78.1   78.1   37.2  90.0  90.0  90.0     277     4.3      177    21 tP
      16      37.21078.11078.1  90.0  90.0  90.0     290   104.3      164    32 oP

"""
SELECTED = """\

 ************ SELECTED SPACE GROUP AND UNIT CELL FOR THIS DATA SET ************

 SPACE_GROUP_NUMBER=   89
 UNIT_CELL_CONSTANTS=    78.09    78.09    37.19  90.000  90.000  90.000
 REFLECTIONS H,K,L FROM "INTEGRATE.HKL" WILL BE REINDEXED BY

"""
REFINEMENT = f"{STARS}  REFINEMENT OF DIFFRACTION PARAMETERS USING ALL IMAGES\n{STARS}\n\n"
SPINDLE = f"\n\n{STARS}        MEAN INTENSITY AS FUNCTION OF SPINDLE POSITION WITHIN DATA IMAGE\n{STARS}\n"
REFUSED = """\
 !!! WARNING !!! REFINEMENT RESULTS NOT ACCEPTED BECAUSE OF INSUFFICIENT
 NUMBER OF REFLECTIONS.
"""
ERROR_MODEL = "     a        b          ISa\n 8.159E-01  1.371E-03   29.90\n\n"
SIGNAL = """\
      STANDARD ERROR OF REFLECTION INTENSITIES AS FUNCTION OF RESOLUTION
 RESOLUTION RANGE  I/Sigma  Chi^2  R-FACTOR  R-FACTOR  NUMBER ACCEPTED REJECTED
                                   observed  expected

   44.632  15.811   123.351111.53      2.83      2.33     274     275     240
   15.811   1.690     0.16   0.88    478.68    511.31    6321    6362       3
    1.690   1.600     0.05   0.00    -99.90    -99.90       0       1       0
   --------------------------------------------------------------------------
   44.632   1.600     6.28   0.97      4.75      4.82    6595    6638     243

"""
SUBSET = (
    f"{STARS}  SUMMARY OF DATA SET STATISTICS FOR IMAGE   DATA_RANGE=       1     401\n{STARS}\n{TABLE}\n"
)
SAVED = f"""\
{STARS}  STATISTICS OF SAVED DATA SET "XDS_ASCII.HKL" (DATA_RANGE=       1    3600)
 FILE TYPE:         XDS_ASCII      MERGE=FALSE          FRIEDEL'S_LAW=TRUE
{STARS}
{TABLE}

 NUMBER OF REFLECTIONS IN SELECTED SUBSET OF IMAGES     10100
 NUMBER OF REJECTED MISFITS                                60
 NUMBER OF SYSTEMATIC ABSENT REFLECTIONS                    2
 NUMBER OF ACCEPTED OBSERVATIONS                        10038
 NUMBER OF UNIQUE ACCEPTED REFLECTIONS                   2525

"""
WILSON = "   WILSON LINE (using all data) : A=   7.997 B=  47.824 CORRELATION=  0.99\n\n"
END = " cpu time used                114.1 sec\n elapsed wall-clock time       34.6 sec\n"


def log(refinement: str = BLOCK) -> str:
    """A whole log."""
    middle = REFINEMENT + refinement + SPINDLE + ERROR_MODEL + SIGNAL
    return HEAD + SYMMETRY + SELECTED + middle + SUBSET + SAVED + WILSON + END


def test_a_whole_log():
    found = parse_correct(log())
    assert found.error_model == ErrorModel(0.8159, 0.001371, 29.90)
    assert (found.space_group, found.cell) == (96, UnitCell(78.102, 78.102, 37.201, 90, 90, 90))
    assert found.parameters.n_spots == 1234
    assert found.cell_esd == (0.011, 0.011, 0.008, 0, 0, 0)
    assert found.wilson == Wilson(7.997, 47.824, 0.99)
    assert (found.n_accepted, found.n_unique, found.n_misfits) == (10038, 2525, 60)
    assert (found.total.observed, len(found.shells)) == (10030, 3)
    assert (found.data_range, found.friedel) == ((1, 3600), True)
    assert (found.refined, found.ended, found.warnings, found.errors) == (True, True, (), ())


def test_symmetries_tried():
    first, chosen, third = parse_correct(log()).symmetry
    assert chosen == SymmetryRow(True, 89, UnitCell(78.1, 78.1, 37.2, 90, 90, 90), 277, 0.043, 177, 21, "tP")
    assert (first.marked, first.r_meas) == (False, None), "nothing was compared"
    assert (third.cell.c, third.r_meas) == (1078.1, 1.043)


def test_signal_in_thin_shells_whose_numbers_run_together():
    found = parse_correct(log())
    assert found.i_over_sigma[0] == SignalRow(44.632, 15.811, 123.35, 1111.53, 0.0283, 0.0233, 274, 275, 240)
    assert found.i_over_sigma[2] == SignalRow(1.69, 1.6, 0.05, None, None, None, 0, 1, 0)
    assert found.i_over_sigma_total.accepted == 6638


def test_subsets_of_images_come_before_the_whole():
    (subset,) = parse_correct(log()).subsets
    assert (subset.first, subset.last, subset.total.observed) == (1, 401, 10030)


def test_a_refinement_not_accepted_leaves_the_selected_cell():
    found = parse_correct(log(REFUSED))
    assert (found.refined, found.parameters, found.cell_esd) == (False, None, None)
    assert (found.space_group, found.cell) == (89, UnitCell(78.09, 78.09, 37.19, 90, 90, 90))
    assert found.warnings == (
        "REFINEMENT RESULTS NOT ACCEPTED BECAUSE OF INSUFFICIENT NUMBER OF REFLECTIONS.",
    )


def test_an_error_model_not_refined_is_none():
    found = parse_correct(log().replace(" 8.159E-01  1.371E-03   29.90", " 4.000E+00  1.000E-04   50.00"))
    assert found.error_model is None


def test_friedel_mates_apart():
    assert not parse_correct(log().replace("FRIEDEL'S_LAW=TRUE", "FRIEDEL'S_LAW=FALSE")).friedel


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ("STATISTICS OF SAVED", "STATISTICS OF", "STATISTICS OF SAVED DATA SET"),
        (SAVED, SAVED.split(TABLE)[0], "SUBSET OF INTENSITY DATA"),
        (" NUMBER OF ACCEPTED OBSERVATIONS ", " NUMBER OF OBSERVATIONS ", "NUMBER OF ACCEPTED OBSERVATIONS"),
        ("                  10038", "                  1x038", "NUMBER OF ACCEPTED OBSERVATIONS"),
        ("          ISa\n", "\n", "error model"),
        (" 8.159E-01", " *********", "error model"),
        ("     a      b      c", "     x      y      z", ""),
        ("   --------", "   44444444", "no total"),
        ("     275     240", "     276     240", "do not add up"),
        ("      16      37.2", "      1x      37.2", "symmetries"),
        ("CORRELATION=  0.99", "CORR", "WILSON LINE"),
        ("(DATA_RANGE=       1    3600)", "", "not understood"),
        ("DATA_RANGE=       1     401", "DATA_RANGE=       1     4x1", "not understood"),
        ("FRIEDEL'S_LAW=TRUE", "", "FRIEDEL'S_LAW="),
        ("UNIT CELL PARAMETERS     78.102", "UNIT CELL PARAMETERS     ******", "not a number"),
    ],
)
def test_what_is_mangled_is_refused_and_named(old, new, missing):
    assert old in log()
    if missing:
        with pytest.raises(LpError, match=rf"CORRECT\.LP: .*{missing}"):
            parse_correct(log().replace(old, new, 1))
    else:
        assert parse_correct(log().replace(old, new, 1)) == parse_correct(log())


def test_a_look_alike_withstands_cuts_and_mangling():
    assert withstands_cuts(parse_correct, log(), 300) > 100
    assert withstands_mangling(parse_correct, log(), 600) > 100
    assert withstands_cuts(parse_correct, log(REFUSED), 300) > 100


def shell(*row, old=False) -> ShellRow:
    """A row as one reads it in the log: percentages, and the correlations' asterisks as `True`."""
    d_min, observed, unique, possible, *rest = row
    (
        completeness,
        r_obs,
        r_expected,
        compared,
        signal,
        r_meas,
        cc,
        sure,
        cc_anom,
        sure_anom,
        sig_ano,
        n_ano,
    ) = rest
    percent = [
        None if x is None else round(x / 100, 4)
        for x in (completeness, r_obs, r_expected, r_meas, cc, cc_anom)
    ]
    counts = (observed, unique, possible)
    return ShellRow(
        d_min, *counts, *percent[:3], compared, signal, percent[3], None if old else percent[4], sure,
        percent[5], sure_anom, sig_ano, n_ano, percent[4] if old else None,
    )  # fmt: skip


XDSAPP_2020 = "xdsapp_2020/CORRECT.LP"
X828 = f"{X828_FILES}_SAD_SWEEP1_CORRECT.log"
DEC_2010 = "ednamx_characterisation/CORRECT.LP"
ANOM = "ednamx_characterisation/CORRECT_ANOM.LP"
NOV_2016 = "ednamx_xdsapp/CORRECT.LP"
FAE = "ednamx_fae/FAE_CORRECT.LP"
FAE_X09 = "ednamx_fae/FAEx09_CORRECT.LP"

T, F = True, False
SHELLS = {  # first, fifth and last shell, total, as printed; None where nothing was compared
    XDSAPP_2020: (
        (5.04, 20207, 2756, 2775, 99.3, 2.6, 2.5, 20206, 71.42, 2.8, 100.0, T, -1, F, 0.829, 2480),
        (2.27, 61261, 8430, 8443, 99.8, 14.1, 14.1, 61261, 13.21, 15.2, 99.5, T, 2, F, 0.806, 8067),
        (1.69, 80273, 11431, 11507, 99.3, 373.0, 401.5, 80226, 0.52, 402.7, 23.5, T, 0, F, 0.584, 10767),
        (1.69, 489902, 71323, 71486, 99.8, 4.8, 4.8, 489807, 16.42, 5.1, 100.0, T, 1, F, 0.730, 67122),
    ),
    X828: (
        (3.58, 18359, 5288, 5323, 99.3, 3.0, 2.9, 18303, 37.16, 3.5, 99.8, T, 6, F, 0.902, 2317),
        (1.60, 55656, 16747, 16793, 99.7, 210.8, 219.1, 55129, 0.47, 251.6, 31.1, T, 1, F, 0.618, 7608),
        (1.20, 6358, 4758, 23061, 20.6, 1206.0, 1267.9, 3122, 0.04, 1685.8, 0.6, F, 2, F, 0.511, 265),
        (1.20, 338418, 113308, 142526, 79.5, 8.1, 8.1, 324912, 4.78, 9.7, 99.9, T, 1, F, 0.676, 44142),
    ),
    DEC_2010: (
        (4.23, 8403, 1476, 1481, 99.7, 3.1, 3.3, 8395, 48.96, 3.4, 1.7, F, -3, F, 0.825, 994),
        (1.90, 26675, 4188, 4196, 99.8, 6.1, 6.2, 26659, 24.07, 6.7, 3.9, F, -1, F, 0.765, 3629),
        (1.42, 2152, 1430, 5680, 25.2, 21.9, 27.7, 1291, 2.36, 29.3, 36.1, F, -48, F, 0.428, 30),
        (1.42, 144614, 28484, 35802, 79.6, 4.0, 4.1, 141836, 23.07, 4.3, 3.9, F, -5, F, 0.739, 18364),
    ),
    ANOM: (
        (5.63, 353, 277, 1257, 22.0, 2.7, 5.3, 146, 12.00, 3.8, 99.8, T, -55, F, 0.674, 8),
        (2.54, 805, 732, 3884, 18.8, 9.6, 5.3, 146, 9.06, 13.6, 97.2, T, -19, F, 1.214, 8),
        (1.89, 248, 248, 5310, 4.7, None, None, 0, None, None, None, F, None, F, None, 0),
        (1.89, 5921, 5241, 32910, 15.9, 6.4, 5.3, 1330, 9.38, 8.9, 98.2, T, 22, F, 1.150, 57),
    ),
    NOV_2016: (
        (5.65, 3886, 1037, 1051, 98.7, 4.3, 4.2, 3834, 24.38, 5.0, 99.7, T, -2, F, 0.837, 474),
        (2.54, 11811, 2932, 2959, 99.1, 15.5, 15.2, 11722, 8.06, 18.0, 96.6, T, -2, F, 0.812, 1468),
        (1.90, 16719, 3969, 4017, 98.8, 58.2, 60.0, 16629, 2.23, 66.7, 71.9, T, 1, F, 0.758, 2246),
        (1.90, 103575, 25085, 25265, 99.3, 12.8, 12.8, 102960, 8.82, 14.7, 99.4, T, -1, F, 0.799, 13662),
    ),
    FAE: (
        (4.90, 107, 106, 3836, 2.8, 3.2, 2.2, 2, 19.39, 4.5, 0.0, F, None, F, None, 0),
        (2.27, 261, 259, 10308, 2.5, 139.2, 241.1, 4, 0.74, 196.9, 0.0, F, None, F, None, 0),
        (1.70, 138, 138, 14029, 1.0, None, None, 0, None, None, None, F, None, F, None, 0),
        (1.70, 2012, 2002, 88207, 2.3, 18.8, 40.7, 20, 2.91, 26.7, 98.7, T, None, F, None, 0),
    ),
    FAE_X09: (
        (3.50, 1, 1, 10428, 0.0, None, None, 0, None, None, None, F, None, F, None, 0),
        (3.11, 0, 0, 1138, 0.0, None, None, 0, None, None, None, F, None, F, None, 0),
        (2.82, 1, 1, 1252, 0.1, None, None, 0, None, None, None, F, None, F, None, 0),
        (2.82, 7, 7, 19750, 0.0, None, None, 0, None, None, None, F, None, F, None, 0),
    ),
}
REST = {  # group, cell, deviations of a and c, ISa, accepted, unique, misfits, Wilson B, images, Friedel
    XDSAPP_2020: (
        (5, (88.684, 82.265, 93.702, 90, 108.650, 90), (0.19, 0.18), 29.90),
        ((490020, 71339, 4275), 47.824, 3600, T),
    ),
    X828: (
        (21, (83.091, 96.794, 57.951, 90, 90, 90), (0.066, 0.018), 25.70),
        ((338502, 113340, 1932), 25.945, 1800, F),
    ),
    DEC_2010: (
        (152, (54.364, 54.364, 107.442, 90, 90, 120), (0.042, 0.075), 22.77),
        ((144614, 28484, 2374), 22.334, 120, T),
    ),
    ANOM: (
        (16, (50.850, 61.730, 67.903, 90, 90, 90), (0.082, 0.2), 10.93),
        ((6717, 6021, 492), 4.889, 90, F),
    ),
    NOV_2016: (
        (20, (52.715, 149.002, 79.727, 90, 90, 90), (0.031, 0.036), 24.62),
        ((103575, 25085, 819), 23.633, 1120, T),
    ),
    FAE: (
        (75, (111.253, 111.253, 65.678, 90, 90, 90), (0.35, 0.23), None),
        ((2012, 2002, 0), 49.137, 1, T),
    ),
    FAE_X09: ((75, (111.55, 111.55, 65.90, 90, 90, 90), None, None), ((7, 7, 0), 7.475, 1, T)),
}


@real(*SHELLS)
def test_statistics_of_real_logs(name):
    found = parse_correct(xds_text(name))
    assert len(found.shells) == 9
    wanted = [shell(*row, old=name == DEC_2010) for row in SHELLS[name]]
    assert [found.shells[0], found.shells[4], found.shells[8], found.total] == wanted


@real(*REST)
def test_what_else_real_logs_say(name):
    found = parse_correct(xds_text(name))
    (group, cell, esd, isa), (counts, wilson_b, n_images, friedel) = REST[name]
    assert (found.space_group, found.cell) == (group, UnitCell(*cell))
    assert (None if found.cell_esd is None else (found.cell_esd[0], found.cell_esd[2])) == esd
    assert (None if found.error_model is None else found.error_model.isa) == isa
    assert (found.n_accepted, found.n_unique, found.n_misfits) == counts
    assert found.wilson.b == wilson_b
    assert (found.data_range, found.friedel) == ((1, n_images), friedel)
    assert found.refined == (name != FAE_X09)
    assert found.ended


@real(*SHELLS)
def test_real_logs_withstand_cuts_and_mangling(name):
    text = xds_text(name)
    assert withstands_cuts(parse_correct, text) > 50
    assert withstands_mangling(parse_correct, text, 150) > 5


@real(ANOM)
def test_symmetries_of_a_real_log(name):
    found = parse_correct(xds_text(name)).symmetry
    assert len(found) == 6
    assert found[1] == SymmetryRow(
        True, 16, UnitCell(51.0, 61.9, 68.3, 90, 90, 90), 277, 0.043, 177, 32, "oP"
    )
    assert found[4] == SymmetryRow(
        False, 3, UnitCell(51.0, 68.3, 61.9, 90, 89.9, 90), 375, 0.042, 79, 34, "mP"
    )


@real(XDSAPP_2020)
def test_signal_and_subsets_of_a_real_log(name):
    found = parse_correct(xds_text(name))
    assert len(found.i_over_sigma) == 100
    assert found.i_over_sigma[0] == SignalRow(44.632, 15.811, 23.35, 1.53, 0.0283, 0.0233, 274, 275, 240)
    assert found.i_over_sigma[-1] == SignalRow(1.698, 1.690, 0.16, 0.88, 4.7868, 5.1131, 6321, 6362, 3)
    assert found.i_over_sigma_total == SignalRow(
        44.632, 1.690, 6.28, 0.97, 0.0475, 0.0482, 489925, 490020, 4275
    )
    assert len(found.subsets) == 8
    first = found.subsets[0]
    assert (first.first, first.last, first.total.observed, first.total.r_meas) == (1, 401, 54356, 0.043)


@real("ednamx_fae/FAE", "ednamx_fae/FAEx09")
def test_gemmi_merges_the_reflections_to_the_statistics_of_the_log(name):
    log, file = (
        parse_correct(xds_text(f"{name}_CORRECT.LP")),
        gemmi.read_xds_ascii(str(XDS / f"{name}_XDS_ASCII.HKL")),
    )
    assert file.spacegroup_number == log.space_group
    assert file.cell_constants == pytest.approx(log.cell.parameters)
    merged = gemmi.Intensities()
    group, sigma = (
        gemmi.SpaceGroup(file.spacegroup_number),
        np.abs(file.sigma_array),
    )  # the log counts aliens too
    merged.set_data(gemmi.UnitCell(*file.cell_constants), group, file.miller_array, file.iobs_array, sigma)
    merged.prepare_for_merging(gemmi.DataType.Mean)
    stats = merged.calculate_merging_stats(None, use_weights="U")[0]
    assert (stats.all_refl, stats.unique_refl) == (log.total.observed, log.total.unique)
    if log.total.compared:
        assert 2 * stats.stats_refl == log.total.compared, "each reflection compared was measured twice"
        assert stats.r_merge() == pytest.approx(log.total.r_obs, abs=5.1e-4)
        assert stats.r_meas() == pytest.approx(log.total.r_meas, abs=5.1e-4)
        assert stats.cc_half() == pytest.approx(log.total.cc_half, abs=0.01)
