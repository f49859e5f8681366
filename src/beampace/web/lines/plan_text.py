"""A collection plan as values to copy: what is typed into the control software, under its names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from beampace.results.strategy_schema import CollectionPlan


@dataclass(frozen=True, slots=True)
class PlanValue:
    """A value of a plan.

    Attributes:
        name: as the control software calls it.
        value: to be copied, without unit.
        unit: its unit, or "".
    """

    name: str
    value: str
    unit: str = ""


def plan_values(plan: CollectionPlan) -> tuple[PlanValue, ...]:
    """What has to be typed in, in the order of the control software and in its units."""
    return tuple(_values(plan))


def plan_text(plan: CollectionPlan) -> str:
    """All of it as text, a value per line."""
    return "".join(f"{one.name}: {one.value} {one.unit}".rstrip() + "\n" for one in plan_values(plan))


def plain(value: float, digits: int) -> str:
    """A number with at most so many decimals."""
    text = f"{round(value, digits) + 0.0:.{digits}f}"  # adding zero makes -0 a 0
    return text.rstrip("0").rstrip(".") if "." in text else text


def _values(plan: CollectionPlan) -> Iterator[PlanValue]:
    yield PlanValue("start angle", plain(plan.start_deg, 3), "°")
    yield PlanValue("range", plain(plan.range_deg, 3), "°")
    yield PlanValue("degrees/frame", plain(plan.width_deg, 4), "°")
    yield PlanValue("frames", str(plan.frames))
    yield PlanValue("exposure time", plain(1000 * plan.exposure_s, 3), "ms")
    yield PlanValue("filter transmission", plain(100 * plan.transmission, 3), "%")
    yield PlanValue("detector distance", plain(plan.distance_mm, 1), "mm")
    yield PlanValue("resolution", plain(plan.resolution, 2), "Å")
    if plan.energy_kev is not None:
        yield PlanValue("energy", plain(plan.energy_kev, 4), "keV")
