"""The list of datasets as JSON."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from beampace.web.api.told import told
from beampace.web.choice import chosen_beamtime
from beampace.web.lines import dataset_line
from beampace.web.parts import Parts
from beampace.web.records.datasets import DatasetsPage, DatasetsQuery
from beampace.web.viewer import Viewer, viewer_of


def datasets_page(parts: Parts, viewer: Viewer, query: DatasetsQuery) -> DatasetsPage:
    """A page of the list, of one beamtime.

    Raises:
        HTTPException: 404: there is no such beamtime, as far as the viewer may know.
    """
    beamtime = chosen_beamtime(parts.ledger, viewer, query.beamtime)
    if beamtime is None:
        return DatasetsPage(limit=query.limit, offset=query.offset, query=query)
    event = parts.ledger.last_event()  # before the rows: what happens meanwhile is followed, not missed
    scope = viewer.scope.within(beamtime.id)
    found = parts.ledger.catalogue(scope, query.asked())
    return DatasetsPage(
        rows=tuple(map(dataset_line, found.rows)),
        total=found.total,
        limit=query.limit,
        offset=query.offset,
        query=query,
        kinds=dict(found.kinds),
        groups=parts.ledger.groups_in(scope),
        beamtime=beamtime.id,
        title=beamtime.title,
        last_event=event,
    )


def router(parts: Parts) -> APIRouter:
    """The route."""
    routes = APIRouter()

    @routes.get("/api/datasets", summary="Datasets", response_model=DatasetsPage)
    def datasets(
        query: Annotated[DatasetsQuery, Query()], viewer: Annotated[Viewer, Depends(viewer_of)]
    ) -> Response:
        """Datasets of a beamtime, searched, filtered and sorted; the newest first by default."""
        return told(datasets_page(parts, viewer, query))

    return routes
