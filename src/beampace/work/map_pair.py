"""Whether two grids go together: other frames, taken at about 90 degrees."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from beampace.core.dataset import Dataset
from beampace.core.errors import InputError, failure
from beampace.core.taxonomy import Failure
from beampace.eiger import ReadOptions, open_container

TOLERANCE = 10.0
"""Degrees two grids may be off a right angle."""
UNKNOWN = "names no start angle"
"""What a record remarks when the angle of a master was made up."""


def check_pair(masters: tuple[Path, ...], read: ReadOptions | None = None) -> None:
    """Stop before any work when both grids are the same dataset.

    A master that is not there yet or cannot be read is left to the work itself.

    Raises:
        InputError: bad_request.
    """
    if len(masters) != 2:
        return
    first, second = masters
    same = first.resolve() == second.resolve()
    with suppress(InputError):
        ids = [open_container(master.absolute(), read).dataset.id for master in masters]
        same = same or (bool(ids[0]) and ids[0] == ids[1])
    if same:
        raise failure(
            Failure.BAD_REQUEST,
            f"{first} and {second} are the same dataset.",
            "Give two grids of the same crystal taken 90 degrees apart, or one grid alone.",
        )


def turn_warning(first: Dataset, second: Dataset) -> str:
    """What is to be said when two grids were not taken at about a right angle, or "".

    Nothing is said when a master names no angle. A grid and the same from behind are alike.
    """
    if not (_angle_known(first) and _angle_known(second)):
        return ""
    one, other = first.scan.starts[0], second.scan.starts[0]
    if abs(abs(one - other) % 180.0 - 90.0) <= TOLERANCE:
        return ""
    return (
        f"The spindle stood at {one:.1f} and at {other:.1f} degrees: the grids are not at a right angle, so "
        "the positions in three dimensions do not hold."
    )


def _angle_known(dataset: Dataset) -> bool:
    return bool(dataset.scan.starts) and not any(UNKNOWN in remark for remark in dataset.remarks)
