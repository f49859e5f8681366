"""`look.json` and `map.json` as running work writes them, for tests of the pages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from beampace.core.work import WorkName
from beampace.web.live_source import LiveWork
from tests.support.ledgers import sighting
from tests.support.pages import Site


def look_content(frames: Iterable[int], announced: int, **changes: Any) -> dict[str, Any]:
    """What a look has written after these frames."""
    numbers = list(frames)
    n = len(numbers)
    columns = {
        "frame": numbers,
        "verdict": ["good"] * n,
        "spots": [100 + number % 7 for number in numbers],
        "d_min": [1.5 + number % 5 / 10 for number in numbers],
        "background": [0.25] * n,
        "intensity": [1000.0 + number for number in numbers],
        "ice_score": [0.0] * n,
        "reason": [None] * n,
    }
    counts = {"announced": announced, "first": 1, "last": announced, "analysed": n, "failed": 0}
    frames_ = {**counts, "waiting": announced - n, "per_second": 133.0, "time_left_s": None}
    return {"schema": "look-1", "state": "running", "frames": frames_, "columns": columns, **changes}


def write_whole(file: Path, content: Any) -> None:
    """Write as work writes: a new file takes the place of the old one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    part.write_text(json.dumps(content))
    part.replace(file)


def begin_look(
    site: Site, number: int, group: str = "", beamtime: str = "11001", frames: int = 100
) -> LiveWork:
    """A dataset appears, and its look begins."""
    site.ledger.open_beamtime(beamtime, str(site.root))
    name = f"scan_{number}"
    seen = sighting(
        f"E/{number}",
        path=str(site.root / "raw" / f"{name}_master.h5"),
        name=name,
        sample=f"sample {number}",
        n_announced=frames,
    )
    dataset = site.ledger.observe(beamtime, seen, group).dataset.id
    processed = site.root / "processed"
    file = processed / name / "beampace" / "look_001" / "look.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    work = LiveWork(dataset, beamtime, group, WorkName.LOOK, f"look-{number}", file, processed)
    site.live.works.append(work)
    return work
