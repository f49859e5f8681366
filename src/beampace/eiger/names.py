"""Names of files: harmless ones for what we write, and names as virtual datasets spell them.

HDF5 reads the names of a virtual dataset's sources as formats: `%b` is a block number and `%%` a
percent sign (H5Pset_virtual). External links take names as they are.
"""

from __future__ import annotations

import re

_BLOCK = re.compile(r"(?<!%)(?:%%)*%b")


def plain_name(name: str) -> str:
    """A name that is one harmless path component; DIALS takes a path with `=` for a parameter."""
    kept = re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("._-")
    return kept[:100] or "dataset"


def virtual_name(name: str) -> str:
    """A file or dataset name as a virtual dataset spells it."""
    return name.replace("%", "%%")


def true_name(spelt: str) -> str:
    """The file or dataset name that a virtual dataset spells.

    Raises:
        ValueError: it stands for a series of names.
    """
    if _BLOCK.search(spelt):
        raise ValueError(f"{spelt!r} stands for a series of names")
    return spelt.replace("%%", "%")
