"""Errors of requests: JSON for programs, a page for people."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import TAXONOMY, Failure
from beampace.web.answers import ErrorAnswer
from beampace.web.api.responses import STATUS, refused, response
from beampace.web.render import Renderer


def add_errors(app: FastAPI, renderer: Renderer) -> None:
    """Answer errors of all routes."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        faults = [
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()[:5]
        ]
        words = "; ".join(faults) + "."
        if wants_page(request):
            return error_page(renderer, request, 422, words)
        return refused(422, words, "Send JSON with Content-Type: application/json.")

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        if wants_page(request):
            return error_page(renderer, request, error.status_code, f"{error.detail}.")
        return refused(error.status_code, f"{error.detail}.", headers=dict(error.headers or {}))

    @app.exception_handler(BeampaceError)
    async def told(request: Request, error: BeampaceError) -> Response:
        status = STATUS[TAXONOMY[error.code].exit]
        if wants_page(request):
            return error_page(renderer, request, status, error.words, error.next_step)
        return response(ErrorAnswer.of(error), status)

    @app.exception_handler(Exception)  # the boundary towards callers; the server logs it
    async def crashed(request: Request, error: Exception) -> Response:
        detail = f"The daemon itself failed ({type(error).__name__})."
        fault = failure(Failure.ENGINE_FAILED, detail, "See the daemon's log.")
        if wants_page(request):
            return error_page(renderer, request, 500, fault.words, fault.next_step)
        return response(ErrorAnswer.of(fault), 500)


def wants_page(request: Request) -> bool:
    """Whether a person looks at it: an address of a page, asked for as HTML."""
    path = request.scope["path"]
    machine = path.startswith(("/api/", "/static/")) or path in ("/healthz", "/metrics")
    return not machine and "text/html" in request.headers.get("accept", "")


def error_page(
    renderer: Renderer, request: Request, status: int, words: str, next_step: str = ""
) -> Response:
    """A page that says what is wrong and where to go."""
    viewer = request.scope.get("state", {}).get("viewer")
    return renderer.page(
        request, "error.html.j2", viewer, status, words=words, next_step=next_step, code=status
    )
