"""Wiring of the pages: from a daemon to what their routes work with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from beampace.service.control import DaemonControl
from beampace.service.daemon import Daemon
from beampace.service.live_work import RunningWork
from beampace.service.places import TOKENS
from beampace.service.report import files_of, report_of
from beampace.service.report_page import report_page
from beampace.service.settings import HttpSection, Settings
from beampace.web import Tokens, read_tokens
from beampace.web.access.door import Door
from beampace.web.access.way import plain_address
from beampace.web.frames.processes import FrameProcesses
from beampace.web.page_settings import PageSettings
from beampace.web.parts import Parts
from beampace.web.places import Places


@contextmanager
def web_parts(daemon: Daemon, control: DaemonControl, door: Door) -> Iterator[Parts]:
    """Everything behind the routes; processes that draw frames end with the context.

    Raises:
        InputError: the token file cannot be used (bad_request).
    """
    desk = daemon.desk
    tokens = tokens_of(desk.settings)
    with closing(FrameProcesses()) as frames:
        yield Parts(
            control=control,
            ledger=desk.ledger,
            places=Places(desk.ledger, files_of),
            live=RunningWork(desk.ledger),
            frames=frames,
            tokens=tokens,
            door=door,
            metrics=daemon.metrics.exposition,
            report_page=lambda beamtime: report_page(report_of(desk.ledger, beamtime)),
            engines=desk.engines,
            settings=door.settings,
        )


def page_settings(section: HttpSection) -> PageSettings:
    """How the pages are reached, by the configuration."""
    return PageSettings(
        public_url=section.public_url,
        base_path=section.base_path or urlsplit(section.public_url).path,
        proxies=frozenset(plain_address(str(proxy)) for proxy in section.proxies),
        session_s=section.session_h * 3600,
        host=section.host,
        port=section.port,
    )


def tokens_of(settings: Settings) -> Tokens:
    """Tokens of programs; none where no file was named and the usual one was never made.

    Raises:
        InputError: the token file cannot be used (bad_request).
    """
    path = tokens_path(settings)
    if settings.http.tokens is None and not os.path.lexists(path):
        return Tokens()
    return read_tokens(path)


def tokens_path(settings: Settings) -> Path:
    """The file with the tokens of the HTTP interface."""
    return settings.http.tokens or settings.state_dir / TOKENS
