"""Whether engines say the same: against cells and space groups whose relations are known."""

from __future__ import annotations

import pytest

from beampace.results.agreement import Said, agreement, said_of

CELL = (78.54, 78.54, 37.02, 90.0, 90.0, 90.0)
TETRAGONAL = ("P 43 21 2", "P 41 21 2")


def said(
    engine: str,
    groups: tuple[str, ...] = TETRAGONAL,
    cell: tuple[float, ...] = CELL,
    d_min: float | None = 1.5,
    cc_half: float | None = 0.998,
    cc_anom: float | None = 0.05,
):
    return Said(engine, groups, cell, d_min, cc_half, cc_anom)


def test_with_fewer_than_two_engines_there_is_nothing_to_say():
    assert agreement([]).words == agreement([said("dials")]).words == ""


def test_engines_agree_when_a_space_group_is_left_to_both():
    found = agreement([said("dials"), said("xds", ("P 43 21 2",)), said("fast", d_min=1.6)])
    assert (found.tone, found.words) == ("good", "dials, xds and fast agree.")


@pytest.mark.parametrize(
    ("other", "tone", "words"),
    [
        (
            said("xds", ("P 21 21 21",)),
            "poor",
            "dials finds Laue group 4/mmm, xds mmm; the lattices are the same",
        ),
        (
            said("xds", ("P 41 21 2",), cc_half=0.9, d_min=None),
            "fair",
            "Same symmetry and cell, but CC1/2 of all data is 0.998 by dials, 0.900 by xds.",
        ),
        (said("xds", ("P 43",), ()), "poor", "dials finds Laue group 4/mmm, xds 4/m."),
        (said("xds", ("P 1",), (60, 70, 80, 90, 90, 90)), "poor", "4/mmm, xds -1; the lattices differ, too."),
        (
            said("xds", ("C 1 2 1",), (78.54, 78.54, 37.02, 90, 90, 90)),
            "poor",
            "xds 2/m; the primitive cell of dials is twice that of xds.",
        ),
        (
            said("xds", cell=(78.54, 78.54, 74.04, 90, 90, 90)),
            "poor",
            "The primitive cell of xds is twice that of dials: a superstructure",
        ),
        (said("xds", cell=(*CELL[:5], 91.5)), "poor", "The cells differ"),
        (
            said("xds", ("P 42 21 2",)),
            "fair",
            "Same Laue group, but dials finds P 43 21 2 or P 41 21 2, xds P 42 21 2.",
        ),
        (said("xds", d_min=1.8), "fair", "dials goes to 1.50 Å, xds to 1.80 Å"),
        (said("xds", ("P 21 21 21",), (20, 30, 40, 90, 90, 90), 3.0), "poor", "Laue group"),
        (said("xds", cc_half=0.95), "fair", "CC1/2 of all data is 0.998 by dials, 0.950 by xds."),
        (said("xds", cc_half=0.97), "good", "agree"),
        (said("xds", cc_half=None, cc_anom=None), "good", "agree"),
        (said("xds", cc_anom=0.35), "fair", "only xds sees an anomalous signal (CC_anom 0.35; dials 0.05)"),
        (said("xds", cc_anom=0.11), "good", "agree"),
        (said("xds", cc_half=0.9, cc_anom=0.5, d_min=2.5), "fair", "CC1/2"),
        (said("xds", cc_anom=0.5, d_min=2.5), "fair", "anomalous"),
        (said("xds", ("an odd symbol",)), "good", "agree"),
        (said("xds", d_min=None), "good", "agree"),
    ],
)
def test_the_gravest_difference_is_told(other: Said, tone: str, words: str):
    found = agreement([said("dials"), other])
    assert found.tone == tone
    assert words in found.words
    assert agreement([other, said("dials")]).tone == tone


def test_a_third_engine_that_differs_is_found():
    found = agreement([said("dials"), said("xds"), said("fast", ("P 1",))])
    assert found.words.startswith("dials finds Laue group 4/mmm, fast -1; the lattices are the same")


def test_settings_of_one_crystal_agree():
    one = said("dials", ("P 21 21 2",), (40, 50, 60, 90, 90, 90))
    two = said("xds", ("P 2 21 21",), (60, 40.1, 50, 90, 90, 90))
    assert agreement([one, two]).words == "dials and xds agree."


def test_what_was_imposed_is_not_said():
    summary = {"candidates": ["P 4"], "cell": list(CELL), "d_min": 1.5, "cc_half": 0.99, "cc_anom": 0.1}
    assert said_of("xds", summary) == Said("xds", ("P 4",), CELL, 1.5, 0.99, 0.1)
    told = said_of("xds", {**summary, "asked": ["space_group", "d_min"]})
    assert told == Said("xds", (), (), None, 0.99, 0.1)
    assert agreement([said("dials", cc_half=0.99), told]).words == ""
    assert agreement([told, told]).words == ""
    found = agreement([said("dials"), told, said("fast")])
    assert (found.tone, found.words) == ("good", "dials and fast agree.")
    assert said_of("xds", {"space_group": "P 4"}).space_groups == ("P 4",)


def test_twofold_axes_of_trigonal_groups_are_told_apart():
    cell = (50.0, 50.0, 90.0, 90.0, 90.0, 120.0)
    one, two = said("dials", ("P 32 2 1",), cell), said("xds", ("P 31 1 2",), cell)
    found = agreement([one, two])
    assert found.tone == "poor"
    assert found.words.startswith("dials finds Laue group -3m1, xds -31m; the lattices are the same")
    assert agreement([one, said("xds", ("P 31 2 1", "P 32 2 1"), cell)]).words == "dials and xds agree."


def test_cells_that_are_none_are_not_compared():
    assert agreement([said("dials"), said("xds", cell=(0, 0, 0, 90, 90, 90))]).tone == "good"
