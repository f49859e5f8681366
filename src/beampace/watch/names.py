"""How P11 names runs and files: both schemes as data.

CrystalControl: `<sample>/rotational_NNN/<sample>_rotational_NNN_master.h5`; MXCuBE:
`<prefix>/rotational_NNN/<prefix>_<run>_master.h5`, the run without leading zeros.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

RUN_TYPES = ("rotational", "screening", "grid", "ismo")
"""Run types as they stand in names of directories and files."""

_TYPES = "|".join(RUN_TYPES)
_MASTER = re.compile(r"(?P<prefix>.+)_master\.h5", re.DOTALL)
_DATA = re.compile(r"(?P<prefix>.+)_data_(?P<number>[0-9]{1,9})\.h5", re.DOTALL)
_DIRECTORY = re.compile(rf"(?P<type>{_TYPES})_(?P<run>[0-9]{{1,6}})", re.IGNORECASE)
MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a control program spells the prefix of the files of a run."""

    name: str
    prefix: re.Pattern[str]


SCHEMES = (
    Scheme(
        "CrystalControl",
        re.compile(rf"(?P<sample>.+)_(?P<type>{_TYPES})_(?P<run>[0-9]{{1,6}})", re.IGNORECASE | re.DOTALL),
    ),
    Scheme("MXCuBE", re.compile(r"(?P<sample>.+)_(?P<run>[0-9]{1,6})", re.DOTALL)),
)
"""The first that fits counts; whatever fits none is named after its own prefix."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the path of a master says.

    Attributes:
        prefix: of the files, without `_master.h5`.
        sample: name of the sample.
        run: number of the run, or None.
        run_type: one of `RUN_TYPES`, or "".
        scheme: whose spelling it is, or "".
    """

    prefix: str
    sample: str
    run: int | None = None
    run_type: str = ""
    scheme: str = ""


def master_prefix(name: str) -> str:
    """Prefix of a master's name; "" when it names no master."""
    match = _MASTER.fullmatch(name) if is_watched(name) else None
    return match["prefix"] if match else ""


def data_prefix(name: str) -> str:
    """Prefix of a data file's name; "" when it names no data file."""
    match = _DATA.fullmatch(name) if is_watched(name) else None
    return match["prefix"] if match else ""


def is_watched(name: str) -> bool:
    """Whether a name is looked at: neither hidden nor still being copied."""
    return not name.startswith(".") and not name.endswith(".part")


def is_plain(name: str) -> bool:
    """Whether a name can be stored, shown and handed on: printable, valid text, of bounded length.

    A name that begins with `-` is plain: paths are handed on absolute, so that it never stands first.
    """
    return len(name) <= MAX_NAME and name.isprintable()


def spelt(path: object) -> str:
    """A path as harmless text of bounded length, whatever bytes it holds."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)[:1000]


def named(master: PurePath) -> Named:
    """Sample and run of a master, from its path."""
    prefix = master_prefix(master.name) or master.stem
    directory = _DIRECTORY.fullmatch(master.parent.name)
    run_type = directory["type"].lower() if directory else ""
    for scheme in SCHEMES:
        match = scheme.prefix.fullmatch(prefix)
        if match:
            said = match.groupdict().get("type") or run_type
            return Named(prefix, match["sample"], int(match["run"]), said.lower(), scheme.name)
    if directory:
        return Named(prefix, prefix, int(directory["run"]), run_type)
    return Named(prefix, prefix)
