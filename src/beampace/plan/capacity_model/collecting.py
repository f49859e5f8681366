"""What the detector leaves in the course of a described beamtime."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle

import numpy as np

from beampace.core.dataset import DatasetKind
from beampace.plan.capacity_model.description import CollectionTable, Description


@dataclass(frozen=True, slots=True)
class Collected:
    """A dataset: seconds at which its collection began and its last frame was readable.

    Attributes:
        last_file: frames that became readable together with the last one.
    """

    kind: DatasetKind
    frames: int
    begin: float
    end: float
    group: str = "beamtime"
    last_file: int = 1


def collect(description: Description, random: np.random.Generator, nights: int = 1) -> tuple[Collected, ...]:
    """All datasets in the order of time.

    The detector takes one at a time: what is planned while it is busy begins when it is free again.

    Args:
        description: of the beamtime.
        random: for what happens at random.
        nights: how often the beamtime is repeated, one right after the other.
    """
    planned = [
        (night * 3600 * description.hours + at, number, one, group)
        for night in range(nights)
        for number, one in enumerate(description.collections)
        for at, group in zip(_moments(one, description.hours, random), cycle(one.groups), strict=False)
    ]
    free, found = 0.0, []
    for at, _, one, group in sorted(planned, key=lambda row: row[:2]):
        begin = max(at, free)
        end = begin + one.lasts_s
        free = end + one.pause_s
        found.append(Collected(one.kind, one.frames, begin, end, group, _last_file(one)))
    return tuple(found)


def _moments(one: CollectionTable, hours: float, random: np.random.Generator) -> list[float]:
    """Seconds at which collections of a sort are planned."""
    begin, end = 3600 * one.from_h, 3600 * (hours if one.to_h is None else one.to_h)
    between = 3600 / one.per_hour
    if one.rhythm == "regular":
        # Rounding must neither add nor lose one at the end.
        return [begin + n * between for n in range(int(np.ceil((end - begin) / between - 1e-9)))]
    count = int(random.poisson((end - begin) / between))
    return [float(at) for at in np.sort(random.uniform(begin, end, count))]


def _last_file(one: CollectionTable) -> int:
    return one.frames % one.images_per_file or min(one.frames, one.images_per_file)
