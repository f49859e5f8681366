"""From a dataset of the ledger to questions about its frames, and what browsers may keep of the answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from beampace.core.errors import BeampaceError
from beampace.core.taxonomy import TAXONOMY, Failure
from beampace.store import DatasetRow
from beampace.web.answers import ErrorAnswer
from beampace.web.api.responses import STATUS
from beampace.web.frames.messages import FrameQuestion
from beampace.web.missing import missing
from beampace.web.parts import Parts
from beampace.web.places import GONE

SETTLED = ("complete", "stopped")
"""States of datasets whose frames do not change any more."""
KEPT_S = 3600


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks about the frames of a dataset.

    Attributes:
        parts: who draws, and where files are.
        request: for what the browser has already.
        row: the dataset; the viewer was found to see it.
    """

    parts: Parts
    request: Request
    row: DatasetRow

    def answer(self, ask: Any, frame: int, **options: Any) -> Response:
        """Answer a question about a frame; what the browser has already is not made again.

        Raises:
            HTTPException: 404: there is no such frame, or its files have gone.
            BeampaceError: as `FrameMaker.make`.
        """
        if frame > self.row.n_announced:
            raise missing("frame")
        master = self.parts.places.master(self.row)
        if master is None:
            raise HTTPException(404, GONE.rstrip("."))
        question = FrameQuestion(ask=ask, master=master.path, raw=master.root, frame=frame, **options)
        headers = {"ETag": self.tag(question), "Cache-Control": self._keeping()}
        if headers["ETag"] in self.request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        try:
            made = self.parts.frames.make(question)
        except BeampaceError as error:
            return unmade(error)
        if ask == "info" and b'"ready":false' in made.content[:200]:
            headers = {"Cache-Control": "no-store"}
        return Response(made.content, media_type=made.media_type, headers=headers)

    def tag(self, question: FrameQuestion) -> str:
        """Changes whenever the answer may."""
        row = self.row
        known = (row.id, row.identity, row.generation, row.files_mark, question.model_dump_json())
        return f'"{hashlib.sha256(repr(known).encode()).hexdigest()[:32]}"'

    def _keeping(self) -> str:
        return f"private, max-age={KEPT_S}" if self.row.state in SETTLED else "private, no-cache"


def unmade(error: BeampaceError) -> Response:
    """Why there is no picture: 409 where the frame is not there yet, 503 where it may be tried again."""
    status = 409 if error.code is Failure.FRAMES_MISSING else STATUS[TAXONOMY[error.code].exit]
    headers = {"Cache-Control": "no-store"}
    if status in (409, 503):
        headers["Retry-After"] = "2"
    content = ErrorAnswer.of(error).model_dump_json()
    return Response(content, status, media_type="application/json", headers=headers)
