"""Values of command-line options."""

from __future__ import annotations

import gemmi

from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure


def parse_images(text: str | None) -> tuple[int, int] | None:
    """`A:B`, numbered from 1, both included.

    Raises:
        InputError: not of that form, or empty.
    """
    if text is None:
        return None
    first, colon, last = text.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal()) or not 1 <= int(first) <= int(last):
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
    if text is None:
        return None
    group = _numbered(int(text)) if text.isdecimal() else gemmi.find_spacegroup_by_name(text)
    if group is None:
        raise failure(Failure.BAD_REQUEST, f"--space-group: there is no space group {text!r}.")
    return str(group.hm)


def _numbered(number: int) -> gemmi.SpaceGroup | None:
    return gemmi.find_spacegroup_by_number(number) if 1 <= number <= 230 else None


def parse_d_min(value: float | None) -> float | None:
    """A resolution limit in angstrom.

    Raises:
        InputError: not positive.
    """
    if value is not None and not value > 0:
        raise failure(Failure.BAD_REQUEST, f"--d-min must be positive, not {value}.")
    return value
