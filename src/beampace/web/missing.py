"""What is not there, or is another group's: the same answer for both."""

from __future__ import annotations

from starlette.exceptions import HTTPException


def missing(what: str) -> HTTPException:
    """404: there is no such thing, as far as this viewer may know."""
    return HTTPException(404, f"There is no such {what}")


def forbidden(why: str) -> HTTPException:
    """403: it is there, the viewer may see it, but not do this with it."""
    return HTTPException(403, why)
