"""Addresses on this server: the base path, and where somebody may be led after the log-in."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2000}")
"""A path with query, in ASCII as browsers send it; no backslash, which browsers take for a slash."""


def without_base(path: str, base: str) -> str:
    """A path without the base path, whether the proxy left it on or not."""
    if base and (path == base or path.startswith(f"{base}/")):
        return path[len(base) :] or "/"
    return path


def local_path(said: str) -> str:
    """`said` if it leads to a page of this server, else `/`."""
    if not _LOCAL.fullmatch(said):
        return "/"
    parts = urlsplit(said)
    leads_on = not parts.scheme and not parts.netloc and not parts.path.startswith("//")
    return said if leads_on and parts.path not in ("/login", "/in", "/logout") else "/"
