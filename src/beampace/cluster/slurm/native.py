"""The id of an attempt as the ledger keeps it: account, number of the job, opaque name."""

from __future__ import annotations

from dataclasses import dataclass

_PREFIX = "slurm"


@dataclass(frozen=True, slots=True)
class Native:
    """What an id holds.

    Attributes:
        account: whose job it is; "" is this process's own account.
        number: of the job; 0 when it is known only by its name.
        name: the attempt's opaque name.
    """

    account: str
    number: int
    name: str

    def __str__(self) -> str:
        return f"{_PREFIX}:{self.account}:{self.number}:{self.name}"


def native_of(text: str) -> Native | None:
    """The id in a text, or None when it is not one of ours."""
    parts = text.split(":")
    if len(parts) != 4 or parts[0] != _PREFIX or not (parts[2].isascii() and parts[2].isdigit()):
        return None
    return Native(parts[1], int(parts[2]), parts[3])
