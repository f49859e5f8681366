"""`beamtime-metadata-<id>.json` and `commissioning-metadata-<id>.json`, in all their dialects.

Only the id is required. A key that is missing or empty is normal; a key with a value that makes no sense is
left out and remarked on; a key nobody knows is not looked at. Names and addresses of people are not read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from beampace.beamtime.dialect import is_empty, plain, spelling
from beampace.beamtime.files import read_small, shown
from beampace.beamtime.moment import moment
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

MAX_BYTES = 1_000_000
ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_HINT = "Correct the file, or have the beamtime started again."


def _inside(path: PurePosixPath) -> PurePosixPath:
    if path.is_absolute() or not _harmless(path):
        raise ValueError("must be relative to the directory of the metadata file, without `..`")
    return path


def _absolute(path: PurePosixPath) -> PurePosixPath:
    if not path.is_absolute() or not _harmless(path):
        raise ValueError("must be an absolute path without `..`")
    return path


def _harmless(path: PurePosixPath) -> bool:
    return ".." not in path.parts and str(path).isprintable()


def _list(value: object) -> object:
    """A list also from `"a, b"`, and without the entries that are empty."""
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    return [name for name in names if not is_empty(name)] if isinstance(names, list) else names


Absolute = Annotated[PurePosixPath, AfterValidator(_absolute)]
Relative = Annotated[PurePosixPath, AfterValidator(_inside)]
Moment = Annotated[datetime, BeforeValidator(lambda value: moment(str(value)))]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.,+-]{0,127}$")]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$")]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", coerce_numbers_to_str=True, use_attribute_docstrings=True
    )


class OnlineAnalysis(_Part):
    """`onlineAnalysis` as the file has it: what was reserved on the cluster."""

    account: Annotated[str, Field(alias="useraccount", pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")] = ""
    key: Annotated[Relative | None, Field(alias="sshprivatekeypath", repr=False)] = None
    partition: Annotated[Name, Field(alias="slurmpartition")] = ""
    reservation: Annotated[Name, Field(alias="slurmreservation")] = ""
    nodes: Annotated[tuple[Host, ...], BeforeValidator(_list), Field(alias="reservednodes")] = ()


class Asapo(_Part):
    """`asapo`: where the stream is, and which files hold its tokens."""

    endpoint: str = ""
    token: Annotated[Relative | None, Field(alias="beamtimetokenpath", repr=False)] = None
    read_token: Annotated[Relative | None, Field(alias="beamtimeclbttokenpath", repr=False)] = None


class Metadata(_Part):
    """What the metadata file of a beamtime says; times are in UTC and plans only, they end nothing."""

    id: Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
    """Beamtime id, or id of a commissioning run."""
    commissioning: bool = False
    """Whether it is a commissioning run."""
    beamline: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")] = ""
    """Name of the beamline in the file system, lower case."""
    title: Annotated[str, Field(max_length=2000)] = ""
    proposal: Annotated[str, Field(alias="proposalid")] = ""
    proposal_type: Annotated[str, Field(alias="proposaltype")] = ""
    setup: Annotated[str, Field(alias="beamlinesetup")] = ""
    facility: str = ""
    retention: Annotated[str, Field(alias="retentionperiod")] = ""
    tag: str = ""
    core_path: Annotated[Absolute | None, Field(alias="corepath")] = None
    """The beamtime's directory on the core file system."""
    start: Annotated[Moment | None, Field(alias="eventstart")] = None
    end: Annotated[Moment | None, Field(alias="eventend")] = None
    generated: Moment | None = None
    online: Annotated[OnlineAnalysis | None, Field(alias="onlineanalysis")] = None
    asapo: Asapo | None = None
    remarks: tuple[str, ...] = ()
    """What was left out because it made no sense, as sentences that name the key."""


def read_metadata(file: Path, root: Path) -> Metadata:
    """Read a metadata file.

    Args:
        file: the file.
        root: the beamtime's directory; a link out of it is not followed.

    Raises:
        InputError: it is no plain file, too large, no JSON object, or names no beamtime.
        OSError: it cannot be read at the moment.
    """
    return parse_metadata(read_small(file, MAX_BYTES, root), file)


def parse_metadata(content: bytes, file: Path) -> Metadata:
    """The metadata in the content of a file.

    Raises:
        InputError: it is no JSON object or names no beamtime (metadata_inconsistent).
    """
    found = _object(content, file)
    names = {**spelling(found), "id": "beamtimeId (or id)"}
    values = plain(found)
    beamtime, run = values.pop("beamtimeid", None), values.pop("id", None)
    values.pop("remarks", None)
    values |= {"id": run if beamtime is None else beamtime, "commissioning": beamtime is None}
    values |= {"beamline": values["beamline"].lower()} if isinstance(values.get("beamline"), str) else {}
    return _validated(values, names, file)


def _object(content: bytes, file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise failure(
            Failure.METADATA_INCONSISTENT, f"{shown(file)} is not valid JSON: {error}.", _HINT
        ) from error
    if not isinstance(found, dict):
        raise failure(Failure.METADATA_INCONSISTENT, f"{shown(file)} holds no JSON object.", _HINT)
    return found


def _validated(values: dict[str, Any], names: Mapping[str, str], file: Path) -> Metadata:
    """The record; values that make no sense are left out and remarked on."""
    try:
        return Metadata.model_validate(values)
    except ValidationError as error:
        wrong = {str(one["loc"][0]): _remark(one, names) for one in error.errors(include_url=False)}
    if "id" in wrong:
        raise failure(Failure.METADATA_INCONSISTENT, f"{shown(file)}: {wrong['id']}", _HINT)
    rest = {key: value for key, value in values.items() if key not in wrong}
    return Metadata.model_validate({**rest, "remarks": tuple(wrong.values())})


def _remark(error: Any, names: Mapping[str, str]) -> str:
    """One sentence on a value, which is itself not repeated: it may be a secret in the wrong place."""
    first, *rest = (str(part) for part in error["loc"])
    key = shown(".".join([names.get(first, first), *rest])[:200])
    return f"Key {key} makes no sense ({type(error['input']).__name__}): {error['msg'][:200]}."
