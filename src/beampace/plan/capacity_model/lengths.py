"""How long a job takes: measured costs, carried over to other frames and cores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from beampace.core.work import WorkName
from beampace.plan.sizing import Cost, core_seconds, prior

Costs = Mapping[tuple[WorkName, str], Sequence[Cost]]
"""Work and engine -> what was measured."""

ALIKE = 0.25
"""Costs whose frames (as a logarithm) are this close to the nearest ones are equally good."""


@dataclass(frozen=True, slots=True)
class Length:
    """How long a job takes.

    Attributes:
        seconds: with `cores` cores, when all frames are there.
        cores: for which `seconds` holds.
        serial: share of `seconds` that more cores do not shorten.
        follows: whether it works while the scan runs.
        last: share of its work that comes with the last file of the scan.
        tail_s: seconds it needs after the last frame, where that was measured; else `last` says.
    """

    seconds: float
    cores: int = 1
    serial: float = 0.0
    follows: bool = False
    last: float = 0.0
    tail_s: float | None = None

    def with_cores(self, cores: int) -> float:
        """Seconds with so many cores (Amdahl)."""
        return self.seconds * (self.serial + (1 - self.serial) * self.cores / cores)

    def end(self, begun: float, last_frame: float, cores: int) -> float:
        """When a job ends that began at `begun` on a dataset whose last frame is readable at `last_frame`."""
        takes = self.with_cores(cores)
        if not self.follows:
            return max(begun, last_frame) + takes
        tail = self.last * takes if self.tail_s is None else self.tail_s
        return max(begun + takes, last_frame + tail)


def length(
    work: WorkName,
    engine: str,
    frames: int,
    costs: Sequence[Cost],
    random: np.random.Generator,
    *,
    serial: float = 0.0,
    variation: float = 0.0,
    follows: bool = False,
    last_file: int = 1,
) -> Length:
    """The length of one job: one of the costs of datasets of about as many frames, drawn at random.

    Args:
        work: what is done.
        engine: by which engine, or "".
        frames: frames of the dataset.
        costs: what was measured; without any the daemon's belief is taken.
        random: draws.
        serial: share of the time that more cores do not shorten.
        variation: relative standard deviation beyond that of the costs.
        follows: whether it works while the scan runs.
        last_file: frames that become readable together with the last one.

    Processor time beyond what every job needs goes with the frames, as the daemon believes. Wall time beyond
    processor time does, too; but work that follows a scan mostly waits, and that is not carried over.
    """
    cost = _drawn(work, engine, frames, costs, random)
    start = min(prior(work, engine).start_core_s, cost.core_seconds)
    needs = start + (cost.core_seconds - start) / cost.frames * frames
    slack = 1.0 if follows else max(1.0, cost.seconds * cost.cores / cost.core_seconds)
    seconds = slack * needs / cost.cores * _factor(variation, random)
    return Length(seconds, cost.cores, serial, follows, min(1.0, last_file / frames))


def _drawn(
    work: WorkName, engine: str, frames: int, costs: Sequence[Cost], random: np.random.Generator
) -> Cost:
    usable = [cost for cost in costs if cost.frames > 0 and cost.core_seconds > 0 and cost.seconds > 0]
    if not usable:
        believed = core_seconds(work, engine, frames, ())
        return Cost(frames, believed, believed, 0.0, 1)
    far = [abs(math.log(cost.frames / frames)) for cost in usable]
    near = [cost for cost, distance in zip(usable, far, strict=True) if distance <= min(far) + ALIKE]
    return near[int(random.integers(len(near)))] if len(near) > 1 else near[0]


def _factor(variation: float, random: np.random.Generator) -> float:
    """A factor with mean 1 and this relative standard deviation."""
    if not variation:
        return 1.0
    spread = math.log(1 + variation**2)
    return float(random.lognormal(-spread / 2, math.sqrt(spread)))
