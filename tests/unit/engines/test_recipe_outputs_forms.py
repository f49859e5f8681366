"""Every parser of outputs: what it reads from a look-alike, and that nothing mangled gives numbers."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.engines.recipe.model import Form
from beampace.engines.recipe.outputs import PARSERS, Found, Unreadable
from beampace.engines.recipe.outputs.text import number
from tests.support.recipe_outputs import (
    CELL,
    STARANISO_LOG,
    aimless_log,
    fast_dp_json,
    fast_dp_log,
    table1,
    xdsapp_results,
    xia2_json,
    xia2_statistics,
    xia2_txt,
)

TEXTS = {
    Form.AIMLESS: aimless_log(),
    Form.FAST_DP_JSON: fast_dp_json(),
    Form.FAST_DP_LOG: fast_dp_log(),
    Form.STARANISO: STARANISO_LOG,
    Form.TABLE1: table1(),
    Form.XDSAPP: xdsapp_results(),
    Form.XIA2_JSON: xia2_json(),
    Form.XIA2_TXT: xia2_txt(),
}
PUT = (
    *("", "*****", " ", "\n", "\x00", "nan", "1e400", "1.2.3", "\u0663", "\u00b2", "9" * 400, "9" * 5000),
    *("\\ud800", '"\\ud800"', "\ud800", "[" * 50, "(" * 100, "1e9999999999"),
)
"""What a parser stumbles over where a number or a word should be."""
MERGED = [form for form in TEXTS if form is not Form.STARANISO]
NAMED = [form for form in TEXTS if form is not Form.TABLE1]


def read(form: Form, text: str) -> Found:
    return PARSERS[form](text)


def test_every_form_has_a_parser():
    assert set(PARSERS) == set(Form) and set(TEXTS) == set(Form) - {Form.CORRECT}


@pytest.mark.parametrize("form", MERGED)
def test_statistics_are_fractions_and_angstrom(form):
    statistics = read(form, TEXTS[form]).statistics
    overall, outer = statistics.overall, statistics.outer
    assert (overall.d_max, overall.d_min, outer.d_min) == (39.2, 2.0, 2.0)
    assert (overall.completeness, outer.completeness) == (0.991, 0.98)
    assert (overall.n_observations, overall.n_unique) == (65400, 9500)
    assert overall.multiplicity == pytest.approx(6.88, abs=0.03)
    assert (overall.cc_half, overall.mean_i_over_sigma, outer.mean_i_over_sigma) == (0.999, 13.8, 3.1)
    assert statistics.method


@pytest.mark.parametrize("form", [form for form in MERGED if form is not Form.FAST_DP_LOG])
def test_r_values(form):
    statistics = read(form, TEXTS[form]).statistics
    within = form is Form.FAST_DP_JSON  # it writes those of I+ and I- by themselves
    assert (statistics.overall.r_meas, statistics.outer.r_meas) == ((0.058, 0.34) if within else (0.06, 0.35))
    if form not in (Form.XDSAPP, Form.FAST_DP_JSON):
        assert (statistics.overall.r_merge, statistics.overall.r_pim) == (0.054, 0.021)


@pytest.mark.parametrize("form", [form for form in MERGED if form is not Form.XDSAPP])
def test_anomalous_data_are_details_and_the_inner_shell_is_not(form):
    found = read(form, TEXTS[form])
    assert found.statistics.overall.cc_anom == 0.11
    assert found.details["anomalous_completeness"]["overall"] == pytest.approx(0.98, abs=0.003)
    assert found.details["anomalous_multiplicity"]["overall"] == 3.6
    assert (found.statistics.inner.mean_i_over_sigma, found.statistics.inner.cc_half) == (40.1, 0.999)
    assert found.statistics.inner.d_max == 39.2 and "inner_shell" not in found.details


def test_r_values_that_take_friedel_mates_apart():
    apart = {form for form in MERGED if read(form, TEXTS[form]).statistics.friedel_apart}
    assert apart == {Form.FAST_DP_JSON}
    assert read(Form.XDSAPP, xdsapp_results(friedel="FALSE")).statistics.friedel_apart
    over_all = fast_dp_json().replace("r_meas_within_iplusi_minus", "r_meas_all_iplusi_minus")
    assert not read(Form.FAST_DP_JSON, over_all).statistics.friedel_apart


def test_what_says_nothing_of_the_inner_shell():
    assert read(Form.XDSAPP, TEXTS[Form.XDSAPP]).statistics.inner is None
    unknown = fast_dp_json().replace('"res_lim_high": 8.9', '"res_lim_high": null')
    assert read(Form.FAST_DP_JSON, unknown).statistics.inner is None


@pytest.mark.parametrize("form", NAMED)
def test_the_crystal_is_never_more_certain_than_the_data(form):
    crystal = read(form, TEXTS[form]).crystal
    assert crystal.unit_cell.parameters == pytest.approx(CELL, abs=0.011)
    assert crystal.laue_group == "4/mmm" and not crystal.space_group_sure
    assert {"P 41 21 2", "P 43 21 2"} <= set(crystal.candidates)
    assert crystal.candidates[0] == crystal.space_group
    assert len(crystal.candidates) == (8 if form in (Form.FAST_DP_JSON, Form.FAST_DP_LOG) else 2)


@pytest.mark.parametrize("form", TEXTS)
def test_a_text_that_is_cut_gives_the_same_numbers_or_none(form):
    whole = read(form, TEXTS[form])
    for end in range(len(TEXTS[form])):
        try:
            part = read(form, TEXTS[form][:end])
        except Unreadable:
            continue
        assert (part.crystal, part.statistics) == (whole.crystal, whole.statistics), TEXTS[form][:end][-80:]


@pytest.mark.parametrize("form", TEXTS)
@given(data=st.data())
def test_a_mangled_text_is_unreadable_or_consistent(form, data):
    text = TEXTS[form]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 200)))
    put = data.draw(st.sampled_from(PUT) | st.just(text[start:end] * 2))
    try:
        found = read(form, text[:start] + put + text[end:])
    except Unreadable as error:
        assert str(error)
        return
    if found.statistics is not None:
        assert found.statistics.overall.d_min == pytest.approx(found.statistics.outer.d_min, rel=0.03)


ODD = (None, True, 10**400, -(10**4000), 2**63, "\ud800", "P 4\ud800", "\u0661", "9" * 5000, [], [[1]], {})
VALUES = st.sampled_from(ODD) | st.floats() | st.text(max_size=5)


@pytest.mark.parametrize("form", [Form.XIA2_JSON, Form.FAST_DP_JSON])
@given(data=st.data())
def test_json_with_any_value_anywhere_is_unreadable_or_consistent(form, data):
    said = json.loads(TEXTS[form])
    places = list(_places(said))
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(VALUES)
    try:
        read(form, json.dumps(said))
    except Unreadable as error:
        assert str(error)


def _places(node):
    keys = range(len(node)) if isinstance(node, list) else list(node)
    for key in keys:
        yield node, key
        if isinstance(node[key], list | dict):
            yield from _places(node[key])


STUMBLES = {
    "an integer no float can hold": (Form.FAST_DP_JSON, '"cc_anom": 0.11', f'"cc_anom": {10**400}'),
    "two points in a limit": (Form.XDSAPP, "39.20-2.0 (", "1.2.3-2.0 ("),
    "more digits than an integer may have": (Form.XDSAPP, "900 (1000)", f"900 ({'9' * 5000})"),
    "a symbol that is half a letter": (Form.FAST_DP_JSON, '"P 4 2 2"', '"P 4 2 \\ud800"'),
    "a symbol that is no text": (Form.XIA2_JSON, '"P 41 21 2"', "[[96]]"),
}


@pytest.mark.parametrize("name", STUMBLES)
def test_values_that_no_type_can_hold(name):
    form, old, new = STUMBLES[name]
    assert old in TEXTS[form]
    try:
        found = read(form, TEXTS[form].replace(old, new, 1))
    except Unreadable as error:
        assert len(str(error)) < 1000
    else:
        assert name.startswith("more digits") and (found.n_spots, found.n_indexed) == (0, 0)


LONG = 1_000_000
ENDLESS = {
    "digits": (Form.XIA2_TXT, "13.8", "1" * LONG + "x"),
    "digits of a pair": (Form.XDSAPP, "13.80 (3.10)", "1" * LONG + "x (1)"),
    "brackets": (Form.XDSAPP, "13.80 (3.10)", "(" * LONG),
    "blanks": (Form.STARANISO, "90.00   'P", "90.00" + " " * LONG + "'P"),
    "digits in JSON": (Form.FAST_DP_JSON, '"P 4 2 2"', f'"{"1" * LONG}x"'),
    "a line of numbers": (Form.AIMLESS, "0.98      1.02", "0.98 " * LONG),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_words_and_lines_are_refused_at_once(name):
    form, old, new = ENDLESS[name]
    assert old in TEXTS[form]
    text = TEXTS[form].replace(old, new, 1)
    began = time.process_time()
    with pytest.raises(Unreadable):
        read(form, text)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("word", ["1" * 1900 + "x", "(" * 1900, "1(" * 950, "a" * 1000 + " (" + "1" * 900])
def test_the_longest_line_takes_no_time(word):
    text = xdsapp_results(old="13.80 (3.10)", new=word)
    began = time.process_time()
    with pytest.raises(Unreadable):
        read(Form.XDSAPP, text)
    assert time.process_time() - began < 0.1


def test_numbers_have_few_letters():
    assert number("0" * 39 + "7") == 7.0
    with pytest.raises(Unreadable, match="a word of 41 letters is no number"):
        number("0" * 40 + "7")


@pytest.mark.parametrize("form", TEXTS)
@given(text=st.text(max_size=300))
def test_any_other_text_is_unreadable(form, text):
    with pytest.raises(Unreadable):
        read(form, text)


@pytest.mark.parametrize("form", TEXTS)
def test_the_output_of_another_program_is_unreadable(form):
    for other, text in TEXTS.items():
        if other is not form:
            with pytest.raises(Unreadable):
                read(form, text)


CONTRADICTIONS = {
    "more reflections than observations": (Form.TABLE1, {"old": "65400 ", "new": "  654 "}),
    "a multiplicity of other counts": (Form.FAST_DP_LOG, {"old": "6.9    6.0", "new": "4.9    6.0"}),
    "numbers that run together": (Form.AIMLESS, {"old": "65400      6000", "new": "65400000006000"}),
    "a completeness above 100 %": (Form.XIA2_TXT, {"old": "99.1", "new": "991."}),
    "a correlation above 1": (Form.AIMLESS, {"old": "0.999     0.999     0.850", "new": "0.999 0.999 85.0"}),
    "an outer shell elsewhere": (Form.TABLE1, {"old": "5.400       2.000", "new": "5.400       2.400"}),
    "limits the wrong way round": (Form.XDSAPP, {"old": "39.20-2.0 (", "new": "2.0-39.20 ("}),
    "a cell of another lattice": (Form.STARANISO, {"old": "78.400   78.400", "new": "78.400   98.400"}),
    "no cell": (Form.FAST_DP_LOG, {"old": "Unit cell:  78.40", "new": "Unit cell:"}),
    "a space group that is none": (Form.XDSAPP, {"old": "P43212 (96)", "new": "P43212 (969)"}),
    "a word for a number": (Form.XIA2_TXT, {"old": "13.8", "new": "good"}),
    "no low-resolution limit": (Form.AIMLESS, {"old": "Low resolution limit", "new": "x"}),
    "a row twice": (Form.FAST_DP_LOG, {"old": "           Mid-slope  1.050", "new": "Nrefl 1 1 1"}),
    "two summaries": (Form.AIMLESS, {"old": " ### CCP4", "new": "Summary data for another\n###"}),
    "other columns": (Form.AIMLESS, {"old": "InnerShell  OuterShell", "new": "OuterShell  InnerShell"}),
    "indexed spots that are not there": (Form.XDSAPP, {"old": "900 (1000)", "new": "9000 (1000)"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradictions(name):
    form, changes = CONTRADICTIONS[name]
    text = TEXTS[form]
    assert changes["old"] in text, changes["old"]
    with pytest.raises(Unreadable):
        read(form, text.replace(changes["old"], changes["new"], 1))


def test_what_a_program_could_not_tell_is_left_out():
    assert read(Form.TABLE1, TEXTS[Form.TABLE1]).statistics.outer.cc_half is None  # NA
    once = fast_dp_log(old="4320", new=" 600").replace("6.0    7.2", "6.0    1.0").replace("0.300", "0.000")
    outer = read(Form.FAST_DP_LOG, once.replace("0.850", "0.000").replace("-0.010", "0.000")).statistics.outer
    assert (outer.r_merge, outer.cc_half, outer.cc_anom) == (None, None, None)
    assert outer.mean_i_over_sigma == 3.1


def test_shells_of_aimless_join_its_tables():
    statistics = read(Form.AIMLESS, TEXTS[Form.AIMLESS]).statistics
    assert [one.d_min for one in statistics.shells] == pytest.approx([4.0, 2.828, 2.309, 2.0], abs=0.002)
    assert [one.n_unique for one in statistics.shells] == [1000, 2000, 2900, 3600]
    assert [one.r_merge for one in statistics.shells] == [0.022, 0.033, 0.084, 0.31]
    assert statistics.shells[-1].cc_half == 0.85 and statistics.overall.n_repeated == 9450
    assert read(Form.AIMLESS, TEXTS[Form.AIMLESS]).versions == {"aimless": "0.7.9"}


def test_shells_of_an_unknown_form_are_left_out():
    for changes in (
        {"old": "Completeness & multiplicity v. resolution", "new": "X"},
        {"old": "Mlplct", "new": "Fold"},
    ):
        statistics = read(Form.AIMLESS, aimless_log(**changes)).statistics
        assert statistics.shells == () and statistics.overall.n_unique == 9500


def test_data_staraniso_cut():
    found = read(Form.TABLE1, table1(cut=True))
    assert found.statistics.overall.completeness == 0.601 and found.statistics.inside == pytest.approx(0.932)
    assert found.details["completeness_ellipsoidal"] == {"overall": 0.932, "inner": 1.0, "outer": 0.6}
    assert found.details["anomalous_completeness"]["outer"] == 0.1
    assert "93.2 %" in found.remarks[0] and "60.1 %" in found.remarks[0]


def test_limits_of_staraniso():
    found = read(Form.STARANISO, STARANISO_LOG)
    assert found.details["diffraction_limits"] == [2.31, 2.31, 1.85] and found.statistics is None
    assert "1.85, 2.31 and 2.31 Å" in found.remarks[0]
    assert read(Form.STARANISO, STARANISO_LOG.replace("1.850", "2.300")).remarks == ()


def test_friedel_mates_that_xdsapp_counts_apart():
    found = read(Form.XDSAPP, xdsapp_results(friedel="FALSE"))
    assert (found.statistics.overall.n_unique, found.statistics.overall.multiplicity) == (None, None)
    assert found.details["anomalous_multiplicity"] == 6.88 and "apart" in found.remarks[0]
    assert (found.crystal.indexed_fraction, found.n_spots, found.n_indexed) == (0.9, 1000, 900)
    assert found.crystal.mosaicity == 0.101 and found.details["isa"] == 28.4


def test_older_versions_of_fast_dp_write_per_cent():
    found = read(Form.FAST_DP_LOG, fast_dp_log(per_cent=True)).statistics
    assert (found.overall.cc_half, found.outer.cc_half, found.outer.cc_anom) == (0.999, 0.85, -0.01)
    without = fast_dp_log(per_cent=True, old="CC 1/2", new="nothing")
    assert read(Form.FAST_DP_LOG, without).statistics.overall.cc_anom is None


def test_the_limit_xia2_suggests():
    for form, text in ((Form.XIA2_JSON, xia2_json(full=True)), (Form.XIA2_TXT, xia2_txt(full=True))):
        statistics = read(form, text).statistics
        assert (statistics.overall.d_min, statistics.overall.completeness) == (2.0, 0.991)
        assert statistics.d_min_reason == "xia2 suggests it; its files go to 1.80 Å."


XIA2_WRONG = {
    "two datasets": {"_scalr_statistics": {"a": xia2_statistics(), "b": xia2_statistics()}},
    "no statistics": {"_scalr_statistics": {}},
    "two columns": {"_scalr_statistics": {"a": {k: v[:2] for k, v in xia2_statistics().items()}}},
    "a text for a number": {"_scalr_statistics": {"a": {**xia2_statistics(), "I/sigma": ["1", 2, 3]}}},
    "no space group": {"_scalr_likely_spacegroups": []},
    "five numbers": {"_scalr_cell": [1, 2, 3, 90, 90]},
    "a truth value": {"_scalr_cell": [True, 78, 37, 90, 90, 90]},
}


@pytest.mark.parametrize("name", XIA2_WRONG)
def test_json_of_another_form(name):
    with pytest.raises(Unreadable):
        read(Form.XIA2_JSON, xia2_json(**XIA2_WRONG[name]))


def test_json_that_is_no_object():
    for text in ("[]", "1", "null", "[" * 100_000, json.dumps({"_crystals": []})):
        for form in (Form.XIA2_JSON, Form.FAST_DP_JSON):
            with pytest.raises(Unreadable):
                read(form, text)
