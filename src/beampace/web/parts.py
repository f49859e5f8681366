"""What the routes work with; wired in `service`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.store import Ledger
from beampace.web.access.door import Door
from beampace.web.control import Control
from beampace.web.frames.maker import FrameMaker
from beampace.web.live_source import LiveSource
from beampace.web.page_settings import PageSettings
from beampace.web.places import Places
from beampace.web.tokens import Tokens


def no_report(beamtime: str) -> str:
    """Where nobody writes reports."""
    raise failure(Failure.BAD_REQUEST, f"There is no report of {beamtime!r} here.")


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything behind the routes. All of it is called in threads.

    Attributes:
        control: what the daemon can be asked to do.
        ledger: what is known; read with a `Scope` on behalf of a viewer.
        places: where files are.
        live: looks and maps under way.
        frames: makes pictures of frames.
        tokens: of programs.
        door: lets people in.
        metrics: the text of `/metrics`.
        report_page: the report of a beamtime as HTML, by its id; reads many files.
        engines: engines that can be asked for, recipes among them.
        settings: how the pages are reached.
    """

    control: Control
    ledger: Ledger
    places: Places
    live: LiveSource
    frames: FrameMaker
    tokens: Tokens
    door: Door
    metrics: Callable[[], bytes]
    report_page: Callable[[str], str] = no_report
    engines: frozenset[str] = frozenset()
    settings: PageSettings = field(default_factory=PageSettings)
