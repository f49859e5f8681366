"""The name of a space group."""

from __future__ import annotations

import gemmi

MOST_DIGITS = 9


def space_group_symbol(text: str) -> str:
    """A Hermann-Mauguin symbol or number, as the symbol of the reference setting with blanks.

    Raises:
        ValueError: there is no such space group.
    """
    is_number = text.isdecimal() and len(text) <= MOST_DIGITS
    group = _numbered(int(text)) if is_number else gemmi.find_spacegroup_by_name(text)
    if group is None:
        raise ValueError(f"there is no space group {text!r}")
    return str(group.hm)


def _numbered(number: int) -> gemmi.SpaceGroup | None:
    return gemmi.find_spacegroup_by_number(number) if 1 <= number <= 230 else None
