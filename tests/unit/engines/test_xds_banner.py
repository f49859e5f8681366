"""Which XDS is it, and may it still be used."""

from datetime import date

import pytest

from beampace.engines.xds.banner import Banner, parse_banner
from tests.support.xds_data import X828, real, xds_text


@pytest.mark.parametrize(
    ("text", "banner"),
    [
        (
            "\n ***** XDS ***** (VERSION Mar 15, 2019  BUILT=20191211)   6-Jan-2020\n Author: W. K.\n"
            " Copy licensed until 30-Sep-2020 to\n  academic users\n",
            Banner("Mar 15, 2019", "20191211", date(2020, 9, 30)),
        ),
        (
            " ***** CORRECT *****  (VERSION  December 6, 2010)            20-Sep-2011\n",
            Banner("December 6, 2010"),
        ),
        (" XPARM.XDS    VERSION January 10, 2014\n", Banner("January 10, 2014")),
        (" !!! ERROR !!! Sorry, license expired\n", Banner("", "", None, expired=True)),
        (
            " ***** XDS ***** (VERSION Jan 10, 2022  BUILT=20220820)\n Sorry, license expired.\n",
            Banner("Jan 10, 2022", "20220820", None, expired=True),
        ),
        (
            "(VERSION Jun 30, 2023  BUILT=20230630)\n licensed until 31-Feb-2024 to\n",
            Banner("Jun 30, 2023", "20230630"),
        ),
        ("xds_par: command not found\n", None),
        ("", None),
    ],
)
def test_banners(text, banner):
    assert parse_banner(text) == banner


def test_a_banner_cut_off_gives_no_half_of_a_date():
    text = " ***** XDS ***** (VERSION Mar 15, 2019  BUILT=20191211)   6-Jan-2020\n licensed until 30-Sep-2020"
    full = parse_banner(text)
    for end in range(len(text)):
        found = parse_banner(text[:end]) or Banner("")
        assert found.version in ("", full.version)
        assert found.built in ("", full.built)
        assert found.licensed_until in (None, full.licensed_until)


BANNERS = {
    "xdsapp_2020/CORRECT.LP": Banner("Jan 31, 2020", "20200131"),
    "edna2_idxref/IDXREF.LP": Banner("Jan 31, 2020", "20200131"),
    "edna2_idxref/XPARM.XDS": Banner("Jan 31, 2020", "20200131"),
    "ednamx_fae/FAE_CORRECT.LP": Banner("Jun 1, 2017", "20170615"),
    "ednamx_characterisation/CORRECT.LP": Banner("December 6, 2010"),
    "ednamx_characterisation/IDXREF.LP": Banner("Nov 1, 2016", "20161205"),
    "ednamx_xdsapp/XSCALE.LP": Banner("Nov 1, 2016", "20161101", date(2017, 4, 30)),
    f"{X828}_XSCALE.log": Banner("January 10, 2014", "20140307", date(2014, 12, 31)),
    f"{X828}_SAD_SWEEP1_INTEGRATE.log": Banner("January 10, 2014"),
}


@real(*BANNERS)
def test_banners_of_real_logs(name):
    assert parse_banner(xds_text(name)) == BANNERS[name]
