"""The options of an order as values."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.space_group import space_group_symbol
from beampace.core.taxonomy import Failure
from beampace.work.order import Order

Six = tuple[float, float, float, float, float, float]
Count = Annotated[int, Field(ge=1, le=10_000_000)]


def _range(value: tuple[int, int]) -> tuple[int, int]:
    if value[0] > value[1]:
        raise ValueError("the first frame comes after the last")
    return value


def _cell(value: Six) -> Six:
    return UnitCell(*value).parameters


class Wishes(BaseModel):
    """What an order may ask for; a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    images: Annotated[tuple[Count, Count], AfterValidator(_range)] | None = None
    """First and last frame, numbered from 1, both included."""
    space_group: Annotated[str, AfterValidator(space_group_symbol)] | None = None
    """Space group to impose."""
    unit_cell: Annotated[Six, AfterValidator(_cell)] | None = None
    """Cell to expect, angstrom and degrees."""
    d_min: Annotated[float, Field(ge=0.3, le=50)] | None = None
    """Resolution limit in angstrom."""
    quiet_s: Annotated[float, Field(ge=0)] | None = None
    """Seconds without a new frame after which the dataset has stopped growing."""
    transmission: Annotated[float, Field(gt=0, le=1)] | None = None
    """Of test shots, from 0 to 1."""
    flux: Annotated[float, Field(gt=0)] | None = None
    """Photons per second at full transmission, for the dose of a strategy."""
    grid: tuple[Count, Count] | None = None
    """Columns and rows of a grid scan."""

    @property
    def cell(self) -> UnitCell | None:
        """The cell to expect."""
        return UnitCell(*self.unit_cell) if self.unit_cell else None


def wishes_of(order: Order) -> Wishes:
    """The options of an order.

    Raises:
        InputError: one is not known or not of its form (bad_request).
    """
    try:
        return Wishes.model_validate(dict(order.options))
    except ValidationError as error:
        said = "; ".join(f"options.{_key(part['loc'])}: {part['msg']}" for part in error.errors())
        raise failure(Failure.BAD_REQUEST, f"The order of job {order.key}: {said}.") from error


def _key(place: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in place)
