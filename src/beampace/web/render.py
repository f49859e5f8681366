"""From templates to pages: one environment, and what every page needs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from beampace.web.parts import Parts
from beampace.web.viewer import Viewer

PAGES_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing from elsewhere, nothing inline: what a sample is called can run no script."""


class Renderer:
    """Renders the templates of this room.

    Args:
        parts: for the base path and the last event.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.version = static_version(resources.files("beampace.web") / "static")
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("beampace.web"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def address(self, path: str) -> str:
        """An address on this server: the base path, then `path`."""
        return f"{self._parts.settings.base_path}{path}"

    def static(self, name: str) -> str:
        """The address of a file of `static`; another one whenever any of them changes."""
        return self.address(f"/static/{self.version}/{name}")

    def page(
        self, request: Request, template: str, viewer: Viewer | None, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """A page or a part of one.

        Args:
            request: for the address.
            template: name below `templates`.
            viewer: who sees it; None on the way in.
            status: of HTTP.
            context: for the template.
        """
        text = self._environment.get_template(template).render({**self._shared(request, viewer), **context})
        return HTMLResponse(text, status, headers={"Content-Security-Policy": PAGES_POLICY})

    def _shared(self, request: Request, viewer: Viewer | None) -> Mapping[str, Any]:
        return {
            "viewer": viewer,
            "path": request.scope["path"],
            "base": self._parts.settings.base_path,
            "address": self.address,
            "static": self.static,
            "last_event": self._parts.ledger.last_event() if viewer else 0,
        }


def static_version(directory: Traversable) -> str:
    """A short hash of names and contents below a directory."""
    digest = hashlib.sha256()
    for name, content in sorted(_files(directory, "")):
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()[:16]


def _files(directory: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in directory.iterdir():
        name = f"{prefix}{entry.name}"
        found += _files(entry, f"{name}/") if entry.is_dir() else [(name, entry.read_bytes())]
    return found
