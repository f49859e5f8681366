"""Files of results to be taken along: one by one, or all of a result as an archive."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response, StreamingResponse

from beampace.store import CatalogueRow, ResultRow
from beampace.web.access.auditing import write_down
from beampace.web.api.numbers import Number
from beampace.web.api.results import result_and_dataset
from beampace.web.archive import archive, archive_name, files_below, readme_of
from beampace.web.downloads import attachment, open_file
from beampace.web.lines.results import name_of
from beampace.web.missing import forbidden, missing
from beampace.web.parts import Parts
from beampace.web.result_files import files_of_result
from beampace.web.viewer import Viewer, viewer_of

FileName = Annotated[str, Path(min_length=1, max_length=200, title="Name of a file, as the result offers it")]


def router(parts: Parts) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/api/results/{number}/files/{name}", summary="A file of a result", response_class=StreamingResponse
    )
    def one_file(number: Number, name: FileName, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        """A file by the name under which the result offers it."""
        row, entry = _allowed(parts, viewer, number)
        files = files_of_result(parts.places.result(row))
        path = files.path_of(name)
        opened = None if files.directory is None or path is None else open_file(files.directory, path)
        if opened is None or path is None:
            raise missing("file")
        write_down(parts, viewer, "downloaded", f"result {number}: {path}")
        kept = f"{archive_name(entry.dataset.name, name_of(row))}_{PurePosixPath(path).name}"
        headers = attachment(kept, opened.n_bytes)
        return StreamingResponse(opened.pieces(), media_type="application/octet-stream", headers=headers)

    @routes.get(
        "/api/results/{number}/archive", summary="All files of a result", response_class=StreamingResponse
    )
    def everything(number: Number, viewer: Annotated[Viewer, Depends(viewer_of)]) -> Response:
        """A tar of the result directory, with the command that makes the result again."""
        row, entry = _allowed(parts, viewer, number)
        files = files_of_result(parts.places.result(row))
        found = None if files.directory is None else files_below(files.directory)
        if files.directory is None or found is None or not found.files:
            raise missing("archive")
        write_down(parts, viewer, "downloaded", f"result {number}: all files")
        name = archive_name(entry.dataset.name, name_of(row))
        text = readme_of(files.result, entry.dataset.path, found)
        pieces = archive(files.directory, name, found, text)
        return StreamingResponse(pieces, media_type="application/x-tar", headers=attachment(f"{name}.tar"))

    return routes


def _allowed(parts: Parts, viewer: Viewer, number: int) -> tuple[ResultRow, CatalogueRow]:
    """A result the viewer may take files of."""
    found = result_and_dataset(parts, viewer.scope, number)
    if not viewer.may_download:
        raise forbidden("A screen on the wall takes no files with it")
    return found
