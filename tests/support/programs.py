"""Programs that a test started, and waiting for what they do."""

from __future__ import annotations

import os
import time
from pathlib import Path


def wait_until(condition, patience: float = 60.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


def programs_in(directory: Path) -> list[int]:
    """Processes other than this one whose working directory lies in `directory`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                where = (entry / "cwd").resolve(strict=True)
            except OSError:
                continue
            if where.is_relative_to(directory.resolve()):
                found.append(int(entry.name))
    return found
