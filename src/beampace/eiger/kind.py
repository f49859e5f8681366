"""What the frames of a dataset are to one another: names, `info.txt` and headers together."""

from __future__ import annotations

import re
from pathlib import PurePath

from beampace.core.dataset import DatasetKind, Hint
from beampace.core.scan import Scan

_NAMED = re.compile(r"(?:^|[_\W])(rotational|rotation|screening|grid|ismo)_?\d*(?:$|[_\W])", re.IGNORECASE)
_BY_WORD = {
    "rotational": DatasetKind.ROTATION,
    "rotation": DatasetKind.ROTATION,
    "regular": DatasetKind.ROTATION,
    "screening": DatasetKind.SCREENING,
    "grid": DatasetKind.GRID,
    "ismo": DatasetKind.STILLS,
}


def announced_kind(master: PurePath, hint: Hint) -> tuple[DatasetKind | None, str]:
    """What `info.txt`, the directory or the file name announce, and which of them; None without."""
    if hint.run_type in _BY_WORD:
        return _BY_WORD[hint.run_type], f"info.txt says the run type is {hint.run_type}"
    for text in (master.parent.name, master.name.removesuffix("_master.h5")):
        found = _NAMED.search(text)
        if found:
            return _BY_WORD[found[1].lower()], f"the name {text} says so"
    return None, ""


def settle_kind(announced: DatasetKind | None, reason: str, scan: Scan) -> tuple[DatasetKind, str]:
    """Kind and reason; the headers decide whether the spindle turned, the names what it was for."""
    if not scan.turns:
        return _standing(announced, reason, scan)
    if announced in (DatasetKind.SCREENING, DatasetKind.GRID, DatasetKind.STILLS):
        return announced, reason
    if scan.n_frames == 1:
        return DatasetKind.SCREENING, "there is a single frame"
    if not scan.is_continuous:
        return DatasetKind.SCREENING, "there are gaps between the frames"
    if announced is None:
        return DatasetKind.ROTATION, f"the spindle turns {scan.width:g} degrees per frame without gaps"
    return announced, reason


def _standing(announced: DatasetKind | None, reason: str, scan: Scan) -> tuple[DatasetKind, str]:
    if announced in (DatasetKind.GRID, DatasetKind.STILLS, DatasetKind.SCREENING):
        return announced, reason
    return DatasetKind.STILLS, f"the spindle stands still for all {scan.n_frames} frames"
