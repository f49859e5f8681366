"""The reference page of the HTTP interface, from the application itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from beampace.store import open_ledger
from beampace.web import ControlTwin, Tokens
from beampace.web.access.door import Door
from beampace.web.app import create_app
from beampace.web.frames.twin import FrameTwin
from beampace.web.live_source import LiveTwin
from beampace.web.page_settings import PageSettings
from beampace.web.parts import Parts
from beampace.web.places import Places
from beampace.web.stream.live import LiveDelta

HEAD = """# HTTP interface

Every page has typed JSON behind it; `/api/openapi.json` is the whole document, with every field. Errors are
JSON with `code`, `words` and `next_step` of the [taxonomy](failures.md). Who asks is known by a bearer token
of the token file (`read`: to look; `announce`; `act`: to reprocess and cancel, too) or by the cookie of a
log-in. What is not a viewer's to see is 404. Unsafe requests with a cookie carry `X-CSRF-Token`.
"""

STREAM = """## The stream

`/api/events` sends server-sent events. Each event of the ledger has its number as `id`, its topic as `event`,
and as `data` an object of `id`, `at`, `topic`, `beamtime`, `group` and `payload`. A reader that comes back
says the last number it has, as `Last-Event-ID` or `after`, and misses nothing. With `live=1` events named
`live`, without an id, tell the rows of looks and maps under way; `grid`, `crystals` and `frames` are as in
`map.json` and `look.json`:
"""


def web_page() -> str:
    """The text of the page."""
    document = _document()
    rows = [
        f"| `{method.upper()} {path}` | {_plain(said['summary'])} | {_parameters(said)} |"
        for path, methods in document["paths"].items()
        for method, said in methods.items()
    ]
    head = ["## Routes", "", "| route | what | parameters |", "|---|---|---|"]
    delta = LiveDelta.model_json_schema()["properties"]
    fields = [f"| `{name}` | {_plain(field.get('description', ''))} |" for name, field in delta.items()]
    live = ["| field | meaning |", "|---|---|", *fields]
    return "\n".join([HEAD, *head, *rows, "", STREAM, *live]) + "\n"


def _document() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        ledger, settings = open_ledger(Path(place)), PageSettings()
        parts = Parts(
            control=ControlTwin(),
            ledger=ledger,
            places=Places(ledger, lambda _: None),
            live=LiveTwin(),
            frames=FrameTwin(),
            tokens=Tokens(),
            door=Door(ledger, settings),
            metrics=lambda: b"",
            settings=settings,
        )
        document = create_app(parts).openapi()
        ledger.close()
    return document


def _parameters(said: dict[str, Any]) -> str:
    names = [
        f"`{one['name']}`"
        for one in said.get("parameters", ())
        if one["in"] == "query" and one["name"] != "do"
    ]
    return ", ".join(names)


def _plain(text: str) -> str:
    return text.replace("|", "\\\\|").replace("<", "&lt;").replace("\n", " ")
