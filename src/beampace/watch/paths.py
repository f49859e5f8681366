"""Paths as text, as the poller keeps them: absolute, without a slash at the end."""

from __future__ import annotations


def below(directory: str, name: str) -> str:
    """The path of an entry."""
    return f"{directory}/{name}"


def parent(path: str) -> str:
    """The directory of an entry."""
    return path.rpartition("/")[0]


def base(path: str) -> str:
    """The last name of a path."""
    return path.rpartition("/")[2]
