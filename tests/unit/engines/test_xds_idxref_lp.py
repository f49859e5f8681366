"""IDXREF.LP: how spots were indexed."""

import pytest

from beampace.core.cell import UnitCell
from beampace.engines.xds.idxref_lp import LatticeRow, Origin, OverlapLimit, parse_idxref
from beampace.engines.xds.lp_text import LpError
from tests.support.xds_data import real, withstands_cuts, withstands_mangling, xds_text
from tests.unit.engines.test_xds_parameters import BLOCK

HEAD = """\

 ***** IDXREF ***** (VERSION Jan 10, 2022  BUILT=20220820)   1-May-2026

 AUTOINDEXING IS BASED ON   1500 OUT OF    2000 SPOTS
"""
SUBTREES = """\
 SUBTREE    POPULATION

     1         1200
     2          210

 NUMBER OF ACCEPTED SPOTS FROM LARGEST SUBTREE  1200
"""
ORIGINS = """\

 ***** SELECTION OF THE INDEX ORIGIN OF THE REFLECTIONS *****
  INDEX_   QUALITY  DELTA    XD       YD       X       Y       Z       DH      DK      DL
  ORIGIN

  0  0  0      1.5    0.1   2061.4   2176.5 -0.0046 -0.0007  1.0363    0.01    0.02    0.03
-10 -1 12     12.5    1.1   2161.4   2276.5 -0.0546 -0.0107  1.0313    0.11    0.12    0.13
  0  0  1  ********    9.9   9999.9   2276.5 -0.0546 -0.0107  1.0313    0.11    0.12    0.13

 SELECTED:     INDEX_ORIGIN=  0  0  0
"""
INDEXING = """\

 ***** INDEXING OF OBSERVED SPOTS IN SPACE GROUP #   1 *****
      1234 OUT OF      1500 SPOTS INDEXED.
       16 REJECTED REFLECTIONS (REASON: OVERLAP)
      250 REJECTED REFLECTIONS (REASON: TOO FAR FROM IDEAL POSITION)
 EXPECTED ERROR IN SPINDLE  POSITION     0.108 DEGREES
 EXPECTED ERROR IN DETECTOR POSITION      0.71 PIXELS

"""
START = f"\n ***** DIFFRACTION PARAMETERS USED AT START OF INTEGRATION *****\n\n{BLOCK}\n\n"
OVERLAPS = """\
 Maximum oscillation range to prevent angular overlap at high resolution limit
 assuming zero (!) mosaicity.
 Maximum oscillation range  High resolution limit
         (degrees)               (Angstrom)
              1.74                    4.00
              0.87                    2.00

"""
END = " cpu time used                  1.1 sec\n elapsed wall-clock time        1.0 sec\n"
MARKED = {44: "aP", 33: "mP", 21: "tP"}


def lattices() -> str:
    """A table of 44 characters, the fit of the marked ones good."""
    head = (
        "\n *********** DETERMINATION OF LATTICE CHARACTER AND BRAVAIS LATTICE ***********\n\n"
        "  LATTICE-  BRAVAIS-   QUALITY  UNIT CELL CONSTANTS (ANGSTROEM & DEGREES)\n"
        " CHARACTER  LATTICE     OF FIT      a      b      c   alpha  beta gamma\n\n"
    )
    rows = [_row(number) for number in (*MARKED, *(n for n in range(1, 45) if n not in MARKED))]
    return head + "".join(rows) + "\n"


def _row(number: int) -> str:
    mark, quality = ("*", number / 10) if number in MARKED else (" ", 900.0 + number)
    kind, edges = MARKED.get(number, "mC"), f"{37.2:7.1f}{78.1:7.1f}{1078.1:7.1f}"
    return f" {mark}{number:4d}        {kind}   {quality:10.1f}   {edges}{90.0:6.1f}{90.0:6.1f}{90.0:6.1f}\n"


def log() -> str:
    """A whole log."""
    return HEAD + SUBTREES + ORIGINS + INDEXING + START + lattices() + OVERLAPS + END


def test_a_whole_log():
    found = parse_idxref(log())
    assert (found.n_used, found.n_spots, found.subtrees) == (1500, 2000, (1200, 210))
    assert (found.n_indexed, found.n_considered, found.n_overlap, found.n_too_far) == (1234, 1500, 16, 250)
    assert found.spindle_error == 0.108
    assert found.start is not None
    assert found.start.space_group == 96
    assert found.overlap_limits == (OverlapLimit(1.74, 4.0), OverlapLimit(0.87, 2.0))
    assert (found.warnings, found.errors, found.ended) == ((), (), True)


def test_origins_run_together_and_one_that_overflows_is_left_out():
    first, second = parse_idxref(log()).origins
    assert first == Origin((0, 0, 0), 1.5, 0.1, 2061.4, 2176.5, -0.0046, -0.0007, 1.0363, 0.01, 0.02, 0.03)
    assert (second.hkl, second.quality) == ((-10, -1, 12), 12.5)


def test_lattices_in_the_order_printed():
    found = parse_idxref(log()).lattices
    assert len(found) == 44
    assert found[0] == LatticeRow(True, 44, "aP", 4.4, UnitCell(37.2, 78.1, 1078.1, 90, 90, 90))
    assert [row.character for row in found if row.marked] == list(MARKED)


def test_numbers_of_a_lattice_that_run_together():
    row = " *   1        cF          0.0     1234.51234.51234.5101.2 102.2 103.7\n"
    found = parse_idxref(log().replace(_row(1), row)).lattices
    assert next(lattice for lattice in found if lattice.character == 1).cell.parameters == (
        *([1234.5] * 3),
        101.2,
        102.2,
        103.7,
    )


def test_a_bad_lattice_that_is_no_cell_is_left_out_but_not_a_good_one():
    nonsense = _row(1).replace("90.0  90.0  90.0", "10.0  10.0  90.0")
    assert len(parse_idxref(log().replace(_row(1), nonsense)).lattices) == 43
    with pytest.raises(LpError, match="enclose no volume"):
        parse_idxref(log().replace(_row(44), _row(44).replace("90.0  90.0  90.0", "10.0  10.0  90.0")))


def test_a_log_in_which_indexing_failed():
    error = " !!! ERROR !!! CANNOT CONTINUE WITH A TWO-DIMENSIONAL LATTICE\n"
    found = parse_idxref(HEAD + "\n" + error)
    assert found.errors == ("CANNOT CONTINUE WITH A TWO-DIMENSIONAL LATTICE",)
    assert (found.start, found.n_indexed, found.lattices, found.ended) == (None, None, (), False)


def test_the_last_of_two_indexings_counts():
    twice = log().replace(INDEXING, INDEXING.replace("1234 OUT", "1000 OUT") + INDEXING)
    assert parse_idxref(twice).n_indexed == 1234
    first = HEAD + SUBTREES + ORIGINS + INDEXING
    assert parse_idxref(first).n_indexed is None, "what it led to is not there yet"


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ("AUTOINDEXING IS BASED ON", "", "AUTOINDEXING"),
        (" NUMBER OF ACCEPTED SPOTS FROM LARGEST SUBTREE  1200\n", "", "ACCEPTED SPOTS"),
        ("      1.5    0.1", "      1x5    0.1", "index origins"),
        (" SPOTS INDEXED.", " SPOTS", "SPOTS INDEXED"),
        (_row(7), "", "1 to 44"),
        (_row(7), _row(8), "1 to 44"),
        ("1078.1", "******", "lattice characters"),
        ("              0.87 ", "              0.8x ", "overlaps"),
    ],
)
def test_what_is_mangled_is_refused_and_named(old, new, missing):
    assert old in log()
    with pytest.raises(LpError, match=rf"IDXREF\.LP: .*{missing}"):
        parse_idxref(log().replace(old, new, 1))


def test_a_look_alike_withstands_cuts_and_mangling():
    assert withstands_cuts(parse_idxref, log(), 200) > 30
    assert withstands_mangling(parse_idxref, log()) > 100


EDNA2, CHARACTERISATION, X828 = (
    "edna2_idxref/IDXREF.LP",
    "ednamx_characterisation/IDXREF.LP",
    "ccp4i2_x828/SWEEP1_INDEX.log",
)


@real(EDNA2, CHARACTERISATION, X828)
def test_real_logs_withstand_cuts_and_mangling(name):
    text = xds_text(name)
    assert withstands_cuts(parse_idxref, text) > 30
    assert withstands_mangling(parse_idxref, text) > 50


@real(EDNA2)
def test_a_real_log_of_two_lattices_that_xds_gave_up(name):
    found = parse_idxref(xds_text(name))
    assert (found.n_used, found.n_spots) == (2186, 4145)
    assert found.subtrees == (204, 62, 15, 14, 13, 11, 10, 9, 8, 6)
    assert len(found.origins) == 54
    assert found.origins[-1] == Origin(
        (-2, 0, 0), 34.5, 1.2, 846.3, 719.3, -0.0039, -0.0211, 1.0360, 0.15, 0.89, 0.49
    )
    assert (found.n_indexed, found.n_considered, found.n_overlap, found.n_too_far) == (540, 2186, 58, 1588)
    assert found.spindle_error == 1.008
    start = found.start
    assert (start.n_spots, start.rmsd_px, start.rmsd_deg, start.space_group) == (540, 2.14, 0.99, 1)
    assert start.cell == UnitCell(91.842, 100.858, 134.899, 101.209, 92.004, 113.735)
    assert start.axes[2] == (53.075, -27.212, -120.997)
    assert (start.mosaicity, start.distance) == (0.2, 236.18)
    assert (start.beam_px, start.origin_px) == ((846.98, 746.13), (851.52, 747.33))
    assert [row.character for row in found.lattices if row.marked] == [44, 31]
    assert found.lattices[-1] == LatticeRow(
        False, 24, "hR", 999.0, UnitCell(202.4, 183.5, 91.8, 78.7, 88.3, 92.3)
    )
    assert [limit.width for limit in found.overlap_limits] == [1.74, 1.30, 0.87, 0.43]
    assert found.errors[0].startswith("INSUFFICIENT PERCENTAGE (< 50%) OF INDEXED REFLECTIONS")
    assert len(found.warnings) == 1
    assert found.ended


@real(CHARACTERISATION)
def test_a_real_log_of_two_images(name):
    found = parse_idxref(xds_text(name))
    assert (found.n_used, found.n_spots, found.subtrees[:2]) == (689, 689, (664, 7))
    assert (found.n_indexed, found.n_overlap, found.n_too_far, found.spindle_error) == (609, 0, 80, 0.592)
    assert found.start.cell == UnitCell(54.551, 58.781, 66.628, 89.993, 90.137, 90.110)
    assert [row.lattice for row in found.lattices if row.marked] == ["aP", "aP", "mP", "mP", "mP", "oP"]
    assert (found.errors, found.ended) == ((), True)


@real(X828)
def test_a_real_log_with_a_given_cell(name):
    found = parse_idxref(xds_text(name))
    assert (found.n_used, found.n_spots, found.subtrees[0]) == (47828, 47974, 2935)
    assert (found.n_indexed, found.n_too_far) == (41659, 6169), "of the second indexing, not 41647 and 6181"
    assert (found.start.space_group, found.start.n_spots) == (20, 41659)
    assert found.start.cell == UnitCell(83.072, 96.783, 57.941, 90, 90, 90)
    assert found.origins[1] == Origin(
        (-1, 0, -2), 126.6, 1.5, 697.0, 835.2, -0.0293, -0.0020, 1.0866, 0.13, 0.26, 0.10
    )
    oc = found.lattices[4]
    assert (oc.marked, oc.character, oc.lattice, oc.quality) == (True, 23, "oC", 2.3)
    assert oc.cell == UnitCell(83.2, 96.9, 58.0, 90.0, 90.0, 89.9)
