"""Whether engines say the same: against cells and space groups whose relations are known."""

from __future__ import annotations

import pytest

from beampace.results.agreement import Said, agreement, same_cell

CELL = (78.54, 78.54, 37.02, 90.0, 90.0, 90.0)
TETRAGONAL = ("P 43 21 2", "P 41 21 2")


def said(
    engine: str,
    groups: tuple[str, ...] = TETRAGONAL,
    cell: tuple[float, ...] = CELL,
    d_min: float | None = 1.5,
):
    return Said(engine, groups, cell, d_min)


def test_with_fewer_than_two_engines_there_is_nothing_to_say():
    assert agreement([]).words == agreement([said("dials")]).words == ""


def test_engines_agree_when_a_space_group_is_left_to_both():
    found = agreement([said("dials"), said("xds", ("P 43 21 2",)), said("fast", d_min=1.6)])
    assert (found.tone, found.words) == ("good", "dials, xds and fast agree.")


@pytest.mark.parametrize(
    ("other", "tone", "words"),
    [
        (said("xds", ("P 21 21 21",)), "poor", "dials finds Laue group 4/mmm, xds mmm."),
        (said("xds", ("P 43",)), "poor", "dials finds Laue group 4/mmm, xds 4/m."),
        (said("xds", cell=(78.54, 78.54, 74.04, 90, 90, 90)), "poor", "The cells differ"),
        (said("xds", cell=(*CELL[:5], 91.5)), "poor", "The cells differ"),
        (
            said("xds", ("P 42 21 2",)),
            "fair",
            "Same Laue group, but dials finds P 43 21 2 or P 41 21 2, xds P 42 21 2.",
        ),
        (said("xds", d_min=1.8), "fair", "dials goes to 1.50 Å, xds to 1.80 Å"),
        (said("xds", ("P 21 21 21",), (20, 30, 40, 90, 90, 90), 3.0), "poor", "Laue group"),
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
    assert found.words == "dials finds Laue group 4/mmm, fast -1."


def test_cells_are_the_same_within_a_hundredth_and_a_degree_in_any_order_of_axes():
    one = (40.0, 50.0, 60.0, 80.0, 95.0, 100.0)
    assert same_cell(one, (40.3, 49.6, 60.5, 80.9, 94.1, 100.9))
    assert same_cell(one, (50.0, 60.0, 40.0, 95.0, 100.0, 80.0))
    assert not same_cell(one, (50.0, 60.0, 40.0, 80.0, 95.0, 100.0))  # the angles have to go with the edges
    assert not same_cell(one, (40.5, 50.0, 60.0, 80.0, 95.0, 100.0))
    assert not same_cell(one, (40.0, 50.0, 60.0, 81.2, 95.0, 100.0))
