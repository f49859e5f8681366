"""A found lattice against an expected cell."""

import gemmi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.cell import UnitCell
from beampace.engines.dials.cell_check import compare

GIVEN = UnitCell(40, 40, 30, 90, 90, 90)


def scaled(cell: UnitCell, factor: float) -> UnitCell:
    a, b, c, *angles = cell.parameters
    return UnitCell(a * factor, b * factor, c * factor, *angles)


@pytest.mark.parametrize("found", [(30, 40, 40.1), (40, 30.1, 40), (39.9, 40, 30)])
def test_the_order_of_the_edges_does_not_matter(found):
    match = compare(UnitCell(*found, 90, 90, 90), GIVEN)
    assert match.scale == pytest.approx(1, abs=0.01)
    assert match.multiple is None


@given(st.floats(0.85, 1.15))
def test_a_scaled_cell_gives_its_scale(factor):
    assert compare(scaled(GIVEN, factor), GIVEN).scale == pytest.approx(factor, rel=1e-6)


@pytest.mark.parametrize(
    ("cell", "centring"),
    [
        (UnitCell(58.4, 33.2, 41.8, 90, 103.5, 90), "C"),
        (UnitCell(78, 78, 78, 90, 90, 90), "I"),
        (UnitCell(90, 100, 110, 90, 90, 90), "F"),
        (UnitCell(80, 80, 35, 90, 90, 120), "R"),
    ],
)
def test_the_primitive_cell_of_a_centred_one_is_the_same_lattice(cell, centring):
    vector = gemmi.GruberVector(gemmi.UnitCell(*cell.parameters), centring)
    vector.niggli_reduce()
    primitive = UnitCell(*vector.get_cell().parameters)
    assert compare(primitive, cell).scale == pytest.approx(1, abs=1e-6)
    assert compare(cell, cell, centring).scale == pytest.approx(1, abs=1e-6)


def test_a_reduced_form_on_the_brink_is_recognised():
    """Hexagonal axes of 60 and of 120 degrees, and an edge just longer than another."""
    hexagonal = UnitCell(44, 44, 56, 90, 90, 120)
    assert compare(UnitCell(44.02, 43.97, 56, 90.1, 89.9, 60.1), hexagonal).scale == pytest.approx(
        1, abs=0.01
    )


@pytest.mark.parametrize(("edge", "multiple"), [(80, 2), (20, 0.5), (120, 3)])
def test_doubled_and_halved_edges_are_named(edge, multiple):
    match = compare(UnitCell(edge, 40, 30, 90, 90, 90), GIVEN)
    assert match.scale is None
    assert match.multiple == pytest.approx(multiple)


def test_another_crystal_is_neither():
    match = compare(UnitCell(43, 51, 47, 90, 97, 90), GIVEN)
    assert (match.scale, match.multiple) == (None, None)
