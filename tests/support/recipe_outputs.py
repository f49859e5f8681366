"""Look-alikes of what other programs write: our own numbers of an imaginary crystal in their forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

XDS_DATA = Path(__file__).parents[3] / "shared" / "data" / "xds"
"""Real logs beside the repository."""

CELL = (78.4, 78.4, 37.2, 90.0, 90.0, 90.0)
N_SHELLS = 4
D_MIN = 2.0


def aimless_log(**changes: str) -> str:
    """A log of AIMLESS with four shells; `changes` replace texts by others."""
    return _changed(
        "\n".join(
            [
                " ### CCP4 8.0: AIMLESS               version 0.7.9 : 01/02/23##",
                "   Space group from HKLIN file : P 43 21 2",
                *_aimless_table("Analysis against resolution, NATIVE:", "Rmrg Mn(I/sd)", _SIGNAL),
                *_aimless_table(
                    "Analysis against resolution, with & without anomalous (Ov), NATIVE:",
                    "Rmrg RmrgOv Rmeas RmeasOv Rpim RpimOv",
                    _R_VALUES,
                ),
                *_aimless_table(
                    "Completeness & multiplicity v. resolution, NATIVE:",
                    "Nmeas Nref %poss Mlplct AnoCmp",
                    _COUNTS,
                ),
                *_aimless_table(
                    "Correlations CC(1/2) within dataset, NATIVE:", "CCanom Nanom CC1/2 NCC1/2", _CC
                ),
                *_AIMLESS_SUMMARY,
                "",
            ]
        ),
        changes,
    )


_SIGNAL = ("0.020 40.1", "0.031 25.0", "0.080 11.2", "0.300 3.1")
_R_VALUES = (
    "0.020 0.022 0.024 0.025 0.010 0.009",
    "0.031 0.033 0.036 0.037 0.015 0.012",
    "0.080 0.084 0.090 0.093 0.040 0.031",
    "0.300 0.310 0.340 0.350 0.150 0.120",
)
_COUNTS = (
    "6000 1000 99.0 6.0 98.0",
    "13000 2000 100.0 6.5 99.0",
    "20400 2900 99.8 7.0 99.0",
    "26000 3600 98.0 7.2 97.0",
)
_CC = ("0.400 600 0.999 990", "0.200 1500 0.998 1990", "0.050 2500 0.990 2890", "-0.010 3000 0.850 3580")

_AIMLESS_SUMMARY = """
Summary data for        Project: P Crystal: X Dataset: NATIVE

                                           Overall  InnerShell  OuterShell
Low resolution limit                       39.20     39.20      2.31
High resolution limit                       2.00      4.00      2.00

Rmerge  (within I+/I-)                     0.050     0.020     0.300
Rmerge  (all I+ and I-)                    0.054     0.022     0.310
Rmeas (within I+/I-)                       0.058     0.024     0.340
Rmeas (all I+ & I-)                        0.060     0.025     0.350
Rpim (within I+/I-)                        0.025     0.010     0.150
Rpim (all I+ & I-)                         0.021     0.009     0.120
Rmerge in top intensity bin                0.020        -         -
Total number of observations               65400      6000     26000
Total number unique                         9500      1000      3600
Mean((I)/sd(I))                             13.8      40.1       3.1
Mn(I) half-set correlation CC(1/2)         0.999     0.999     0.850
Completeness                                99.1      99.0      98.0
Multiplicity                                 6.9       6.0       7.2
Mean(Chi^2)                                 0.98      1.02      0.95

Anomalous completeness                      98.2      98.0      97.0
Anomalous multiplicity                       3.6       3.3       3.7
DelAnom correlation between half-sets      0.110     0.400    -0.010
Mid-Slope of Anom Normal Probability       1.050       -         -

Average unit cell:   78.40  78.40  37.20        90     90     90
Space group: P 43 21 2
Average mosaicity:   0.10

$$ <!--SUMMARY_END-->""".splitlines()


def _aimless_table(title: str, names: str, rows: tuple[str, ...]) -> list[str]:
    step = 1 / D_MIN**2 / N_SHELLS
    body = [
        f"  {n + 1} {(n + 0.5) * step:.4f} {((n + 0.5) * step) ** -0.5:.2f} {row}"
        for n, row in enumerate(rows)
    ]
    return [
        f"$TABLE:  {title}",
        "$GRAPHS: some :N:2,4:",
        " $$",
        f"  N  1/d^2  Dmid {names}  $$ $$",
        *body,
        "$$",
    ]


def table1(*, cut: bool = False, **changes: str) -> str:
    """autoPROC's table, of data cut by an ellipsoid or not."""
    share = (
        ["     Completeness (spherical)                    60.1       100.0        12.0",
         "     Completeness (ellipsoidal)                  93.2       100.0        60.0"]
        if cut
        else ["     Completeness                                99.1        99.0        98.0"]
    )  # fmt: skip
    anomalous = (
        ["     Anomalous completeness (spherical)          58.0       100.0        10.0",
         "     Anomalous completeness (ellipsoidal)        92.0       100.0        58.0"]
        if cut
        else ["     Anomalous completeness                      98.2        98.0        97.0"]
    )  # fmt: skip
    lines = [
        "",
        "                                              Overall  InnerShell  OuterShell",
        "---------------------------------------------------------------------------",
        "     Low resolution limit                      39.200      39.200       2.100",
        "     High resolution limit                      2.000       5.400       2.000",
        "",
        "     Rmerge  (all I+ & I-)                      0.054       0.022       0.310",
        "     Rmerge  (within I+/I-)                     0.050       0.020       0.300",
        "     Rmeas   (all I+ & I-)                      0.060       0.025       0.350",
        "     Rmeas   (within I+/I-)                     0.058       0.024       0.340",
        "     Rpim    (all I+ & I-)                      0.021       0.009       0.120",
        "     Rpim    (within I+/I-)                     0.025       0.010       0.150",
        "     Total number of observations               65400        3000        8640",
        "     Total number unique                         9500         500        1200",
        "     Mean(I)/sd(I)                               13.8        40.1         3.1",
        *share,
        "     Multiplicity                                 6.9         6.0         7.2",
        "     CC(1/2)                                    0.999       0.999         NA ",
        "",
        *anomalous,
        "     Anomalous multiplicity                       3.6         3.3         3.7",
        "     CC(ano)                                    0.110       0.400      -0.010",
        "     |DANO|/sd(DANO)                            0.900       1.200       0.780",
        "",
        "",
    ]
    return _changed("\n".join(lines), changes)


STARANISO_LOG = """
Unit cell and space group:       78.400   78.400   37.200  90.00  90.00  90.00   'P 43 21 2'
Nominal diffraction range:       39.200  1.800

Diffraction limits & principal axes of ellipsoid fitted to diffraction cut-off surface:

                              2.310         1.0000   0.0000   0.0000       _a_*
                              2.310         0.0000   1.0000   0.0000       _b_*
                              1.850         0.0000   0.0000   1.0000       _c_*

Number of unobserved reflections inside ellipsoid:     600
"""


def xdsapp_results(*, friedel: str = "TRUE", **changes: str) -> str:
    """XDSAPP's summary."""
    rows = {
        "Space group": "P43212 (96)",
        "Unit cell parameters [A]": "78.40 78.41 37.20 90.0 90.0 90.0",
        "Resolution limit [A]": "39.20-2.0 (2.12-2.00)",
        "No. of reflections": "65400",
        "No. of uniques": "9500",
        "Multiplicity": "6.88",
        "I/sigI": "13.80 (3.10)",
        "R_meas [%]": "6.0 (35.0)",
        "Completeness [%]": "99.1 (98.0)",
        "B(Wilson) [A^2]": "31.20",
        "Mosaicity [deg]": "0.101",
        "CC(1/2)": "99.9 (85.0)",
        "ISa": "28.40",
    }
    rule = "-" * 67
    lines = [
        "", rule, "", "Processing summary for data set lyso_1", " 2024-05-01 10:00:00", rule, "",
        "Table 1 like summary ", rule, "",
        *(f"    {label:<39}{value:<38}" for label, value in rows.items()),
        "", "", "Result files generated for CCP4, CNS, SHELX", rule, "", "    lyso_1_F.mtz", "",
        "Indexing summary", rule, "", "    No. of spots indexed (total)           900 (1000) (=90.0 %)", "",
        "Experimental settings", rule, "",
        f"    Friedels law                           {friedel:<38}", "", "",
    ]  # fmt: skip
    return _changed("\n".join(lines), changes)


def xia2_statistics(*, full: bool = False) -> dict[str, list[float]]:
    """xia2's statistics: all data, inner, outer shell; with `full` data beyond the suggested limit, too."""
    known = {
        "High resolution limit": [2.0, 5.4, 2.0, 1.8],
        "Low resolution limit": [39.2, 39.2, 2.05, 39.2],
        "Completeness": [99.1, 99.0, 98.0, 80.0],
        "Multiplicity": [6.884, 6.0, 7.2, 6.1],
        "I/sigma": [13.8, 40.1, 3.1, 9.0],
        "Rmerge(I)": [0.054, 0.022, 0.31, 0.08],
        "Rmerge(I+/-)": [0.05, 0.02, 0.3, 0.07],
        "Rmeas(I)": [0.06, 0.025, 0.35, 0.09],
        "Rpim(I)": [0.021, 0.009, 0.12, 0.03],
        "CC half": [0.999, 0.999, 0.85, 0.999],
        "Anomalous completeness": [98.2, 98.0, 97.0, 79.0],
        "Anomalous multiplicity": [3.6, 3.3, 3.7, 3.2],
        "Anomalous correlation": [0.11, 0.4, -0.01, 0.1],
        "Total observations": [65400, 3000, 4320, 70000],
        "Total unique": [9500, 500, 600, 11500],
    }
    return {name: values if full else values[:3] for name, values in known.items()} | {
        "Wilson B factor": [31.2]
    }


def xia2_json(*, full: bool = False, **scaler: Any) -> str:
    """`xia2.json` with one dataset; `scaler` replaces keys of its scaler."""
    made = {
        "_scalr_cell": list(CELL),
        "_scalr_likely_spacegroups": ["P 41 21 2", "P 43 21 2"],
        "_scalr_statistics": {'["AUTOMATIC", "DEFAULT", "NATIVE"]': xia2_statistics(full=full)},
        **scaler,
    }
    return json.dumps({"__id__": "XProject", "_crystals": {"DEFAULT": {"_scaler": made}}})


def xia2_txt(*, full: bool = False, **changes: str) -> str:
    """`xia2.txt` from its statistics on."""
    head = "Suggested   Low    High  Overall" if full else " Overall    Low     High"
    printed = {name: map("{:7g}".format, row) for name, row in xia2_statistics(full=full).items()}
    rows = [f"{name:<44} {' '.join(row)}" for name, row in printed.items()]
    lines = [
        "------------- Scaling DEFAULT --------------",
        "For AUTOMATIC/DEFAULT/NATIVE".ljust(44) + head,
        *rows,
        "Assuming spacegroup: P 41 21 2",
        "Other likely alternatives are:",
        "P 43 21 2",
        "Unit cell (with estimated std devs):",
        "78.4000(12) 78.4000(12) 37.2000(5)",
        "90.0        90.0        90.0",
        "mtz format:",
        "Scaled reflections: /somewhere/AUTOMATIC_DEFAULT_free.mtz",
        "Status: normal termination",
        "",
    ]
    return _changed("\n".join(lines), changes)


def fast_dp_json(**changes: Any) -> str:
    """`fast_dp.json`."""
    shells = zip(
        ("overall", "innerShell", "outerShell"),
        (
            (39.2, 2.0, 65400, 9500, 99.1, 6.9),
            (39.2, 8.9, 720, 120, 99.0, 6.0),
            (2.05, 2.0, 4320, 600, 98.0, 7.2),
        ),
        ((0.05, 0.058, 13.8, 0.999, 0.11), (0.02, 0.024, 40.1, 0.999, 0.4), (0.3, 0.34, 3.1, 0.85, -0.01)),
        strict=True,
    )
    statistics = {
        name: {
            "res_lim_low": a[0], "res_lim_high": a[1], "n_tot_obs": a[2], "n_tot_unique_obs": a[3],
            "completeness": a[4], "multiplicity": a[5], "anom_completeness": 98.0, "anom_multiplicity": 3.6,
            "r_merge": b[0], "r_meas_within_iplusi_minus": b[1], "mean_i_sig_i": b[2], "cc_half": b[3],
            "cc_anom": b[4],
        }
        for name, a, b in shells
    }  # fmt: skip
    made = {"spacegroup": "P 4 2 2", "unit_cell": list(CELL), "scaling_statistics": statistics, **changes}
    return json.dumps(made)


def fast_dp_log(*, per_cent: bool = False, **changes: str) -> str:
    """The end of `fast_dp.log`; older versions write correlations in per cent."""
    half, anomalous = (
        ("99.9 99.9 85.0", "11.0 40.0 -1.0") if per_cent else ("0.999 0.999 0.850", "0.110 0.400 -0.010")
    )
    lines = [
        "Happy with sg# 89", "78.40  78.40  37.20  90.00  90.00  90.00", "-" * 80,
        "      Low resolution  39.20  39.20   2.05", "     High resolution   2.00   8.90   2.00",
        "              Rmerge  0.050  0.020  0.300", "             I/sigma  13.80  40.10   3.10",
        "        Completeness   99.1   99.0   98.0", "        Multiplicity    6.9    6.0    7.2",
        f"              CC 1/2  {half}", "  Anom. Completeness   98.2   98.0   97.0",
        "  Anom. Multiplicity    3.6    3.3    3.7", f"   Anom. Correlation  {anomalous}",
        "               Nrefl  65400    720   4320", "             Nunique   9500    120    600",
        "           Mid-slope  1.050", "-" * 80, "Merging point group: P 4 2 2",
        "Unit cell:  78.40  78.40  37.20  90.00  90.00  90.00",
        "Processing took 00h 01m 01s (61 s) [65400 reflections]", "",
    ]  # fmt: skip
    return _changed("\n".join(lines), changes)


def _changed(text: str, changes: dict[str, str]) -> str:
    """The text with what `old` names replaced by `new`."""
    if not changes:
        return text
    assert text.count(changes["old"]) >= 1, changes["old"]
    return text.replace(changes["old"], changes["new"], 1)
