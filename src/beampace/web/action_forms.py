"""What a form or a program asks for, as a request: JSON, or fields of an HTML form."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from pydantic import ValidationError

from beampace.core.cell import UnitCell
from beampace.core.errors import BeampaceError, failure
from beampace.core.space_group import space_group_symbol
from beampace.core.taxonomy import Failure
from beampace.web.requests import CancelRequest, ReprocessRequest, faults_of

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

MOST_FIELDS = 20
"""Fields of a form."""

D_MIN = (0.3, 50.0)
"""Resolution limits that can be asked for, angstrom."""

_REPROCESS = frozenset({"dataset", "engine", "first", "last", "space_group", "unit_cell", "d_min"})
_CANCEL = frozenset({"job", "dataset"})
_BESIDE = frozenset({"csrf"})
"""Fields of every form that the guard has looked at already."""


def reprocess_of(kind: str, body: bytes) -> ReprocessRequest:
    """A request for another processing, with values that can be true.

    Args:
        kind: the Content-Type.
        body: what was sent.

    Raises:
        InputError: it is none, or a value cannot be right; says which (bad_request).
    """
    try:
        if _media(kind) == FORM:
            return checked(ReprocessRequest.model_validate(_reprocess_fields(_form(body, _REPROCESS))))
        return checked(ReprocessRequest.model_validate_json(_json(kind, body)))
    except ValidationError as error:
        raise _bad(faults_of(error)) from error


def cancel_of(kind: str, body: bytes) -> CancelRequest:
    """A request to end work.

    Raises:
        InputError: it is none (bad_request).
    """
    try:
        if _media(kind) == FORM:
            return CancelRequest.model_validate(_cancel_fields(_form(body, _CANCEL)))
        return CancelRequest.model_validate_json(_json(kind, body))
    except ValidationError as error:
        raise _bad(faults_of(error)) from error


def checked(request: ReprocessRequest) -> ReprocessRequest:
    """The same with the space group in one spelling.

    Raises:
        InputError: there is no such space group, cell or resolution (bad_request).
    """
    if request.d_min is not None and not D_MIN[0] <= request.d_min <= D_MIN[1]:
        raise _bad(f"d_min: a resolution limit lies between {D_MIN[0]:g} and {D_MIN[1]:g} Å.")
    try:
        if request.unit_cell is not None:
            UnitCell(*request.unit_cell)
        symbol = space_group_symbol(request.space_group.strip()) if request.space_group.strip() else ""
    except ValueError as error:
        said = str(error)
        raise _bad(f"{said[:1].upper()}{said[1:]}.") from error
    return request.model_copy(update={"space_group": symbol})


def _reprocess_fields(fields: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {"dataset": _whole(fields, "dataset"), "engine": fields.get("engine", "")}
    first, last = _whole(fields, "first"), _whole(fields, "last")
    if (first is None) != (last is None):
        raise _bad("first, last: give both frames, or neither.")
    if first is not None:
        found["images"] = (first, last)
    if cell := fields.get("unit_cell"):
        found["unit_cell"] = _cell(cell)
    if d_min := fields.get("d_min"):
        found["d_min"] = _number("d_min", d_min)
    return {**found, "space_group": fields.get("space_group", "")}


def _cancel_fields(fields: Mapping[str, str]) -> dict[str, object]:
    return {"job": fields.get("job", ""), "dataset": _whole(fields, "dataset")}


def _form(body: bytes, known: frozenset[str]) -> Mapping[str, str]:
    """The fields of a form, without blanks around their values; empty ones are left out.

    Raises:
        InputError: it is no form, or a field is not known or comes twice.
    """
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_FIELDS
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise _bad("It is no form.") from error
    names = [name for name, _ in pairs]
    odd = sorted({name for name in names if name not in known | _BESIDE or names.count(name) > 1})
    if odd:
        raise _bad(f"A field of the form is not known, or comes twice; known: {', '.join(sorted(known))}.")
    return {name: value.strip() for name, value in pairs if value.strip() and name in known}


def _json(kind: str, body: bytes) -> bytes:
    if _media(kind) != JSON:
        raise _bad(f"Send {JSON} or {FORM}.")
    return body


def _media(kind: str) -> str:
    return kind.partition(";")[0].strip().lower()


def _whole(fields: Mapping[str, str], name: str) -> int | None:
    text = fields.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise _bad(f"{name}: it is no whole number.")
    return int(text)


def _number(name: str, text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError as error:
        raise _bad(f"{name}: it is no number.") from error


def _cell(text: str) -> tuple[float, ...]:
    """Six numbers between blanks or commas.

    Raises:
        InputError: they are not six, or no numbers.
    """
    words = text.replace(",", " ").split()
    if len(words) != 6:
        raise _bad(f"unit_cell: six numbers are wanted (a b c alpha beta gamma), not {len(words)}.")
    return tuple(_number("unit_cell", word) for word in words)


def _bad(detail: str) -> BeampaceError:
    return failure(Failure.BAD_REQUEST, detail, "Correct the named field and send it again.")
