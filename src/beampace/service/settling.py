"""When a dataset is complete or has stopped growing: judged by listings, never by the frames."""

from __future__ import annotations

from beampace.core.sighting import FilesSeen
from beampace.store import DatasetRow

SETTLED_S = 1.0
"""Seconds without a change after which a dataset with all its files counts as complete."""

LEAST_PATIENCE_S = 15.0
MOST_PATIENCE_S = 600.0
FRAMES_PER_FILE = 1000
"""P11 writes 1000 frames per file: that long nothing may change while a scan goes on."""


def patience_s(dataset: DatasetRow, asked: float | None) -> float:
    """Seconds without a new file after which a dataset has stopped growing.

    Args:
        dataset: the dataset.
        asked: what the configuration says, or None.
    """
    if asked is not None:
        return asked
    per_file = min(FRAMES_PER_FILE, dataset.n_announced) * max(dataset.frame_time_s, 0.0)
    return LEAST_PATIENCE_S + min(per_file, MOST_PATIENCE_S)


def settled_state(dataset: DatasetRow, seen: FilesSeen, asked: float | None) -> str | None:
    """`complete`, `stopped`, or None while it grows.

    A dataset whose master names no data files holds its frames itself and is judged by its pace alone.
    """
    if dataset.n_files and seen.n_files >= dataset.n_files and seen.changed_s >= SETTLED_S:
        return "complete"
    return "stopped" if seen.changed_s >= patience_s(dataset, asked) else None
