"""What viewers can have done: process a dataset again, end work."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.store import DatasetRow, JobRow
from beampace.store.columns import BIGGEST
from beampace.web.access.auditing import write_down
from beampace.web.action_forms import FORM, JSON, cancel_of, reprocess_of
from beampace.web.answers import Answer, CancelAnswer, ErrorAnswer, JobsAnswer
from beampace.web.api.dataset import PROCESSED
from beampace.web.api.responses import response
from beampace.web.control import answered
from beampace.web.missing import forbidden, missing
from beampace.web.parts import Parts
from beampace.web.requests import CancelRequest, ReprocessRequest
from beampace.web.viewer import Viewer, viewer_of


def reprocess(parts: Parts, viewer: Viewer, request: ReprocessRequest) -> Answer:
    """Have a dataset processed again.

    Raises:
        HTTPException: 404: there is no such dataset, as far as the viewer may know; 403: he may not.
        BeampaceError: it cannot be processed so.
    """
    dataset = _dataset(parts, viewer, request.dataset)
    _may_act(viewer)
    _possible(parts, request, dataset)
    answer = answered(parts.control, request.model_copy(update={"dataset": dataset.id}))
    if not isinstance(answer, ErrorAnswer):
        write_down(parts, viewer, "reprocessed", f"dataset {dataset.id}", _wishes(request))
    return answer


def cancel(parts: Parts, viewer: Viewer, request: CancelRequest) -> Answer:
    """Have a job, or all jobs of a dataset, ended.

    Raises:
        HTTPException: 404: there is no such job or dataset, as far as the viewer may know; 403: he may not.
    """
    if request.dataset is not None:
        dataset = _dataset(parts, viewer, request.dataset)
        what, request = f"dataset {dataset.id}", request.model_copy(update={"dataset": dataset.id})
    else:
        what = f"job {_job(parts, viewer, request.job).key}"
    _may_act(viewer)
    answer = answered(parts.control, request)
    if not isinstance(answer, ErrorAnswer):
        write_down(parts, viewer, "cancelled", what)
    return answer


def router(parts: Parts) -> APIRouter:
    """The routes. Bodies are read here: they may be JSON or a form."""
    routes = APIRouter()

    @routes.post(
        "/api/reprocess",
        summary="Process a dataset again",
        response_model=JobsAnswer,
        openapi_extra=_taken(
            ReprocessRequest, ("dataset", "engine", "first", "last", "space_group", "unit_cell", "d_min")
        ),
    )
    async def again(request: Request, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        """Process a dataset again with other wishes; the same wishes twice are one job."""
        asked = reprocess_of(request.headers.get("content-type", ""), await request.body())
        return response(await run_in_threadpool(reprocess, parts, viewer, asked))

    @routes.post(
        "/api/cancel",
        summary="End work",
        response_model=CancelAnswer,
        openapi_extra=_taken(CancelRequest, ("job", "dataset")),
    )
    async def end(request: Request, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        """End a job, or all jobs of a dataset that have not ended."""
        asked = cancel_of(request.headers.get("content-type", ""), await request.body())
        return response(await run_in_threadpool(cancel, parts, viewer, asked))

    return routes


def _taken(model: type[ReprocessRequest | CancelRequest], fields: tuple[str, ...]) -> dict[str, Any]:
    """What a route takes, for the OpenAPI document."""
    form = {"type": "object", "properties": {name: {"type": "string"} for name in fields}}
    content = {JSON: {"schema": model.model_json_schema()}, FORM: {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


def _dataset(parts: Parts, viewer: Viewer, said: int | str) -> DatasetRow:
    if isinstance(said, str):
        found = parts.ledger.dataset_at_in(viewer.scope, said)
    else:
        found = parts.ledger.dataset_in(viewer.scope, said) if 1 <= said <= BIGGEST else None
    if found is None:
        raise missing("dataset")
    return found


def _job(parts: Parts, viewer: Viewer, key: str) -> JobRow:
    found = parts.ledger.job_in(viewer.scope, key)
    if found is None:
        raise missing("job")
    return found


def _may_act(viewer: Viewer) -> None:
    if not viewer.may_act:
        raise forbidden("This viewer looks only: log in as the group or as staff")


def _possible(parts: Parts, request: ReprocessRequest, dataset: DatasetRow) -> None:
    """Refuse what cannot give a result.

    Raises:
        BeampaceError: the kind, the engine or the frames do not fit.
    """
    if dataset.kind not in PROCESSED:
        raise failure(Failure.NOT_A_ROTATION, f"{dataset.name} is a {dataset.kind.value} dataset.")
    if request.engine and request.engine not in parts.engines:
        known = ", ".join(sorted(parts.engines)) or "none"
        raise failure(
            Failure.BAD_REQUEST,
            f"engine: there is no engine of that name here; known: {known}.",
            "Choose one.",
        )
    if request.images and dataset.n_announced and request.images[1] > dataset.n_announced:
        detail = f"first, last: {dataset.name} has {dataset.n_announced} frames."
        raise failure(Failure.BAD_REQUEST, detail, "Give frames from 1 to that number.")


def _wishes(request: ReprocessRequest) -> str:
    """What was asked for, for the audit."""
    given = request.model_dump(exclude={"do", "dataset"}, exclude_defaults=True)
    return ", ".join(f"{name} {value}" for name, value in given.items())
