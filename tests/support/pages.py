"""A server of pages for tests: a real ledger in a directory, no daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from beampace.service.metrics import Metrics
from beampace.store import Ledger, open_ledger
from beampace.web import ControlTwin, Role, Tokens
from beampace.web.access.cookies import NAME
from beampace.web.access.door import Door, WantedPass
from beampace.web.access.secrets import csrf_of
from beampace.web.app import create_app
from beampace.web.frames.processes import FrameProcesses
from beampace.web.http import serve_http
from beampace.web.live_source import LiveTwin
from beampace.web.page_settings import PageSettings
from beampace.web.parts import Parts
from beampace.web.places import Places
from tests.support.serving import running

READ, ANNOUNCE, ACT = "r" * 32, "a" * 32, "c" * 32
TOKENS = Tokens.of([(READ, [Role.READ]), (ANNOUNCE, [Role.ANNOUNCE]), (ACT, [Role.ACT])])


@dataclass
class Site:
    """Pages over a ledger.

    Attributes:
        parts: what the routes work with.
        root: where a beamtime may have its `raw` and `processed`.
        url: where it is served.
    """

    parts: Parts
    root: Path
    url: str = ""
    live: LiveTwin = field(default_factory=LiveTwin)

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return self.parts.ledger

    @contextmanager
    def client(self, token: str = READ, **options: Any) -> Iterator[httpx.Client]:
        """A client with a bearer token; "" for none."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        with httpx.Client(base_url=self.url, headers=headers, timeout=20, **options) as made:
            yield made

    @contextmanager
    def entered(self, wanted: WantedPass, **options: Any) -> Iterator[httpx.Client]:
        """A client that went in by a pass made for it; it sends the sign of its session with everything."""
        address, _ = self.parts.door.make(wanted)
        with self.client("", **options) as made:
            assert made.post("/in", data={"token": address}).status_code == 303
            made.headers["X-CSRF-Token"] = csrf_of(made.cookies[NAME])
            yield made

    def login(self, group: str, beamtime: str, **options: Any) -> AbstractContextManager[httpx.Client]:
        """A client with the session of a group."""
        return self.entered(WantedPass(beamtime=beamtime, group=group), **options)

    def staff(self, **options: Any) -> AbstractContextManager[httpx.Client]:
        """A client with a session of staff."""
        return self.entered(WantedPass(), **options)

    def wall(self, group: str = "", beamtime: str = "") -> AbstractContextManager[httpx.Client]:
        """A client with the session of a screen on the wall."""
        return self.entered(WantedPass("wall", beamtime, group))

    def cookie(self, group: str = "", beamtime: str = "") -> dict[str, str]:
        """The cookie of a new session of a group, or of staff, as Playwright's `add_cookies` takes it."""
        with self.login(group, beamtime) if group else self.staff() as client:
            return {"name": NAME, "value": client.cookies[NAME], "url": self.url}


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path of every route, included ones too, with their parameters in braces."""
    found: list[tuple[str, str]] = []
    for route in app.routes:
        for one in getattr(getattr(route, "original_router", None), "routes", [route]):
            found += [(method, one.path) for method in sorted(getattr(one, "methods", None) or ())]
    return found


def parts_of(
    ledger: Ledger,
    control: Any = None,
    live: LiveTwin | None = None,
    files_of: Callable[[Any], Path | None] = lambda row: Path(row.root),
    settings: PageSettings | None = None,
    **changes: Any,
) -> Parts:
    """What the routes work with, without a daemon."""
    parts = Parts(
        control=control or ControlTwin(),
        ledger=ledger,
        places=Places(ledger, files_of),
        live=live or LiveTwin(),
        frames=FrameProcesses(),
        tokens=TOKENS,
        door=Door(ledger, settings or PageSettings()),
        metrics=Metrics().exposition,
        engines=frozenset({"dials"}),
        settings=settings or PageSettings(),
    )
    return replace(parts, **changes)


@contextmanager
def served(directory: Path, **changes: Any) -> Iterator[Site]:
    """Pages over a new ledger in a directory."""
    state, root = directory / "state", directory / "beamtime"
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    for tree in ("raw", "processed"):
        (root / tree).mkdir(parents=True, exist_ok=True)
    ledger, live = open_ledger(state), LiveTwin()
    parts = parts_of(ledger, live=live, **changes)
    try:
        app = create_app(parts)
        with running(lambda: serve_http(app)) as port:
            yield Site(parts, root, f"http://127.0.0.1:{port}", live)
    finally:
        parts.frames.close()
        ledger.close()
