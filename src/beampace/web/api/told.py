"""Pages as JSON."""

from __future__ import annotations

from starlette.responses import Response

from beampace.web.answers import Told


def told(page: Told) -> Response:
    """The JSON of a page, made once: it was checked when it was made."""
    return Response(page.model_dump_json(), media_type="application/json")
