"""Values per frame, the map and the strategy of a dataset as JSON."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from beampace.web.api.numbers import Number
from beampace.web.api.told import told
from beampace.web.maps import columns_page, map_page, strategy_page
from beampace.web.parts import Parts
from beampace.web.records.columns import ColumnsPage
from beampace.web.records.map import MapPage
from beampace.web.records.strategy import StrategyPage
from beampace.web.viewer import Viewer, viewer_of


def router(parts: Parts) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get("/api/datasets/{number}/columns", summary="Values per frame", response_model=ColumnsPage)
    def columns(number: Number, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        """Of the newest look or map, also while it runs; empty, with the reason, when there is none."""
        return told(columns_page(parts, viewer, number))

    @routes.get("/api/datasets/{number}/map", summary="The heat map", response_model=MapPage)
    def map_(number: Number, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        """Of a grid scan, with its crystals, also while it fills."""
        return told(map_page(parts, viewer, number))

    @routes.get("/api/datasets/{number}/strategy", summary="The strategy", response_model=StrategyPage)
    def strategy(number: Number, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        """How to collect the crystal of the test shots."""
        return told(strategy_page(parts, viewer, number))

    return routes
