"""Words of maps and plans."""

from __future__ import annotations

import pytest

from beampace.results.map_schema import GridInfo
from beampace.web.lines.plan_text import plain, plan_text
from beampace.web.lines.scan_order import order_words
from tests.support.map_data import strategy

GRID = {
    "columns": 12, "rows": 8, "snaked": True, "vertical": False, "corner": "top_left",
    "source": "It was said.", "order_given": False,
}  # fmt: skip


def test_the_order_of_a_scan_is_told() -> None:
    grid = GridInfo(**GRID, correlation=0.91, correlation_other=0.12)
    assert order_words(grid) == (
        "Snake scan along rows from the upper left corner, as the data have it: "
        "neighbouring lines correlate by 0.91, 0.12 in the other order."
    )


def test_what_cannot_be_told_is_not_told() -> None:
    grid = GridInfo(**(GRID | {"snaked": False, "vertical": True, "corner": "bottom_right"}))
    assert order_words(grid) == (
        "Raster scan along columns from the lower right corner; "
        "whether the order is right cannot be said yet."
    )


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (35.0, 3, "35"),
        (0.125, 4, "0.125"),
        (-0.0, 3, "0"),
        (-0.00001, 3, "0"),
        (-0.5, 3, "-0.5"),
        (100, 0, "100"),
    ],
)
def test_numbers_to_type_in(value, digits, text) -> None:
    assert plain(value, digits) == text


def test_a_plan_is_in_the_names_and_units_of_the_control_software() -> None:
    plan = strategy().recommendation
    assert plan is not None
    assert plan_text(plan).splitlines() == [
        "start angle: 35 °",
        "range: 90 °",
        "degrees/frame: 0.1 °",
        "frames: 900",
        "exposure time: 7.5 ms",
        "filter transmission: 35 %",
        "detector distance: 187.4 mm",
        "resolution: 1.55 Å",
        "energy: 12 keV",
    ]
