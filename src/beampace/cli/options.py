"""Values of command-line options."""

from __future__ import annotations

from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.space_group import MOST_DIGITS, space_group_symbol
from beampace.core.taxonomy import Failure


def parse_images(text: str | None) -> tuple[int, int] | None:
    """`A:B`, numbered from 1, both included.

    Raises:
        InputError: not of that form, or empty.
    """
    if text is None:
        return None
    first, colon, last = text.partition(":")
    if not (colon and _is_count(first) and _is_count(last)) or not 1 <= int(first) <= int(last):
        raise failure(Failure.BAD_REQUEST, f"--images takes A:B with 1 <= A <= B, not {text!r}.")
    return int(first), int(last)


def parse_cell(text: str | None) -> UnitCell | None:
    """`a,b,c,alpha,beta,gamma`.

    Raises:
        InputError: not a unit cell.
    """
    try:
        return None if text is None else UnitCell.parse(text)
    except ValueError as error:
        raise failure(Failure.BAD_REQUEST, f"--unit-cell: {error}.") from error


def parse_space_group(text: str | None) -> str | None:
    """A Hermann-Mauguin symbol or number, as the symbol of the reference setting with blanks.

    Raises:
        InputError: no such space group.
    """
    try:
        return None if text is None else space_group_symbol(text)
    except ValueError as error:
        raise failure(Failure.BAD_REQUEST, f"--space-group: {error}.") from error


def _is_count(text: str) -> bool:
    return text.isdecimal() and len(text) <= MOST_DIGITS


def parse_d_min(value: float | None) -> float | None:
    """A resolution limit in angstrom.

    Raises:
        InputError: not a resolution.
    """
    if value is not None and not 0.3 <= value <= 50:
        raise failure(Failure.BAD_REQUEST, f"--d-min takes 0.3 to 50 angstrom, not {value}.")
    return value
