"""From answers to HTTP: status codes, and errors in the taxonomy's words."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from beampace.core.errors import failure
from beampace.core.taxonomy import TAXONOMY, Exit, Failure
from beampace.web.answers import Answer, ErrorAnswer

STATUS = {Exit.SCIENCE: 409, Exit.BAD_INPUT: 400, Exit.INFRASTRUCTURE: 503, Exit.CANCELLED: 409}
"""Of HTTP, for each way to end."""

DOCUMENTED: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorAnswer, "description": words}
    for status, words in (
        (400, "It cannot be done as asked"),
        (401, "Nobody known asks"),
        (403, "It is not for this viewer or token to do"),
        (404, "There is no such thing, as far as the viewer may know"),
        (409, "The science, or somebody, said no"),
        (413, "The body is too long"),
        (422, "A field is wrong"),
        (429, "Too many requests"),
        (503, "The daemon cannot do it now"),
    )
}
"""Errors that every route may answer with."""


def response(answer: Answer, status: int | None = None) -> Response:
    """An answer as JSON."""
    if status is None:
        status = STATUS[TAXONOMY[answer.code].exit] if isinstance(answer, ErrorAnswer) else 200
    return JSONResponse(answer.model_dump(mode="json"), status)


def refused(status: int, detail: str, hint: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer in the taxonomy's words to a request that cannot be carried out as it is."""
    step = f"{hint} See /api/openapi.json for what is taken.".strip()
    answer = ErrorAnswer.of(failure(Failure.BAD_REQUEST, detail, step))
    return JSONResponse(answer.model_dump(mode="json"), status, headers)
