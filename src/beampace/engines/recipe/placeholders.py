"""Placeholders in the arguments of a recipe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

PLACEHOLDERS: Mapping[str, str] = {
    "master": "master file",
    "companion": "companion master: a clean file written for other programs",
    "out": "output directory of the program, made for it; also its working directory",
    "directory": "directory of the master file",
    "name": "prefix of the files, without _master.h5",
    "frames": "number of frames",
    "first": "first frame, from 1",
    "last": "last frame, included",
    "d_min": "resolution limit asked for in angstrom, else resolution_edge",
    "resolution_edge": "resolution at the edge of the detector nearest to the beam, in angstrom",
    "cores": "cores it may use",
    "prefix": "the recipe's own prefix",
    "recipe_dir": "directory of the recipe file",
}
"""Name to meaning."""

_PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def check_template(text: str) -> str:
    """Return a template whose placeholders are all known.

    Raises:
        ValueError: one is not, or a brace stands alone.
    """
    for match in _PLACE.finditer(text):
        if match[0] in ("{", "}"):
            raise ValueError(f"a brace stands alone in {text!r}; write {{{{ or }}}} for one that is meant")
        if match[1] is not None and match[1] not in PLACEHOLDERS:
            raise ValueError(f"there is no placeholder {match[0]}; there are {', '.join(PLACEHOLDERS)}")
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return text


def names_in(text: str) -> frozenset[str]:
    """The placeholders a template uses."""
    return frozenset(match[1] for match in _PLACE.finditer(text) if match[1])


def filled(text: str, values: Mapping[str, str], *, xml: bool = False) -> str:
    """A template with its placeholders replaced; what is put in is not looked at again.

    Args:
        text: the template.
        values: placeholder to text.
        xml: escape what is put in for XML.
    """

    def put(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        value = values[match[1]]
        return escape(value, {'"': "&quot;", "'": "&apos;"}) if xml else value

    return _PLACE.sub(put, text)
