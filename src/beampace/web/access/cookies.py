"""The cookie of a session."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

NAME = "beampace"


def cookie_name(base_path: str, *, https: bool) -> str:
    """Its name: with `__Host-` no other server of the domain can set it."""
    return f"__Host-{NAME}" if https and not base_path else NAME


def cookie_of(headers: Iterable[tuple[bytes, bytes]], name: str) -> str:
    """The value of a cookie in the headers of a request, "" when it has none."""
    for header, value in headers:
        if header == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                key, _, said = pair.strip().partition("=")
                if key == name:
                    return said[:200]
    return ""


def set_cookie(response: Response, secret: str, lasts_s: float, base_path: str, *, https: bool) -> None:
    """Have the browser keep the secret of a session; scripts do not see it, other sites do not send it."""
    name = cookie_name(base_path, https=https)
    response.set_cookie(
        name, secret, int(lasts_s), path=base_path or "/", secure=https, httponly=True, samesite="lax"
    )


def clear_cookie(response: Response, base_path: str, *, https: bool) -> None:
    """Have the browser forget it."""
    name = cookie_name(base_path, https=https)
    response.delete_cookie(name, path=base_path or "/", secure=https, httponly=True, samesite="lax")
