"""Style sheets, scripts and vendored libraries: the same for everybody, kept by browsers."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from beampace.web.render import Renderer

FOREVER = "public, max-age=31536000, immutable"
"""Another content has another address."""


class _Kept(StaticFiles):
    """Static files that browsers keep."""

    def file_response(self, *args, **kwargs) -> Response:  # type: ignore[no-untyped-def]
        answer = super().file_response(*args, **kwargs)
        answer.headers["Cache-Control"] = FOREVER
        return answer


def add_static(app: FastAPI, renderer: Renderer) -> None:
    """Serve them below `/static/<version>/`."""
    directory = Path(str(resources.files("beampace.web") / "static"))
    app.mount(f"/static/{renderer.version}", _Kept(directory=directory), name="static")
