import math

import pytest

from beampace.core.cell import UnitCell

GOOD = (78.5, 78.5, 37.5, 90.0, 90.0, 90.0)


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, 0.0, -5.0, 5001.0])
def test_what_is_not_a_cell_is_refused_wherever_it_stands(place, value):
    with pytest.raises(ValueError, match="cell"):
        UnitCell(*GOOD[:place], value, *GOOD[place + 1 :])


@pytest.mark.parametrize(
    "text", ["nan,nan,nan,nan,nan,nan", "1e300 1e300 1e300 90 90 90", "10,10,10,10,10,170"]
)
def test_words_that_are_numbers_but_no_cell(text):
    with pytest.raises(ValueError, match="cell"):
        UnitCell.parse(text)


def test_a_cell_and_its_volume():
    assert UnitCell.parse("78.5,78.5,37.5,90,90,90").parameters == GOOD
    assert UnitCell(10, 20, 30, 90, 90, 120).volume == pytest.approx(6000 * math.sqrt(3) / 2)
