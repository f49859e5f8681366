"""A boundary per item: one job, attempt or result that cannot be dealt with holds up no other."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from typing import TypeVar

from beampace.core.errors import BeampaceError
from beampace.core.sighting import Trouble

T = TypeVar("T")
R = TypeVar("R")


def for_each(
    items: Iterable[T], do: Callable[[T], R], name: Callable[[T], str]
) -> tuple[list[R], tuple[Trouble, ...]]:
    """Do something with each item; returns what came of those that went well, and what staff should know.

    Args:
        items: what to deal with.
        do: deals with one; what it raises stays with that one, which is dealt with again at the next turn.
        name: what an item is called in the trouble.
    """
    done: list[R] = []
    troubles: list[Trouble] = []
    for item in items:
        try:
            done.append(do(item))
        except BeampaceError as error:
            troubles.append(Trouble(name(item), error.words, error.next_step))
        except Exception as error:  # noqa: BLE001 - the boundary of an item
            troubles.append(unexpected(name(item), error))
    return done, tuple(troubles)


def unexpected(what: str, error: Exception) -> Trouble:
    """The trouble for a fault that is in no taxonomy; the log gets its traceback from the details."""
    words = f"{what} cannot be dealt with: {type(error).__name__}: {error}."
    details = tuple(traceback.format_exception(error))
    return Trouble(what, words, "See the daemon's log; it goes on trying.", details)
