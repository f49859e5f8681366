"""The published form of a result: the models behind `result.json`.

Fractions run from 0 to 1, lengths are in angstrom, angles in degrees, times in seconds. A number
that could not be determined is null, never NaN. The JSON schema made from these models is kept
in `schemas/` and changes only together with `SCHEMA`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

SCHEMA: Literal["result-1"] = "result-1"
"""Name and version of the schema; the number rises when a field changes its meaning or goes away."""


def finite(value: object) -> object:
    """`value`, or None where it is a float that is not a number or not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


Number = Annotated[float | None, BeforeValidator(finite)]
"""A float, or null when it could not be determined."""

Fraction = Annotated[float, Field(ge=0, le=1)]
MaybeFraction = Annotated[Annotated[float, Field(ge=0, le=1)] | None, BeforeValidator(finite)]
Correlation = Annotated[Annotated[float, Field(ge=-1, le=1)] | None, BeforeValidator(finite)]
Cell = tuple[float, float, float, float, float, float]
Count = Annotated[int, Field(ge=0)]
MaybeCount = Annotated[int, Field(ge=0)] | None


class Model(BaseModel):
    """A frozen part of the result; a field it does not know is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        populate_by_name=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )


class LostFrames(Model):
    """A run of frames that could not be used, and why."""

    first: int
    """First frame of the run, numbered from 1."""
    last: int
    """Last frame of the run, included."""
    code: str
    """Code of the failure taxonomy."""
    detail: str
    """Which file, which value."""


class Frames(Model):
    """The frame ledger in short."""

    announced: Count
    """Frames the detector was armed for."""
    usable: Count
    """Frames that can be or were read."""
    used: tuple[int, int] | None = None
    """First and last frame this result was made from, or null."""
    lost: tuple[LostFrames, ...] = ()
    """Runs of frames that failed."""
    missing: Count = 0
    """Announced frames that never became readable and have no failure of their own."""
    width_deg: Number = None
    """Rotation per frame in degrees; negative when the spindle turned backwards; 0 for a still."""
    start_deg: Number = None
    """Spindle angle at which frame 1 began, in degrees."""


class DatasetInfo(Model):
    """The dataset this result is about."""

    id: str
    """Identity, independent of the path."""
    name: str
    """Prefix of the files, without `_master.h5`."""
    path: str
    """Path of the master file when it was processed."""
    kind: str
    """`rotation`, `screening`, `grid` or `stills`."""
    kind_reason: str = ""
    """Why it was taken for that kind."""
    frames: Frames
    """What became of its frames."""
    collected: datetime | None = None
    """When the first image was taken (UTC), if the file says."""
    detector: str = ""
    """Description and serial number of the detector."""
    wavelength: Number = None
    """Wavelength in angstrom."""
    distance_mm: Number = None
    """Distance from the crystal to the detector plane in mm."""
    remarks: tuple[str, ...] = ()
    """What was missing, contradictory or put right while reading."""


class VerdictInfo(Model):
    """The result in plain words."""

    code: str
    """`merged`, `little_data`, `finished` (a recipe's program ended well, its numbers are not known), or a
    code of the failure taxonomy."""
    words: str
    """One or two sentences."""
    next_step: str
    """What to do now."""
    warnings: tuple[str, ...] = ()
    """What is true of the result and should be known."""


class CrystalInfo(Model):
    """What is known of the crystal."""

    space_group: str
    """Hermann-Mauguin symbol of the space group the data are merged in."""
    space_group_candidates: tuple[str, ...] = Field(min_length=1)
    """Every space group the data cannot tell apart, `space_group` first."""
    space_group_sure: bool
    """True only when one candidate is left."""
    laue_group: str
    """Short Hermann-Mauguin symbol: `4/mmm`, `-3m1`, `m-3`."""
    laue_confidence: MaybeFraction = None
    """Likelihood of the Laue group from 0 to 1; null when it was imposed, or the program does not say."""
    unit_cell: Cell
    """a, b, c in angstrom; alpha, beta, gamma in degrees."""
    mosaicity_deg: Number = None
    """Standard deviation of the reflecting range in degrees."""
    indexed_fraction: MaybeFraction = None
    """Share of the strong spots the lattice explains, from 0 to 1."""
    n_spots: Count = 0
    """Strong spots found."""
    n_indexed: Count = 0
    """Strong spots the lattice explains."""
    rmsd: tuple[float, float, float] | None = None
    """Root mean square deviation of the spots: x and y in pixels, z in frames."""


class ShellInfo(Model):
    """Merging statistics of one resolution shell (or of all data).

    Where they were read from a program's own output (`method` says so), null stands for what it does not say:
    counts may be null as well as any other number but the limits.
    """

    d_max: float
    """Low-resolution limit in angstrom."""
    d_min: float
    """High-resolution limit in angstrom."""
    n_observations: MaybeCount
    """Observations."""
    n_unique: MaybeCount
    """Unique reflections observed (Friedel mates merged)."""
    n_repeated: MaybeCount
    """Unique reflections observed at least twice: R values and cc_half rest on these alone."""
    n_possible: MaybeCount
    """Unique reflections that could have been observed; systematic absences are left out."""
    completeness: MaybeFraction
    """n_unique / n_possible, both without systematic absences."""
    multiplicity: Number
    """n_observations / n_unique."""
    r_merge: Number
    """Sum |I - <I>| / sum I over reflections observed at least twice."""
    r_meas: Number
    """R_merge with each term times sqrt(n/(n-1))."""
    r_pim: Number
    """R_merge with each term times sqrt(1/(n-1))."""
    cc_half: Correlation
    """Correlation of half data sets by the sigma-tau method, weights 1/sigma^2."""
    cc_half_significant: bool | None
    """Whether cc_half exceeds zero at the 0.1 % level and rests on at least ten reflections; null when it is
    not known on how many it rests."""
    mean_i_over_sigma: Number
    """Mean of <I>/sigma(<I>) over unique reflections."""
    cc_anom: Correlation
    """Correlation of the anomalous differences of half data sets (sigma-tau)."""


class StatisticsInfo(Model):
    """Merging statistics: computed from the unmerged, scaled file, or read from a program's own output."""

    overall: ShellInfo
    """All data."""
    outer: ShellInfo
    """The shell of highest resolution."""
    shells: tuple[ShellInfo, ...]
    """Shells from low to high resolution, of equal volume in reciprocal space where beampace made them; empty
    when a program lists none but the outer one."""
    method: str
    """How the values are defined."""
    d_min_reason: str = ""
    """Why the data end at this resolution."""
    inner: ShellInfo | None = None
    """The shell of lowest resolution; null when there is one shell only, or a program says nothing of it."""
    friedel_apart: bool = False
    """Whether r_meas takes Friedel mates for different reflections; elsewhere they are taken together."""


class Try(Model):
    """One execution of an engine: what was tried, why, and what came of it."""

    engine: str
    """The engine."""
    what: str
    """What was done differently, in words."""
    why: str
    """Why it was tried."""
    outcome: str
    """`merged`, or a code of the failure taxonomy."""
    words: str = ""
    """What came of it, in words."""
    tweaks: tuple[str, ...] = ()
    """Departures from the defaults, by name."""
    seconds: Number = None
    """How long it took."""


class Asked(Model):
    """The request."""

    images: tuple[int, int] | None = None
    """First and last frame asked for, numbered from 1, included."""
    cores: int | None = None
    """Processes or threads allowed."""
    space_group: str | None = None
    """Space group imposed, or null."""
    unit_cell: Cell | None = None
    """Cell expected, or null."""
    d_min: Number = None
    """Resolution limit imposed in angstrom, or null."""
    tweaks: tuple[str, ...] = ()
    """Departures from the defaults of the execution that gave the result."""


class Parameters(Model):
    """What is needed to make the result again."""

    asked: Asked = Asked()
    """The request as understood."""
    engine: Mapping[str, tuple[str, ...]] = {}
    """Arguments given to the engine: step to arguments."""
    other: Mapping[str, Any] = {}
    """Anything else that had an influence."""


Column = tuple[Annotated[int | float | str | None, BeforeValidator(finite)], ...]


class Result(Model):
    """What work leaves: `result.json`.

    The JSON schema describes what this version writes. Readers must ignore keys they do not know: keys are
    added without a new number, which rises only when one changes its meaning or goes away.
    """

    schema_version: Literal["result-1"] = Field(default=SCHEMA, alias="schema")
    """Name and version of this schema."""
    work: str
    """What was done: `process`, `look`, `map`, `strategy`, `merge`."""
    engine: str | None = None
    """Which engine did it, or null when none was started."""
    dataset: DatasetInfo | None
    """The dataset, or null when the input could not be read as one."""
    verdict: VerdictInfo
    """The result in plain words."""
    crystal: CrystalInfo | None = None
    """The crystal, or null when no lattice was found."""
    statistics: StatisticsInfo | None = None
    """Merging statistics, or null when nothing was merged."""
    columns: Mapping[str, Column] = {}
    """Values per frame, columns of equal length; `frame` is the frame number."""
    tries: tuple[Try, ...] = ()
    """What was tried, in order."""
    files: Mapping[str, str] = {}
    """Name to path relative to the result directory."""
    hashes: Mapping[str, str] = {}
    """Name of a file to `sha256:...` of its content."""
    timing: Mapping[str, float] = {}
    """Step to seconds; `last_frame_to_result_s` from when the last frame was first seen."""
    versions: Mapping[str, str] = {}
    """Program to version."""
    parameters: Parameters = Parameters()
    """What is needed to make the result again."""
    created: datetime | None = None
    """When the result was made (UTC)."""

    def to_json(self) -> str:
        """The text of `result.json`: UTF-8, two blanks of indentation, a newline at the end."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Result:
        """Read `result.json`.

        Raises:
            pydantic.ValidationError: it does not follow the schema.
        """
        return cls.model_validate_json(text)
