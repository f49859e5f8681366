"""The published form of a strategy: the models behind `strategy.json`.

A plan holds what is typed into the control software, in its units: start angle and degrees per frame in
degrees, exposure time in seconds, distance in mm; transmission is a fraction, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from beampace.results.look_schema import LookedAt
from beampace.results.schema import Cell, Column, Count, Fraction, MaybeFraction, Model, Number

STRATEGY_SCHEMA: Literal["strategy-1"] = "strategy-1"
"""Name and version of the schema; the number rises when a field changes its meaning or goes away."""

Positive = Annotated[float, Field(gt=0)]


class CollectionPlan(Model):
    """One way to collect."""

    rank: Annotated[int, Field(ge=1)]
    """1 is the recommendation."""
    kind: str = ""
    """`best`, `fastest`, `anomalous` or `P1-safe`."""
    words: str
    """What it is good for, in a sentence."""
    reasons: tuple[str, ...] = ()
    """Why these values, a sentence each."""
    start_deg: float
    """Spindle angle at which the first frame begins."""
    range_deg: Positive
    """Rotation of the whole scan."""
    width_deg: Positive
    """Rotation per frame."""
    frames: Annotated[int, Field(ge=1)]
    """Number of frames."""
    exposure_s: Positive
    """Exposure time per frame."""
    transmission: Fraction
    """Of the attenuator, from 0 to 1."""
    distance_mm: Positive
    """Distance from the crystal to the detector."""
    resolution: Positive
    """Resolution at the edge of the detector at that distance, A."""
    complete_to: Number = None
    """Resolution to which completeness, multiplicity and I/sigma are counted, A."""
    energy_kev: Number = None
    """Photon energy; null to leave it as it is."""
    completeness: MaybeFraction = None
    """Expected completeness."""
    anomalous_completeness: MaybeFraction = None
    """Expected completeness of the anomalous differences."""
    multiplicity: Number = None
    """Expected observations per unique reflection."""
    i_over_sigma: Number = None
    """Expected mean I/sigma(I) of the merged data at the resolution limit."""
    i_over_sigma_as_tested: Number = None
    """The same if every degree were exposed as on the test shots."""
    total_s: Positive
    """Time with the shutter open."""
    dose_mgy: Number = None
    """Absorbed dose in MGy; null when the flux is not known."""


class StrategyLattice(Model):
    """The crystal on the test shots."""

    space_group: str = ""
    """Symbol the plan is made for; "" when not indexed."""
    space_group_candidates: tuple[str, ...] = ()
    """All that the test shots cannot tell apart."""
    unit_cell: Cell | None = None
    """a, b, c in A; alpha, beta, gamma in degrees."""
    mosaicity_deg: Number = None
    """Standard deviation of the reflecting range."""
    indexed_fraction: MaybeFraction = None
    """Share of the strong spots the lattice explains."""
    resolution: Number = None
    """Resolution seen on the test shots, A."""


class SecondOpinion(Model):
    """What an independent attempt at indexing says."""

    method: str = ""
    """How it was made; "" when it was not."""
    agrees: bool | None = None
    """Whether it found the same lattice; null when it was not made or found none."""
    unit_cell: Cell | None = None
    """Its cell in P1."""
    words: str
    """The same in a sentence."""


class ShotQuality(Model):
    """One test shot."""

    frame: Count
    """Its number, from 1."""
    dataset: str = ""
    """Name of its dataset, where the shots are of several."""
    start_deg: float
    """Spindle at its beginning."""
    spots: Count
    """Good spots: outside the rings of ice, above the signal cut."""
    indexed_fraction: MaybeFraction = None
    """Share of them that the lattice explains."""
    resolution: Number = None
    """Seen on it, A."""
    verdict: str
    """As of the look: `good`, `ice`, ..."""


class LatticeChoice(Model):
    """What the lattice may be."""

    bravais: str
    """Type, e.g. `tP`."""
    space_group: str
    """Highest rotation group of it."""
    unit_cell: Cell
    """Conventional cell."""
    missed_deg: float
    """Angle by which the lattice misses this symmetry."""


class TestShots(Model):
    """How the test shots were taken."""

    __test__ = False

    frames: Count
    """How many."""
    width_deg: Number = None
    """Rotation per frame."""
    exposure_s: Number = None
    """Exposure time per frame."""
    transmission: MaybeFraction = None
    """Of the attenuator; null when not known, and then taken as 1."""
    distance_mm: Number = None
    """Distance from the crystal to the detector."""


class Strategy(Model):
    """How to collect a crystal: `strategy.json`."""

    schema_version: Literal["strategy-1"] = Field(default=STRATEGY_SCHEMA, alias="schema")
    """Name and version of this schema."""
    created: datetime
    """When it was calculated (UTC)."""
    dataset: LookedAt
    """The test shots."""
    tested: TestShots
    """How they were taken."""
    lattice: StrategyLattice
    """What they show."""
    recommendation: CollectionPlan | None = None
    """What to do; null when the test shots allow no plan."""
    alternatives: tuple[CollectionPlan, ...] = ()
    """What else can be done, the best first."""
    columns: Mapping[str, Column] = {}
    """Completeness against range, columns of equal length: `start` and `range` in degrees, `completeness` and
    `anomalous` from 0 to 1. A curve is the rows of one start."""
    warnings: tuple[str, ...] = ()
    """What should be known, as sentences."""
    second_opinion: SecondOpinion | None = None
    """Of an independent attempt at indexing; null while it is being made."""
    shots: tuple[ShotQuality, ...] = ()
    """Quality per test shot."""
    choices: tuple[LatticeChoice, ...] = ()
    """Symmetries the lattice has within a few degrees, the highest first."""

    def to_json(self) -> str:
        """The text of `strategy.json`."""
        return self.model_dump_json(indent=2) + "\n"
