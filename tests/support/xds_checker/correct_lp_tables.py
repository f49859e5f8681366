"""CORRECT.LP of the checker: errors and statistics, in the shapes and columns of the real one.

This is the CHECKER of beampace's tests, not XDS.
"""

from __future__ import annotations

import math

from tests.support.xds_checker.correct_errors import ErrorModel, Scales
from tests.support.xds_checker.correct_lp_text import title, truth
from tests.support.xds_checker.correct_merging import Axial
from tests.support.xds_checker.correct_statistics import NONE, Row
from tests.support.xds_checker.correct_wilson import ErrorShell, Wilson, WilsonShell

_TABLE_HEAD = [
    " SUBSET OF INTENSITY DATA WITH SIGNAL/NOISE >= -3.0 AS FUNCTION OF RESOLUTION",
    " RESOLUTION     NUMBER OF REFLECTIONS    COMPLETENESS R-FACTOR  R-FACTOR COMPARED I/SIGMA   R-meas"
    "  CC(1/2)  Anomal  SigAno   Nano",
    "   LIMIT     OBSERVED  UNIQUE  POSSIBLE     OF DATA   observed  expected"
    "                                      Corr",
    "",
]


def scale_lines(scales: Scales) -> list[str]:
    """The factors of ranges of frames."""
    return [
        *title("           CORRECTION FACTORS AS FUNCTION OF IMAGE NUMBER & RESOLUTION"),
        f" TOTAL NUMBER OF CORRECTION FACTORS DEFINED{len(scales.factors):9d}",
        f" XMIN={scales.edges[0]:8.1f} XMAX={scales.edges[-1]:8.1f} NXBIN={len(scales.factors):5d}",
        f" SMALLEST AND LARGEST FACTOR{scales.factors.min():10.3f}{scales.factors.max():10.3f}",
        f" NUMBER OF REFLECTIONS USED FOR DETERMINING CORRECTION FACTORS{scales.used:11d}",
        "",
    ]


def error_model_lines(model: ErrorModel) -> list[str]:
    """The line `a b ISa`."""
    return [
        *title("    CORRECTION PARAMETERS FOR THE STANDARD ERROR OF REFLECTION INTENSITIES"),
        " The variance is v(I)=a*(v0(I)+b*I^2), v0(I) being that of counting; ISa=1/SQRT(a*b).",
        "",
        "     a        b          ISa",
        f" {model.a:9.3E}  {model.b:9.3E}{model.isa:8.2f}",
        "",
    ]


def error_shell_lines(shells: list[ErrorShell]) -> list[str]:
    """The table of I/Sigma and Chi^2."""
    return [
        *title(
            "      STANDARD ERROR OF REFLECTION INTENSITIES AS FUNCTION OF RESOLUTION",
            "      FOR DATA SET  XDS_ASCII.HKL                                     ",
        ),
        " RESOLUTION RANGE  I/Sigma  Chi^2  R-FACTOR  R-FACTOR  NUMBER ACCEPTED REJECTED",
        "                                   observed  expected",
        "",
        *(_error_shell(shell) for shell in shells[:-1]),
        "   " + "-" * 74,
        _error_shell(shells[-1]),
        " ",
        "",
    ]


def _error_shell(shell: ErrorShell) -> str:
    return (
        f"{shell.low:9.3f}{shell.high:8.3f}{shell.signal:9.2f}{shell.chi_square:7.2f}"
        f"{100 * shell.r_observed:10.2f}{100 * shell.r_expected:10.2f}"
        f"{shell.compared:8d}{shell.accepted:8d}{shell.rejected:8d}"
    )


def subset_lines(data_range: tuple[int, int]) -> list[str]:
    """The heading of statistics of the first images."""
    first, last = data_range
    return title(f"  SUMMARY OF DATA SET STATISTICS FOR IMAGE   DATA_RANGE={first:8d}{last:8d}")


def saved_lines(data_range: tuple[int, int], axials: list[Axial], *, friedel: bool) -> list[str]:
    """The heading of statistics of the saved data, and the table that shows screw axes."""
    first, last = data_range
    return [
        *title(
            f'  STATISTICS OF SAVED DATA SET "XDS_ASCII.HKL" (DATA_RANGE={first:8d}{last:8d})',
            f" FILE TYPE:         XDS_ASCII      MERGE=FALSE          FRIEDEL'S_LAW={truth(friedel)}",
        ),
        "   REFLECTIONS OF TYPE H,0,0  0,K,0  0,0,L OR EXPECTED TO BE ABSENT (*)",
        "   --------------------------------------------------------------------",
        "",
        "   H    K    L  RESOLUTION  INTENSITY     SIGMA    INTENSITY/SIGMA  #OBSERVED",
        "",
        *(_axial(each) for each in axials),
    ]


def _axial(each: Axial) -> str:
    h, k, index = each.hkl
    return (
        f"{h:5d}{k:5d}{index:5d}{each.d:10.3f}{fortran(each.intensity):>13}{fortran(each.sigma):>12}"
        f"{each.intensity / each.sigma:13.2f}{each.count:12d}{'*' if each.is_absent else ' '}"
    )


def fortran(value: float, digits: int = 4) -> str:
    """A number as Fortran writes it: 0.1234E+01."""
    mantissa, exponent = f"{value:.{digits - 1}E}".split("E")
    shifted = int(exponent) + (1 if float(mantissa) else 0)
    sign = "-" if mantissa.startswith("-") else ""
    return f"{sign}0.{mantissa.lstrip('-').replace('.', '')}E{shifted:+03d}"


def table_lines(rows: list[Row], absent: tuple[int, float], *, friedel: bool) -> list[str]:
    """The table of fourteen columns; `absent` are how many reflections, and which part of the mean."""
    lines = [""]
    if absent[0]:
        lines += [f" AVERAGE INTENSITY FOR{absent[0]:8d} REFLECTIONS WHICH SHOULD"]
        lines += [f" BE SYSTEMATICALLY ABSENT IS{100 * absent[1]:8.1f}% OF MEAN INTENSITY", "", ""]
    lines += ["          COMPLETENESS AND QUALITY OF DATA SET", "          " + "-" * 36, ""]
    if not friedel:
        lines += ["       NOTE:      Friedel pairs are treated as different reflections.", ""]
    return [*lines, *_TABLE_HEAD, *(_row(row) for row in rows), "", ""]


def _row(row: Row) -> str:
    name = "    total" if row.limit is None else f"{row.limit:9.2f}"
    star, other = "*" if row.is_cc_significant else " ", "*" if row.is_anomalous_significant else " "
    return (
        f"{name}{row.observed:12d}{row.unique:8d}{row.possible:10d}{100 * row.completeness:11.1f}%"
        f"{_percent(row.r_observed):10.1f}%{_percent(row.r_expected):9.1f}%{row.compared:9d}"
        f"{row.signal:8.2f}{_percent(row.r_meas):9.1f}%{100 * row.cc_half:8.1f}{star}"
        f"{100 * row.anomalous_correlation:6.0f}{other}{row.anomalous_signal:8.3f}{row.n_anomalous:8d}"
    )


def _percent(value: float) -> float:
    return -99.9 if value == NONE else min(100 * value, 99999.9)


def count_lines(in_subset: int, misfits: int, absent: int, accepted: int, unique: int) -> list[str]:
    """The numbers below a table."""
    named = [
        (" NUMBER OF REFLECTIONS IN SELECTED SUBSET OF IMAGES", in_subset),
        (" NUMBER OF REJECTED MISFITS", misfits),
        (" NUMBER OF SYSTEMATIC ABSENT REFLECTIONS", absent),
        (" NUMBER OF ACCEPTED OBSERVATIONS", accepted),
        (" NUMBER OF UNIQUE ACCEPTED REFLECTIONS", unique),
    ]
    return [*(f"{name:51s}{value:10d}" for name, value in named), "", ""]


def wilson_lines(plot: Wilson) -> list[str]:
    """The Wilson line and its points."""
    return [
        *title('    WILSON STATISTICS OF DATA SET  "XDS_ASCII.HKL"'),
        f"   WILSON LINE (using all data) : A={plot.a:8.3f} B={plot.b:8.3f}"
        f" CORRELATION={plot.correlation:6.2f}",
        "      #      RES      SS        <I>       log(<I>)       BO",
        *(_wilson_shell(plot, shell) for shell in plot.shells),
        "",
        "",
    ]


def _wilson_shell(plot: Wilson, shell: WilsonShell) -> str:
    log = math.log(shell.mean) if shell.mean > 0 else -999.999
    b = (plot.a - log) / (2 * shell.ss) if shell.mean > 0 else -1000.0
    return f"{shell.count:8d}{shell.resolution:10.3f}{shell.ss:8.3f}{shell.mean:12.4E}{log:12.3f}{b:10.1f}"


def final_lines(records: int, accepted: int) -> list[str]:
    """What was saved."""
    named = [
        (' NUMBER OF REFLECTION RECORDS ON OUTPUT FILE "XDS_ASCII.HKL"', records),
        (" NUMBER OF ACCEPTED OBSERVATIONS (INCLUDING SYSTEMATIC ABSENCES)", accepted),
        (" NUMBER OF REJECTED MISFITS & ALIENS (marked by -1*SIGMA(IOBS))", records - accepted),
    ]
    return [
        f" NUMBER OF UNIQUE ALIEN REFLECTIONS WITH A Z-SCORE ABOVE LIMIT{0:10d}",
        "",
        *(f"{name:64s}{value:8d}" for name, value in named),
        "",
    ]
