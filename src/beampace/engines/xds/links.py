"""Names under which XDS finds the frames: short, `<prefix>_master.h5`, six `?` in the template.

A symbolic link beside the companion master, not elsewhere: plug-ins look for its data files relative to the
directory of the name they were given.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PREFIX = "img"
"""The plain name may be as long as it likes; XDS reads 80 characters of a line."""


def link_master(companion: Path) -> Path:
    """A short name for a companion master, in its own directory; the same one if it is there already.

    Raises:
        OSError: it cannot be made, or the name is another file's.
    """
    link = companion.parent / f"{PREFIX}_master.h5"
    with suppress(FileExistsError):
        link.symlink_to(companion.name)
    if not link.is_symlink() or os.readlink(link) != companion.name:  # noqa: PTH115 (the text of the link)
        raise FileExistsError(f"{link} is in the way of a link to {companion.name}")
    return link


def template(link: Path, directory: Path) -> str:
    """The template for a program whose working directory is `directory`."""
    place = os.path.relpath(link.parent.resolve(), directory.resolve())
    return f"{place}/{PREFIX}_??????.h5"
