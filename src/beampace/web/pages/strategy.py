"""The page of a strategy: what to type into the control software, readable across the room."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from beampace.web.api.numbers import Number
from beampace.web.left import dataset_for
from beampace.web.lines import verdict_of
from beampace.web.lines.plan_text import plan_values
from beampace.web.maps import strategy_page, strategy_reading
from beampace.web.parts import Parts
from beampace.web.records.strategy import StrategyPage
from beampace.web.render import Renderer
from beampace.web.viewer import Viewer, viewer_of


def router(parts: Parts, renderer: Renderer) -> APIRouter:
    """The route."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/datasets/{number}/strategy")
    def strategy(request: Request, number: Number, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        row = dataset_for(parts, viewer, number)
        page, gone = _page(parts, viewer, number)
        left = strategy_reading(parts, viewer, number).left if page is None else None
        plan = page.strategy.recommendation if page else None
        return renderer.page(
            request,
            "strategy.html.j2",
            viewer,
            dataset=row,
            page=page,
            gone=gone,
            verdict=verdict_of(left.row) if left and left.row else None,
            values=plan_values(plan) if plan else (),
            plan_values=plan_values,
        )

    return routes


def _page(parts: Parts, viewer: Viewer, number: int) -> tuple[StrategyPage | None, str]:
    try:
        return strategy_page(parts, viewer, number), ""
    except HTTPException as none:
        return None, f"{none.detail}."
