"""`processed/datasets.txt`: one line per result, for P11's presenter. Nothing of ours depends on it."""

from __future__ import annotations

from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.results.below import append_below

LISTING = "datasets.txt"
MOST_BYTES = 20_000_000


def list_result(processed: Path, directory: Path) -> bool:
    """Append the path of a result directory, relative to `processed`; once, and never rewriting the file.

    A line never begins with `-`: who reads it may hand it to a program. Others append to the file, too: the
    line goes out with a single write. One daemon calls this for a beamtime at a time; two calls at the same
    moment could both find the line missing.

    Args:
        processed: root of the results.
        directory: the result directory, below it.

    Returns:
        Whether a line was appended; not when it is there already or `processed` is missing.

    Raises:
        InputError: the directory is not below `processed`, or its path has no place in a line (bad_request).
        InfrastructureError: the file cannot be written (not_writable, disk_full).
    """
    if not directory.is_relative_to(processed) or ".." in directory.parts or directory == processed:
        raise failure(Failure.BAD_REQUEST, f"{directory} does not lie below {processed}.")
    line = directory.relative_to(processed).as_posix()
    line = f"./{line}" if line.startswith("-") else line
    if not line.isprintable():
        raise failure(Failure.BAD_REQUEST, f"{line!r} holds characters that have no place in a list.")
    if not processed.is_dir():
        return False
    return append_below(processed, LISTING, line.encode("utf-8"), MOST_BYTES)
