"""Proof that a path lies inside `raw/`, at the moment of use."""

from __future__ import annotations

import os
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.watch.names import is_plain, spelt

_INSIDE = "Give the path of a master or of a run directory below the raw directory of the open beamtime."


def proven_inside(path: Path, raw: Path) -> Path:
    """The path with every symbolic link resolved, as far as it exists, when it lies inside `raw`.

    Args:
        path: absolute; need not exist.
        raw: root of the raw data, symbolic links resolved.

    Raises:
        InputError: it lies elsewhere, is not absolute, or holds what no path should (`bad_request`).
    """
    text = os.fspath(path)
    if "\0" in text or not path.is_absolute():
        raise failure(Failure.BAD_REQUEST, f"{spelt(path)} is not an absolute path.", _INSIDE)
    try:
        real = Path(os.path.realpath(path))
    except (OSError, ValueError) as error:
        raise failure(Failure.BAD_REQUEST, f"{spelt(path)} cannot be resolved: {error}.", _INSIDE) from error
    if real == raw or not real.is_relative_to(raw):
        raise failure(Failure.BAD_REQUEST, f"{spelt(path)} does not lie inside {spelt(raw)}.", _INSIDE)
    if not all(is_plain(part) for part in real.relative_to(raw).parts):
        detail = f"{spelt(path)} holds characters that cannot be shown, or is too long."
        raise failure(Failure.BAD_REQUEST, detail, _INSIDE)
    return real


def place_of(master: Path, raw: Path) -> str:
    """Directory of a proven master relative to `raw`, as a POSIX path; "." for `raw` itself."""
    return master.parent.relative_to(raw).as_posix()
