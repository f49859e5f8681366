"""Pictures of frames, and what is known of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from beampace.core.errors import BeampaceError
from beampace.eiger.hdf5 import MAX_FRAMES
from beampace.store.columns import BIGGEST
from beampace.web.answers import ErrorAnswer
from beampace.web.api.numbers import Number
from beampace.web.frames.asking import SETTLED, Asking, unmade
from beampace.web.frames.messages import WIDTHS
from beampace.web.frames.thumbnails import Thumbnails
from beampace.web.left import dataset_for
from beampace.web.missing import missing
from beampace.web.parts import Parts
from beampace.web.records.frame import FrameInfo, PredictionInfo
from beampace.web.result_files import files_of_result
from beampace.web.viewer import Viewer, viewer_of

MOST_AT_ONCE = 12
"""Requests for pictures that hold a thread."""

FrameNumber = Annotated[int, Path(ge=1, le=MAX_FRAMES, title="Frame", description="From 1")]
Level = Annotated[int, Path(ge=0, le=12, description="0 is full resolution; each further level halves it")]
Place = Annotated[int, Path(ge=0, le=4096)]
Width = Annotated[int, Query(ge=WIDTHS[0], le=WIDTHS[1], description="Widest it may be, pixels")]
Counts = Annotated[float | None, Query(ge=0, le=65_000, allow_inf_nan=False, description="Limit in counts")]
Gain = Annotated[float, Query(ge=0.05, le=50, allow_inf_nan=False, description="Steeper than the default")]
Seen = Annotated[Viewer, Depends(viewer_of)]

_PNG = {"content": {"image/png": {}}, "description": "The picture"}
_PICTURES = {"content": {"image/jpeg": {}, "image/webp": {}}, "description": "The picture"}
_NOT_YET = {"model": ErrorAnswer, "description": "The frame cannot be read yet"}


def router(parts: Parts) -> APIRouter:
    """The routes. However many pictures are waited for, threads are left for everything else."""
    threads = asyncio.Semaphore(MOST_AT_ONCE)

    async def turn() -> AsyncIterator[None]:
        async with threads:
            yield

    routes = APIRouter(dependencies=[Depends(turn)])
    _add_frame(routes, parts)
    _add_predictions(routes, parts)
    _add_thumbnail(routes, parts)
    return routes


def _asking(parts: Parts, request: Request, viewer: Viewer, number: int) -> Asking:
    return Asking(parts, request, dataset_for(parts, viewer, number))


def _add_frame(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/api/datasets/{number}/frames/{frame}", summary="A frame", response_model=FrameInfo)
    def info(request: Request, number: Number, frame: FrameNumber, viewer: Seen) -> Response:
        """Size, geometry, rings, spots and contrast; `ready` is false while it cannot be read."""
        return _asking(parts, request, viewer, number).answer("info", frame)

    @routes.get(
        "/api/datasets/{number}/frames/{frame}/picture",
        summary="The picture of a frame",
        response_class=Response,
        responses={200: _PICTURES, 409: _NOT_YET},
    )
    def picture(
        request: Request,
        number: Number,
        frame: FrameNumber,
        viewer: Seen,
        width: Width = 1024,
        kind: Literal["jpeg", "webp"] = "jpeg",
        low: Counts = None,
        high: Counts = None,
        gain: Gain = 1.0,
    ) -> Response:
        """The whole frame, reduced by a whole number so that every spot is kept; dark spots on white."""
        options = {"width": width, "kind": kind.upper(), "low": low, "high": high, "gain": gain}
        return _asking(parts, request, viewer, number).answer("picture", frame, **options)

    @routes.get(
        "/api/datasets/{number}/frames/{frame}/tiles/{level}/{row}/{column}",
        summary="A tile of a frame",
        response_class=Response,
        responses={200: _PNG, 409: _NOT_YET},
    )
    def tile(
        request: Request,
        number: Number,
        frame: FrameNumber,
        level: Level,
        row: Place,
        column: Place,
        viewer: Seen,
        low: Counts = None,
        high: Counts = None,
        gain: Gain = 1.0,
    ) -> Response:
        """512 x 512 pixels of a level; smaller at the right and lower edge."""
        place = {"level": level, "row": row, "column": column}
        return _asking(parts, request, viewer, number).answer(
            "tile", frame, **place, low=low, high=high, gain=gain
        )


def _add_predictions(routes: APIRouter, parts: Parts) -> None:
    @routes.get(
        "/api/datasets/{number}/frames/{frame}/predictions",
        summary="Predicted reflections",
        response_model=PredictionInfo,
    )
    def predictions(
        request: Request,
        number: Number,
        frame: FrameNumber,
        viewer: Seen,
        result: Annotated[int | None, Query(ge=1, le=BIGGEST, description="A result of the dataset")] = None,
        d_min: Annotated[float | None, Query(ge=0.3, le=50, allow_inf_nan=False)] = None,
    ) -> Response:
        """Of the crystal that a result found; without a result there are none."""
        asked = _asking(parts, request, viewer, number)
        row = None if result is None else parts.ledger.result_in(viewer.scope, result)
        if row is None or row.dataset != number:
            raise missing("result")
        files = files_of_result(parts.places.result(row))
        name = files.result.files.get("scaled.expt") if files.result else None
        if name is None or files.directory is None or files.path_of("scaled.expt") is None:
            raise missing("experiment list in this result")
        below = {"below": files.directory.root, "place": f"{files.directory.place}/{name}"}
        return asked.answer("predictions", frame, **below, d_min=d_min)


def _add_thumbnail(routes: APIRouter, parts: Parts) -> None:
    thumbnails = Thumbnails()

    @routes.get(
        "/api/datasets/{number}/thumbnail",
        summary="A small picture",
        response_class=Response,
        responses={200: {**_PICTURES, "content": {**_PICTURES["content"], **_PNG["content"]}}, 409: _NOT_YET},  # type: ignore[dict-item]
    )
    def thumbnail(request: Request, number: Number, viewer: Seen) -> Response:
        """The map of a grid scan, else the frame with most spots."""
        row = dataset_for(parts, viewer, number)
        try:
            key, made = thumbnails.get(parts, viewer, row)
        except BeampaceError as error:
            return unmade(error)
        keeping = "private, max-age=300" if row.state in SETTLED else "private, no-cache"
        headers = {"ETag": f'"{"-".join(map(str, key))}"', "Cache-Control": keeping}
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(made.content, media_type=made.media_type, headers=headers)
