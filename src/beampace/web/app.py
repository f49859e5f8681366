"""The application: pages, JSON and events; nothing for those who are not let in."""

from __future__ import annotations

import asyncio

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer

from beampace import __version__
from beampace.web.api import (
    actions,
    commands,
    compare,
    dataset,
    datasets,
    downloads,
    maps,
    probes,
    results,
    table,
)
from beampace.web.api import beamtime as beamtime_json
from beampace.web.api import frames as frames_json
from beampace.web.api import now as now_json
from beampace.web.api.responses import DOCUMENTED
from beampace.web.failing import add_errors
from beampace.web.guard import Guard
from beampace.web.pages import access, frames, login, now, strategy
from beampace.web.pages import beamtime as beamtime_html
from beampace.web.pages import compare as compare_html
from beampace.web.pages import dataset as dataset_html
from beampace.web.pages import datasets as datasets_list
from beampace.web.pages import map as map_page
from beampace.web.pages.static import add_static
from beampace.web.parts import Parts
from beampace.web.render import Renderer
from beampace.web.stream import events


def create_app(parts: Parts) -> FastAPI:
    """The application.

    `app.state.stopping` is an event; once it is set, streams end.
    """
    app = FastAPI(
        title="beampace",
        summary="Processing that keeps pace with the beam",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # it would answer with the caller's own words for our name
        dependencies=[
            Depends(HTTPBearer(auto_error=False, description="A token of the daemon's token file"))
        ],
        responses=DOCUMENTED,
    )
    app.state.stopping = asyncio.Event()
    renderer, recent = Renderer(parts), beamtime_json.Recent(parts)
    for routes in (
        commands.router(parts),
        probes.router(parts),
        datasets.router(parts),
        dataset.router(parts),
        results.router(parts),
        compare.router(parts),
        maps.router(parts),
        frames_json.router(parts),
        table.router(parts),
        downloads.router(parts),
        actions.router(parts),
        now_json.router(parts),
        events.router(parts, app.state.stopping),
        now.router(parts, renderer),
        login.router(parts, renderer),
        access.router(parts, renderer),
        dataset_html.router(parts, renderer),
        datasets_list.router(parts, renderer),
        compare_html.router(parts, renderer),
        beamtime_json.router(recent),
        beamtime_html.router(parts, renderer, recent),
        map_page.router(parts, renderer),
        frames.router(parts, renderer),
        strategy.router(parts, renderer),
    ):
        app.include_router(routes)
    add_static(app, renderer)
    add_errors(app, renderer)
    app.add_middleware(Guard, parts=parts, renderer=renderer)
    return app
