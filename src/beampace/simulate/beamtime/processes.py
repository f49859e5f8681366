"""Processes of this machine, as /proc tells of them: just enough to end the right one."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")


def stat_of(pid: int) -> tuple[int, int] | None:
    """Parent and start time (clock ticks since the boot) of a process that lives, or None."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text[text.rfind(")") + 2 :].split()
    return None if len(fields) < 20 or fields[0] in "ZX" else (int(fields[1]), int(fields[19]))


def descendants(pid: int) -> list[int]:
    """Processes that descend from `pid`, without itself."""
    parents = {int(entry.name): stat_of(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdigit()}
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        children = [one for one, stat in parents.items() if stat is not None and stat[0] == parent]
        found += children
        waiting += children
    return found


def running_attempts(state_dir: Path) -> Iterator[tuple[Path, int]]:
    """Directories of first attempts whose launcher lives, and its pid."""
    for note in sorted((state_dir / "jobs").glob("*-1/pid.json")):
        if (note.parent / "exit.json").exists():
            continue
        try:
            said = json.loads(note.read_bytes())
            pid, start = int(said["pid"]), int(said["start"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # being written, or of another form: not one to be killed
        stat = stat_of(pid)
        if stat is not None and stat[1] == start:
            yield note.parent, pid


def kill(pid: int) -> bool:
    """SIGKILL; whether there was such a process."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
