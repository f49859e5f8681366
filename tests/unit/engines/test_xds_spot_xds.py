"""SPOT.XDS read and written."""

from pathlib import Path

import numpy as np
import pytest

from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.spot_xds import Spots, read_spots, spots_text
from tests.support.xds_data import XDS, real


@pytest.mark.parametrize(
    ("extra", "iseg", "hkl"),
    [("", None, None), (" 2", [2], None), (" 1 -2 3", None, [[1, -2, 3]]), (" 2 1 -2 3", [2], [[1, -2, 3]])],
)
def test_every_form_of_row(extra, iseg, hkl):
    found = read_spots(f"  10.25   20.50  0.50  98301.{extra}\n")
    assert (found.x.tolist(), found.y.tolist(), found.z.tolist()) == ([10.25], [20.5], [0.5])
    assert found.intensity.tolist() == [98301]
    assert (None if found.iseg is None else found.iseg.tolist()) == iseg
    assert (None if found.hkl is None else found.hkl.tolist()) == hkl


@pytest.mark.parametrize(
    "text",
    [
        "1 2 3\n",
        "1 2 3 4 5 6\n",
        "1 2 3 4\n1 2 3 4 5\n",
        "1 2 x 4\n",
        "1 2 nan 4\n",
        "1 2 **** 4\n",
        "1 2 3 4 1.5\n",
        "1 2 3 4 1 1 99999\n",
        "1 2 3 4\n1 2 3 4",
    ],
)
def test_what_is_no_spot_is_refused(text):
    with pytest.raises(LpError, match=r"SPOT\.XDS: "):
        read_spots(text)


def test_spots_are_written_strongest_first_and_read_again():
    rng = np.random.default_rng(1)
    place = np.round(rng.uniform(0, 4000, (50, 3)), 2)
    spots = Spots(
        *place.T, rng.permutation(50) * 20.0 + 7, rng.integers(1, 3, 50), rng.integers(-20, 20, (50, 3))
    )
    found = read_spots(spots_text(spots))
    order = np.argsort(-spots.intensity)
    assert len(found) == 50
    for name in ("x", "y", "z", "intensity", "iseg", "hkl"):
        np.testing.assert_array_equal(getattr(found, name), getattr(spots, name)[order])


def test_the_form_is_that_of_xds():
    one = np.ones(1)
    assert (
        spots_text(Spots(one * 697.1, one * 477.204, one * 150, one * 98301))
        == " 697.10 477.20 150.00 98301.\n"
    )
    hkl = np.array([[9, -1, -4]])
    assert spots_text(Spots(one, one, one, one * 1.254, None, hkl)) == " 1.00 1.00 1.00 1.25 9 -1 -4\n"


def test_no_spots_are_no_text():
    assert len(read_spots("")) == 0
    assert spots_text(read_spots("\n")) == ""


def test_a_spot_nowhere_is_not_written():
    one = np.ones(1)
    with pytest.raises(LpError, match="not finite"):
        spots_text(Spots(one, one * np.nan, one, one))


@real("edna2_idxref/SPOT.XDS")
def test_a_real_file(name):
    found = read_spots(Path(XDS / name))
    assert len(found) == 680
    assert (found.x[0], found.y[0], found.z[0], found.intensity[0]) == (880, 650, 1, 654)
    assert (found.x[-1], found.y[-1], found.intensity[-1]) == (1004, 1296, 166.399994)
    assert (found.iseg, found.hkl) == (None, None)
    again = read_spots(spots_text(found))
    assert (np.diff(again.intensity) <= 0).all()
    assert np.abs(np.sort(again.x) - np.sort(found.x)).max() <= 0.005
