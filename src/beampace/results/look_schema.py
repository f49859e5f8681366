"""The published form of a look: the models behind `look.json`, which is rewritten while frames come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field

from beampace.results.schema import Column, Count, Model, Number

LOOK_SCHEMA: Literal["look-1"] = "look-1"
"""Name and version of the schema; the number rises when a field changes its meaning or goes away."""

State = Literal["running", "complete", "cancelled", "stopped"]
"""`stopped`: something other than the user ended the work; result.json says what."""


class LookedAt(Model):
    """The dataset in short."""

    id: str
    """Identity, independent of the path."""
    name: str
    """Prefix of the files, without `_master.h5`."""
    path: str
    """Path of the master file."""
    kind: str
    """`rotation`, `screening`, `grid` or `stills`."""
    width_deg: Number = None
    """Rotation per frame in degrees; 0 for stills."""


class LookFrames(Model):
    """How far the look is."""

    announced: Count
    """Frames of the dataset."""
    first: int
    """First frame asked for, numbered from 1."""
    last: int
    """Last frame asked for, included."""
    analysed: Count
    """Frames with an answer."""
    failed: Count
    """Frames without one, and a reason in the column `reason`."""
    waiting: Count
    """Frames still to come."""
    per_second: Number = None
    """Frames per second since the first was begun."""
    time_left_s: Number = None
    """Seconds left at that pace; null when nothing is left or nothing is known."""


class Useful(Model):
    """The frames of a rotation scan worth processing."""

    first: int
    """First useful frame."""
    last: int
    """Last useful frame, included."""
    ending: str
    """`whole`, `died`, `slipped`, `left_beam`, `no_beam` or `no_diffraction`."""
    reason: str
    """Why, in a sentence."""


class Look(Model):
    """What is known of every frame: `look.json`."""

    schema_version: Literal["look-1"] = Field(default=LOOK_SCHEMA, alias="schema")
    """Name and version of this schema."""
    state: State
    """`running` until the last frame was looked at."""
    updated: datetime
    """When this was written (UTC)."""
    dataset: LookedAt
    """The dataset."""
    frames: LookFrames
    """How far the look is."""
    useful_range: Useful | None = None
    """For a rotation scan, once every frame was looked at."""
    hot_pixels: Count = 0
    """Pixels left out because they fire by themselves."""
    warnings: tuple[str, ...] = ()
    """What was put right or done without."""
    columns: Mapping[str, Column] = {}
    """Values per frame, columns of equal length; only frames analysed or failed have a row. `frame`: number;
    `verdict`: `blank`, `weak`, `good`, `ice`, `small_molecule`, `overloaded`, `no_beam` or `failed`;
    `spots`: outside ice rings and above the signal cut; `spots_all`: all; `d_min`: angstrom;
    `background`: counts per pixel; `intensity`: counts of the spots; `total_counts`; `max_count`;
    `saturated_pixels`; `overloaded`: spots with a saturated pixel; `ice_score`: excess of the strongest ice
    ring over its surroundings; `ice_rings`, `powder_rings`: 1 or 0; `reason`: why a frame failed, else null.
    All but `frame`, `verdict` and `reason` are null for a failed frame."""

    def to_json(self) -> str:
        """The text of `look.json`: compact, as it is written several times a second."""
        return self.model_dump_json() + "\n"
