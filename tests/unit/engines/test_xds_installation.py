"""XDS on a machine: its plug-in, its licence, its builds; and its complaints in real logs."""

import os
from datetime import date

import pytest

from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure
from beampace.engines.xds.banner import Banner
from beampace.engines.xds.complaints import TABLE, gravest, told_in
from beampace.engines.xds.installation import XdsInstallation, check_licence, library, warnings
from tests.support.xds_checker.install import install
from tests.support.xds_data import real, xds_text

TODAY = date(2026, 11, 28)


def banner(
    until: date | None = date(2027, 9, 30), built: str = "20250714", *, expired: bool = False
) -> Banner:
    return Banner("Jan 19, 2025", built, until, expired)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (banner(), ()),
        (banner(date(2026, 12, 28)), ("The licence of XDS ends on 28 December 2026",)),
        (banner(date(2026, 12, 29)), ()),
        (banner(built="20250320"), ("XDS BUILT=20250320 may leave masked pixels",)),
        (banner(built="20241231"), ()),
        (banner(built=""), ()),
        (banner(None), ()),
    ],
)
def test_what_is_told_in_advance(told, expected):
    said = tuple(warnings(told, TODAY))
    assert len(said) == len(expected)
    assert all(words.startswith(begin) for words, begin in zip(said, expected, strict=True))


@pytest.mark.parametrize("told", [banner(date(2026, 11, 27)), banner(None, expired=True)])
def test_an_ended_licence(told):
    with pytest.raises(InfrastructureError) as caught:
        check_licence(told, TODAY)
    assert caught.value.code is Failure.LICENCE_EXPIRED


def test_the_last_day_of_a_licence_still_counts():
    check_licence(banner(TODAY), TODAY)


def test_the_plug_in_is_found_where_it_may_be(tmp_path):
    (tmp_path / "libs").mkdir()
    durin = tmp_path / "libs" / "durin-plugin.so"
    durin.touch()
    environment = install(tmp_path / "bin", None)
    environment["LD_LIBRARY_PATH"] = str(durin.parent)
    assert library(environment) == tmp_path / "bin" / "dectris-neggia.so"
    (tmp_path / "bin" / "dectris-neggia.so").unlink()
    assert library(environment) == durin
    durin.unlink()
    assert library(environment) is None
    assert library({**environment, "BEAMPACE_XDS_LIB": str(tmp_path / "none.so")}) is None


def test_the_version_of_the_program(tmp_path):
    installation = XdsInstallation(variables=install(tmp_path, None, licensed_until="30-Sep-2099"))
    found = installation.banner(installation.environment())
    assert (found.built, found.licensed_until) == ("20250714", date(2099, 9, 30))
    assert installation.missing() == ()


def test_nothing_there():
    environment = {"PATH": os.devnull}
    assert XdsInstallation().absent(environment) == ("xds_par", "forkxds", "mcolspot_par", "mintegrate_par")
    with pytest.raises(InfrastructureError) as caught:
        XdsInstallation().banner(environment)
    assert caught.value.code is Failure.ENGINE_MISSING


def test_names_of_the_table_are_unique_and_its_words_sentences():
    assert len({row.name for row in TABLE}) == len(TABLE)
    assert all(row.words.endswith(".") and row.words[0].isupper() for row in TABLE)
    assert all(row.code is not None for row in TABLE)


def test_the_plug_ins_words_go_before_those_of_xds():
    text = "NEGGIA ERROR: CANNOT OPEN FRAME 7\n !!! ERROR !!! CANNOT READ IMAGE x_000007.h5\n"
    assert gravest(told_in(text)).complaint.name == "neggia_error"


def test_a_known_complaint_goes_before_an_unknown_one():
    text = " !!! ERROR !!! SOMETHING NEW\n !!! ERROR !!! SOLUTION IS INACCURATE\n"
    assert gravest(told_in(text)).complaint.name == "inaccurate"


@real("ccp4i2_x828/SWEEP1_INDEX.log", "ednamx_fae/FAE_CORRECT.LP", "xdsapp_2020/CORRECT.LP")
def test_real_logs_that_went_well_have_no_complaint(name):
    assert told_in(xds_text(name)) == ()


@real("edna2_idxref/IDXREF.LP")
def test_a_real_log_that_did_not(name):
    assert gravest(told_in(xds_text(name))).complaint.name == "few_indexed"


@real("ednamx_fae/FAEx09_CORRECT.LP")
def test_a_real_warning(name):
    assert [told.complaint.name for told in told_in(xds_text(name))] == ["refinement_not_accepted"]
