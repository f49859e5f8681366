"""Parsers of outputs on real files; the values were read by hand from them."""

from __future__ import annotations

import pytest

from beampace.engines.recipe.model import Form
from beampace.engines.recipe.outputs import PARSERS, Found
from tests.support.recipe_outputs import XDS_DATA

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not XDS_DATA.is_dir(), reason="needs the real logs beside the repository"),
]


def read(form: Form, name: str) -> Found:
    path = next(iter(XDS_DATA.glob(name)))
    return PARSERS[form](path.read_text(encoding="utf-8", errors="replace"))


def test_aimless_of_2014():
    found = read(Form.AIMLESS, "ccp4i2_x828/*aimless.log")
    crystal, statistics = found.crystal, found.statistics
    assert (crystal.space_group, crystal.space_group_sure, crystal.laue_group) == ("C 2 2 21", True, "mmm")
    assert crystal.unit_cell.parameters == (83.09, 96.79, 57.95, 90, 90, 90)
    overall, outer = statistics.overall, statistics.outer
    assert (overall.d_max, overall.d_min, outer.d_max, outer.d_min) == (42.66, 1.90, 1.95, 1.90)
    assert (overall.r_merge, overall.r_meas, overall.r_pim) == (0.052, 0.057, 0.022)
    assert (outer.r_merge, outer.r_meas, outer.r_pim) == (0.710, 0.767, 0.288)
    assert (overall.n_observations, overall.n_unique, overall.n_repeated) == (125167, 18787, 18762)
    assert (overall.completeness, overall.multiplicity) == (0.999, 6.7)
    assert (overall.mean_i_over_sigma, overall.cc_half, overall.cc_anom) == (19.3, 0.999, 0.016)
    assert (outer.mean_i_over_sigma, outer.cc_half, outer.cc_anom) == (2.6, 0.865, 0.031)
    assert found.details["anomalous_completeness"] == {"overall": 0.994, "inner": 1.0, "outer": 0.998}
    assert found.details["anomalous_multiplicity"]["overall"] == 3.4
    assert len(statistics.shells) == 20 and found.versions == {"aimless": "0.2.17"}
    eleventh = statistics.shells[10]
    assert (eleventh.n_observations, eleventh.n_unique, eleventh.n_repeated) == (7160, 1014, 1014)
    assert (eleventh.r_merge, eleventh.mean_i_over_sigma, eleventh.cc_half) == (0.084, 18.7, 0.996)
    assert statistics.shells[0].d_min == pytest.approx(8.50, abs=0.005)
    assert statistics.shells[-1].d_max == pytest.approx(1.95, abs=0.005)


def test_xdsapp_of_2020():
    found = read(Form.XDSAPP, "xdsapp_2020/results_*.txt")
    crystal, overall, outer = found.crystal, found.statistics.overall, found.statistics.outer
    assert (crystal.space_group, crystal.space_group_sure) == ("C 1 2 1", True)
    assert crystal.unit_cell.parameters == (88.68, 82.26, 93.70, 90.0, 108.65, 90.0)
    assert (overall.d_max, overall.d_min, outer.d_max, outer.d_min) == (44.63, 1.69, 1.79, 1.69)
    assert (overall.n_observations, overall.n_unique, overall.multiplicity) == (489902, 71323, 6.87)
    assert (overall.mean_i_over_sigma, overall.r_meas, overall.completeness) == (16.42, 0.051, 0.998)
    assert (outer.mean_i_over_sigma, outer.r_meas, outer.completeness) == (0.52, 4.027, 0.993)
    assert (overall.cc_half, outer.cc_half) == (1.0, 0.235)
    assert (crystal.mosaicity, found.n_spots, found.n_indexed) == (0.097, 3220, 2321)
    assert found.details == {"isa": 29.9, "wilson_b": 47.82}


def test_xdsapp_of_2016_without_cc_half():
    found = read(Form.XDSAPP, "ednamx_xdsapp/results_xtal5w1_1.txt")
    overall, outer = found.statistics.overall, found.statistics.outer
    assert (found.crystal.space_group, overall.cc_half, outer.cc_half) == ("C 2 2 21", None, None)
    assert (overall.d_min, outer.d_max, overall.n_unique, overall.multiplicity) == (1.9, 2.01, 25085, 4.13)
    assert (overall.r_meas, outer.r_meas, overall.mean_i_over_sigma) == (0.147, 0.667, 8.82)


def test_xdsapp_of_data_that_tell_nothing():
    found = read(Form.XDSAPP, "ednamx_xdsapp/results_t1_1.txt")  # one-fold, R_meas -99.9, ISa by default
    overall = found.statistics.overall
    assert (found.crystal.space_group, overall.completeness, overall.n_observations) == ("P 1", 0.056, 19998)
    assert (overall.r_meas, overall.cc_half, overall.mean_i_over_sigma, overall.n_unique) == (None,) * 4
    assert "isa" not in found.details and found.details["anomalous_multiplicity"] == 1.0


def test_xdsapp_and_its_correct_lp_agree():
    said = read(Form.XDSAPP, "xdsapp_2020/results_*.txt").statistics
    xds = read(Form.CORRECT, "xdsapp_2020/CORRECT.LP")
    for name in (
        "d_min",
        "n_observations",
        "n_unique",
        "completeness",
        "r_meas",
        "mean_i_over_sigma",
        "cc_half",
    ):
        assert getattr(said.overall, name) == getattr(xds.statistics.overall, name), name
        if not name.startswith("n_"):  # of the outer shell XDSAPP tells no counts
            assert getattr(said.outer, name) == getattr(xds.statistics.outer, name), name
    assert (xds.details["isa"], len(xds.statistics.shells)) == (29.9, 9)


def test_correct_lp_that_counts_friedel_mates_apart():
    found = read(Form.CORRECT, "ccp4i2_x828/*CORRECT.log")
    overall = found.statistics.overall
    assert (overall.n_unique, overall.multiplicity, overall.n_possible) == (None, None, None)
    assert set(found.crystal.candidates) == {"C 2 2 2", "C 2 2 21"} and "apart" in found.remarks[0]


def test_each_form_refuses_the_files_of_the_others():
    for path in (path for path in XDS_DATA.glob("*/*") if path.suffix in (".log", ".txt", ".LP")):
        text = path.read_text(encoding="utf-8", errors="replace")
        reading = [form for form in Form if _reads(form, text)]
        assert len(reading) <= 1, (path, reading)


def _reads(form: Form, text: str) -> bool:
    try:
        PARSERS[form](text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", ["ccp4i2_x828/*aimless.log", "xdsapp_2020/results_*.txt"])
def test_real_files_that_are_cut(name):
    form = Form.AIMLESS if "aimless" in name else Form.XDSAPP
    text = next(iter(XDS_DATA.glob(name))).read_text(encoding="utf-8", errors="replace")
    whole = PARSERS[form](text)
    for end in range(0, len(text), max(1, len(text) // 200)):
        try:
            part = PARSERS[form](text[:end])
        except ValueError:
            continue
        assert (part.crystal, part.statistics) == (whole.crystal, whole.statistics)
