import pytest

from beampace.cli import options
from beampace.core.cell import UnitCell
from beampace.core.errors import InputError


def test_images_are_numbered_from_one_and_inclusive():
    assert options.parse_images("1:450") == (1, 450)
    assert options.parse_images(None) is None


@pytest.mark.parametrize("text", ["", "5", "0:3", "4:2", "a:b", "1:2:3", "-1:4", "1: 3", "1:" + "9" * 5000])
def test_bad_image_ranges_are_refused_by_name(text):
    with pytest.raises(InputError, match="--images"):
        options.parse_images(text)


def test_cell_takes_commas_or_blanks():
    expected = UnitCell(78.5, 78.5, 37.5, 90, 90, 90)
    assert options.parse_cell("78.5,78.5,37.5,90,90,90") == expected
    assert options.parse_cell("78.5 78.5 37.5 90 90 90") == expected


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d,e,f", "0,1,1,90,90,90", "10,10,10,10,10,170"])
def test_what_is_no_cell_is_refused(text):
    with pytest.raises(InputError, match="--unit-cell"):
        options.parse_cell(text)


@pytest.mark.parametrize("text", ["P43212", "P 43 21 2", "96"])
def test_space_group_by_symbol_or_number(text):
    assert options.parse_space_group(text) == "P 43 21 2"


@pytest.mark.parametrize("text", ["P99", "nonsense", "0", "231", "9" * 5000])
def test_unknown_space_groups_are_refused(text):
    with pytest.raises(InputError, match="--space-group"):
        options.parse_space_group(text)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 1e-9])
def test_resolution_limit_must_be_one(value):
    with pytest.raises(InputError, match="--d-min"):
        options.parse_d_min(value)
