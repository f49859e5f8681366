"""What may be asked of the daemon, over its socket and over HTTP: one record per request."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from beampace.core.dataset import DatasetKind
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

MAX_REQUEST_BYTES = 65536
"""Longest request, in bytes, that is read from anybody."""

Path = Annotated[str, Field(min_length=2, max_length=4096, pattern=r"^/[^\x00]+$")]
"""An absolute path, in any of the views of the file systems."""

Name = Annotated[str, Field(max_length=128, pattern=r"^([^\W_][\w .+@-]*)?$")]
"""A group, sample, beamtime or engine: letters, digits, space and . + @ - _, not beginning with a sign."""


class Asked(BaseModel):
    """What all requests share: they are frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PingRequest(Asked):
    """Is the daemon there, and is it well?"""

    do: Literal["ping"] = "ping"


class AnnounceRequest(Asked):
    """A dataset is being taken, or is there; the same announcement twice changes nothing."""

    do: Literal["announce"] = "announce"
    path: Path
    """Absolute path of the master file."""
    kind: DatasetKind | None = None
    """What it is, where the caller knows better than the files."""
    group: Name = ""
    """Whose it is."""
    sample: Name = ""
    """Sample or puck position."""
    frames: int | None = Field(default=None, ge=1, le=10_000_000)
    """Frames planned."""


class StatusRequest(Asked):
    """How things are."""

    do: Literal["status"] = "status"
    beamtime: Name = ""
    """Id of the beamtime; the open one, else the last, by default."""


class JobsRequest(Asked):
    """Jobs of a dataset, or the newest of all."""

    do: Literal["jobs"] = "jobs"
    dataset: int | None = Field(default=None, ge=1)
    """Number of the dataset."""
    limit: int = Field(default=100, ge=1, le=1000)
    """Most jobs to tell of."""


class ReprocessRequest(Asked):
    """Process a dataset again, with other wishes."""

    do: Literal["reprocess"] = "reprocess"
    dataset: int | Path
    """Number of the dataset, or the path of its master."""
    engine: Name = ""
    """Engine or recipe; the configured one by default."""
    images: tuple[int, int] | None = None
    """First and last frame, from 1."""
    space_group: str = Field(default="", max_length=32, pattern=r"^[\w /:()-]*$")
    """Space group to impose."""
    unit_cell: tuple[float, float, float, float, float, float] | None = None
    """Expected cell in angstrom and degrees."""
    d_min: float | None = Field(default=None, gt=0.1, lt=100)
    """Resolution limit in angstrom."""

    @field_validator("images")
    @classmethod
    def _in_order(cls, images: tuple[int, int] | None) -> tuple[int, int] | None:
        if images is not None and not 1 <= images[0] <= images[1]:
            raise ValueError("frames are first and last, from 1")
        return images

    @field_validator("unit_cell")
    @classmethod
    def _positive(cls, cell: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if cell is not None and not all(0 < value < 10_000 for value in cell):
            raise ValueError("lengths and angles of a cell are positive")
        return cell


class CancelRequest(Asked):
    """End a job, or all jobs of a dataset that have not ended."""

    do: Literal["cancel"] = "cancel"
    job: str = Field(default="", max_length=64, pattern=r"^[0-9a-f]*$")
    """Key of the job."""
    dataset: int | Path | None = None
    """Number of the dataset, or the path of its master."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(self.job) == (self.dataset is not None):
            raise ValueError("either a job or a dataset is named")
        return self


class ReportRequest(Asked):
    """The page of a beamtime in numbers."""

    do: Literal["report"] = "report"
    beamtime: Name = ""
    """Id of the beamtime; the open one, else the last, by default."""


class AccountsRequest(Asked):
    """What each group used."""

    do: Literal["accounts"] = "accounts"
    beamtime: Name = ""
    """Id of the beamtime; the open one, else the last, by default."""


class AccessLinkRequest(Asked):
    """Make a link that lets somebody in, once or as a screen on the wall."""

    do: Literal["access_link"] = "access_link"
    kind: Literal["link", "wall"] = "link"
    """`wall` lets a screen in again and again; it only shows."""
    beamtime: Name = ""
    """Id of the beamtime of the group; the open one by default."""
    group: Name = ""
    """For whom; staff, or a screen that shows all groups, by default."""
    hours: float | None = Field(default=None, gt=0, le=366 * 24)
    """For how long; three days by default, a screen 90 days."""
    note: str = Field(default="", max_length=200)
    """For whom, or where the screen is."""


class AccessPasswordRequest(Asked):
    """Set the password of a group or of staff; sessions by the old one end."""

    do: Literal["access_password"] = "access_password"
    beamtime: Name = ""
    """Id of the beamtime of the group; the open one by default."""
    group: Name = ""
    """Whose; staff's by default."""
    password: str = Field(max_length=1000, repr=False)
    """The new password."""


class AccessListRequest(Asked):
    """Links, screens, passwords and sessions."""

    do: Literal["access_list"] = "access_list"


class AccessRevokeRequest(Asked):
    """Take back a link or screen, with the sessions it began, or end a session."""

    do: Literal["access_revoke"] = "access_revoke"
    id: str = Field(pattern=r"^(pass|session)-[1-9][0-9]{0,17}$")
    """As the list names it: pass-3, session-12."""


class AccessAuditRequest(Asked):
    """Who logged in, downloaded, reprocessed, cancelled."""

    do: Literal["access_audit"] = "access_audit"
    beamtime: Name = ""
    """Id of the beamtime; all by default."""
    limit: int = Field(default=100, ge=1, le=1000)
    """Most lines, the last first."""


Request = Annotated[
    PingRequest
    | AnnounceRequest
    | StatusRequest
    | JobsRequest
    | ReprocessRequest
    | CancelRequest
    | ReportRequest
    | AccountsRequest
    | AccessLinkRequest
    | AccessPasswordRequest
    | AccessListRequest
    | AccessRevokeRequest
    | AccessAuditRequest,
    Field(discriminator="do"),
]

_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


def parse_request(line: bytes) -> Request:
    """A request from its JSON.

    Raises:
        InputError: it is none; says which field is wrong (bad_request).
    """
    try:
        return _REQUEST.validate_json(line)
    except ValidationError as error:
        raise failure(Failure.BAD_REQUEST, faults_of(error)) from error


def faults_of(error: ValidationError) -> str:
    """Fields and what is wrong with them, without what was sent: it may be long or secret."""
    faults = [
        f"{'.'.join(str(part) for part in fault['loc']) or 'request'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return "; ".join(faults[:5]) + "."
