"""Blocks of refined parameters."""

import pytest

from beampace.core.cell import UnitCell
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.parameters import Parameters, parse_parameters

BLOCK = """\
 REFINED VALUES OF DIFFRACTION PARAMETERS DERIVED FROM      1234 INDEXED SPOTS
 REFINED PARAMETERS:   AXIS BEAM ORIENTATION CELL
 STANDARD DEVIATION OF SPOT    POSITION (PIXELS)     0.61
 STANDARD DEVIATION OF SPINDLE POSITION (DEGREES)    0.12
 SPACE GROUP NUMBER     96
 UNIT CELL PARAMETERS     78.102    78.102    37.201  90.000  90.000  90.000
 E.S.D. OF CELL PARAMETERS  1.1E-02 1.1E-02 8.0E-03 0.0E+00 0.0E+00 0.0E+00
 REC. CELL PARAMETERS   0.012804  0.012804  0.026881  90.000  90.000  90.000
 COORDINATES OF UNIT CELL A-AXIS    70.001    10.002   -33.003
 COORDINATES OF UNIT CELL B-AXIS  -110.500-120.250 -30.125
 COORDINATES OF UNIT CELL C-AXIS     5.575   -67.661    -1.275
 CRYSTAL MOSAICITY (DEGREES)     0.097
 LAB COORDINATES OF ROTATION AXIS  0.999913 -0.001645 -0.013095
 DIRECT BEAM COORDINATES (REC. ANGSTROEM)   0.010160 -0.000686  0.968803
 DETECTOR COORDINATES (PIXELS) OF DIRECT BEAM    2070.40   2175.79
 DETECTOR ORIGIN (PIXELS) AT                     2061.75   2176.37
 CRYSTAL TO DETECTOR DISTANCE (mm)       159.49
 LAB COORDINATES OF DETECTOR X-AXIS  1.000000  0.000000  0.000000
 LAB COORDINATES OF DETECTOR Y-AXIS  0.000000  1.000000  0.000000
"""


def test_a_block():
    assert parse_parameters(BLOCK) == Parameters(
        n_spots=1234,
        rmsd_px=0.61,
        rmsd_deg=0.12,
        space_group=96,
        cell=UnitCell(78.102, 78.102, 37.201, 90, 90, 90),
        cell_esd=(0.011, 0.011, 0.008, 0, 0, 0),
        axes=((70.001, 10.002, -33.003), (-110.5, -120.25, -30.125), (5.575, -67.661, -1.275)),
        mosaicity=0.097,
        rotation_axis=(0.999913, -0.001645, -0.013095),
        beam_vector=(0.01016, -0.000686, 0.968803),
        beam_px=(2070.4, 2175.79),
        origin_px=(2061.75, 2176.37),
        distance=159.49,
    )


def test_what_is_not_always_printed_may_be_missing():
    kept = [
        line
        for line in BLOCK.splitlines()
        if not any(word in line for word in ("E.S.D.", "MOSAICITY", "A-AXIS"))
    ]
    found = parse_parameters(kept)
    assert (found.cell_esd, found.mosaicity, found.axes) == (None, None, None)


def test_standard_deviations_not_estimated_are_none():
    glued = BLOCK.replace(
        "  1.1E-02 1.1E-02 8.0E-03 0.0E+00 0.0E+00 0.0E+00",
        " -1.0E+00-1.0E+00-1.0E+00-1.0E+00-1.0E+00-1.0E+00",
    )
    assert parse_parameters(glued).cell_esd is None


@pytest.mark.parametrize(
    "line",
    [
        "DERIVED FROM      1234 INDEXED SPOTS",
        " USING    1234 INDEXED SPOTS",
        "  1234 OUT OF   1890 REFLECTIONS ACCEPTED FOR REFINEMENT",
    ],
)
def test_every_way_in_which_spots_are_counted(line):
    assert parse_parameters([line, *BLOCK.splitlines()[1:]]).n_spots == 1234
    assert parse_parameters(BLOCK.splitlines()[1:]).n_spots is None


@pytest.mark.parametrize(
    "label", ["SPOT    POSITION", "SPINDLE", "SPACE GROUP", "UNIT CELL P", "ROTATION", "ORIGIN"]
)
def test_what_is_missing_is_named(label):
    kept = [line for line in BLOCK.splitlines() if label not in line]
    with pytest.raises(LpError, match=r"IDXREF\.LP: no '.*'"):
        parse_parameters(kept, "IDXREF.LP")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("159.49", "******"),
        ("78.102    78", "78.1x2    78"),
        ("NUMBER     96", "NUMBER    231"),
        (" 37.201", "  0.201"),
        ("-0.000686  0.968803", "-0.000686"),
    ],
)
def test_what_is_mangled_is_refused(old, new):
    assert old in BLOCK
    with pytest.raises(LpError, match=r"CORRECT\.LP: "):
        parse_parameters(BLOCK.replace(old, new), "CORRECT.LP")
