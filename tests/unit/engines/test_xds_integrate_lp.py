"""INTEGRATE.LP: what each image gave."""

import pytest

from beampace.core.cell import UnitCell
from beampace.engines.xds.integrate_lp import ImageRow, SpotSize, parse_integrate
from beampace.engines.xds.lp_text import LpError
from tests.support.xds_data import X828, real, withstands_cuts, withstands_mangling, xds_text
from tests.unit.engines.test_xds_parameters import BLOCK

HEAD = "\n ***** INTEGRATE ***** (VERSION Jan 10, 2022  BUILT=20220820)   1-May-2026\n"
OLD = " IMAGE IER  SCALE     NBKG NOVL NEWALD NSTRONG  NREJ  SIGMAB  SIGMAR"
NEW = " IMAGE IER    SCALE     NBKG NOVL NEWALD NSTRONG  NREJ   SIGMAB   SIGMAR"
REFINED = (
    "\n  1830 OUT OF   1890 REFLECTIONS ACCEPTED FOR REFINEMENT\n"
    + BLOCK.split("\n", 1)[1].replace(
        " CRYSTAL MOS",
        " CRYSTAL ROTATION OFF FROM INITIAL ORIENTATION     0.016    -0.016    -0.006\n"
        " shown as x,y,z components of rotation axis X angle (degrees)\n CRYSTAL MOS",
    )
    + "\n\n"
)
SUGGESTED = """
 ***** SUGGESTED VALUES FOR INPUT PARAMETERS *****
 BEAM_DIVERGENCE=   0.301  BEAM_DIVERGENCE_E.S.D.=   0.030
 REFLECTING_RANGE=  0.385  REFLECTING_RANGE_E.S.D.=  0.055

 total elapsed wall-clock time       24.6 sec
"""


def batch(first: int, *rows: str, header: str = OLD, refined: str = REFINED) -> str:
    """One batch of as many images as rows."""
    stars = " " + "*" * 78 + "\n"
    title = f"                     PROCESSING OF IMAGES {first:8d} ...{first + len(rows) - 1:8d}\n"
    return f"\n{stars}{title}{stars}\n\n{header}\n" + "".join(f"{row}\n" for row in rows) + refined


ROWS = (
    "     1   0  1.097  2228492    0   1445     156     9  0.0429  0.1726",
    "     2   0  1.085  2228210    0   1479     153    11  0.0442  0.1529",
)
LOG = (
    HEAD
    + batch(1, *ROWS)
    + batch(3, "     3   0  1.072 12227924    0   1445     158    10  0.0424  0.1441")
    + SUGGESTED
)


def test_a_whole_log():
    found = parse_integrate(LOG)
    assert [row.image for row in found.images] == [1, 2, 3]
    assert found.images[0] == ImageRow(1, 0, 1.097, 2228492, 0, 1445, 156, 9, 0.0429, 0.1726)
    assert found.suggested == SpotSize(0.301, 0.030, 0.385, 0.055)
    assert found.ended


def test_batches_with_their_parameters():
    first, second = parse_integrate(LOG).batches
    assert (first.first, first.last, second.first, second.last) == (1, 2, 3, 3)
    assert (first.n_accepted, first.n_total, first.parameters.n_spots) == (1830, 1890, 1830)
    assert first.rotation_off == (0.016, -0.016, -0.006)
    assert first.parameters.mosaicity == 0.097


def test_columns_that_run_together_end_where_the_words_of_the_header_do():
    layout = "{:6d}{:4d}{:7.3f}{:9d}{:5d}{:7d}{:8d}{:6d}{:8.4f}{:8.4f}"
    row = layout.format(1, 0, 123.097, 128228492, 12345, 1445, 156, 9, 10.0429, 110.1726)
    assert "123.09712822849212345 " in row
    found = parse_integrate(HEAD + batch(1, row))
    assert found.images[0] == ImageRow(1, 0, 123.097, 128228492, 12345, 1445, 156, 9, 10.0429, 110.1726)


def test_the_wider_columns_of_newer_versions():
    row = "     1   0    0.982    27756    0   5622     236     1  0.02209  0.16834"
    found = parse_integrate(HEAD + batch(1, row, header=NEW))
    assert found.images == (ImageRow(1, 0, 0.982, 27756, 0, 5622, 236, 1, 0.02209, 0.16834),)


def test_an_image_that_cannot_be_read():
    rows = (
        ROWS[0],
        " !!! ERROR !!! CANNOT OPEN OR READ FILE x_000002.h5",
        "     2  -1  0.000        0    0      0       0     0  0.0000  0.0000",
    )
    found = parse_integrate(HEAD + batch(1, *rows))
    assert [(row.image, row.ier) for row in found.images] == [(1, 0), (2, -1)]
    assert found.errors == ("CANNOT OPEN OR READ FILE x_000002.h5",)
    assert parse_integrate(HEAD + batch(1, "     1  -1")).images == (ImageRow(1, -1),)


def test_a_number_that_overflows_is_none():
    found = parse_integrate(HEAD + batch(1, ROWS[0].replace("0.1726", "******")))
    assert (found.images[0].sigmab, found.images[0].sigmar) == (0.0429, None)


def test_a_batch_without_refinement_is_only_its_images():
    found = parse_integrate(HEAD + batch(1, ROWS[0], refined="\n") + batch(2, ROWS[1]))
    assert (len(found.images), len(found.batches), found.batches[0].first) == (2, 1, 2)


def test_a_log_as_it_grows():
    counts = [0, 0]
    for end in range(len(HEAD), len(LOG) + 1):
        found = parse_integrate(LOG[:end])
        assert [len(found.images), len(found.batches)] >= counts
        counts = [len(found.images), len(found.batches)]
        assert found.ended == (end == len(LOG))
    assert counts == [3, 2]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("***** INTEGRATE *****", "***** COLSPOT *****", "no .* INTEGRATE"),
        ("NSTRONG", "NSTR", "other columns"),
        ("2228492", "22x8492", "row of an image"),
        ("     2   0", "     7   0", "image 7 among images 1 to 2"),
        ("1830 OUT", "18x0 OUT", "ACCEPTED FOR REFINEMENT"),
        ("...       2", "...       x", "PROCESSING OF IMAGES"),
        ("0.097", "0.0x7", "0.0x7"),
        (" 0.385 ", " 0.3x5 ", "not a number"),
        ("REFLECTING_RANGE=", "REFLECTING=", "SUGGESTED VALUES"),
    ],
)
def test_what_is_mangled_is_refused_and_named(old, new, why):
    assert old in LOG
    with pytest.raises(LpError, match=why):
        parse_integrate(LOG.replace(old, new, 1))


NAME = f"{X828}_SAD_SWEEP1_INTEGRATE.log"


@real(NAME)
def test_the_real_log(name):
    found = parse_integrate(xds_text(name))
    assert [row.image for row in found.images] == list(range(1, 1801))
    assert found.images[0] == ImageRow(1, 0, 1.097, 2228492, 0, 1445, 156, 9, 0.0429, 0.1726)
    assert found.images[78] == ImageRow(79, 0, 1.109, 2228451, 0, 1374, 156, 10, 0.0402, 0.1635)
    assert len(found.batches) == 36
    first = found.batches[0]
    assert (first.first, first.last, first.n_accepted, first.n_total) == (1, 50, 1830, 1890)
    assert (first.parameters.rmsd_px, first.parameters.rmsd_deg) == (0.30, 0.04)
    assert first.parameters.cell == UnitCell(82.981, 96.654, 57.940, 90, 90, 90)
    assert (first.rotation_off, first.parameters.mosaicity) == ((0.016, -0.016, -0.006), 0.063)
    assert (first.parameters.beam_px, first.parameters.distance) == ((732.93, 839.69), 189.23)
    assert found.suggested == SpotSize(0.301, 0.030, 0.385, 0.055)
    assert found.ended


@real(NAME)
def test_the_real_log_withstands_cuts_and_mangling(name):
    text = xds_text(name)
    withstands_cuts(parse_integrate, text)
    assert withstands_mangling(parse_integrate, text, 150) > 50
