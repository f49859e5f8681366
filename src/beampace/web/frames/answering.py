"""Answering questions about frames. Runs in the processes that draw only."""

from __future__ import annotations

import io
import math

from PIL import Image

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.results.below import read_below
from beampace.web.frames import drawing
from beampace.web.frames.about import info_of, unread_info
from beampace.web.frames.messages import Drawn, FrameQuestion, NotDrawn
from beampace.web.frames.opened import Decoded, Master, Opened
from beampace.web.frames.predicting import predictions_of
from beampace.web.records.frame import FrameInfo

MOST_EXPERIMENTS = 64_000_000
"""Bytes of an experiment list that are read."""
MOST_PICTURE = 16_000_000
"""Bytes of a picture that is made smaller."""
MOST_PIXELS = 40_000_000

JSON = "application/json"
Answered = tuple[bytes, str]


def answer(opened: Opened, question: FrameQuestion) -> tuple[Drawn | NotDrawn, bytes]:
    """Head and content; whatever the files hold, there is an answer."""
    try:
        content, media_type = _answered(opened, question)
    except BeampaceError as error:
        return NotDrawn(code=error.code, detail=error.detail[:3000], next_step=error.hint[:1000]), b""
    except Exception as error:  # noqa: BLE001 - the boundary: a file may hold anything
        words = f"{question.master.name} cannot be read: {type(error).__name__} {error}."
        return NotDrawn(code=Failure.FILE_TRUNCATED, detail=words[:3000]), b""
    return Drawn(media_type=media_type, n_bytes=len(content)), content


def _answered(opened: Opened, question: FrameQuestion) -> Answered:
    if question.ask == "shrunk":
        return _shrunk(question)
    master = opened.master(question.master, question.raw)
    if question.frame > master.container.dataset.n_announced:
        detail = f"There is no frame {question.frame}: 1 to {master.container.dataset.n_announced}."
        raise failure(Failure.BAD_REQUEST, detail, "Ask for a frame of the dataset.")
    if question.ask == "info":
        return _info(opened, master, question.frame).model_dump_json().encode(), JSON
    if question.ask == "predictions":
        found = predictions_of(_file(question, MOST_EXPERIMENTS), question.frame, question.d_min)
        return found.model_dump_json().encode(), JSON
    frame = opened.frame(master, question.frame)
    return _tile(frame, question) if question.ask == "tile" else _picture(frame, question)


def _info(opened: Opened, master: Master, number: int) -> FrameInfo:
    dataset = master.container.dataset
    starts, width = dataset.scan.starts, dataset.scan.width
    angles = (starts[number - 1], starts[number - 1] + width) if number <= len(starts) else None
    shared = (dataset.detector, dataset.beam, number, dataset.n_announced, angles)
    try:
        frame = opened.frame(master, number)
        found = opened.found(master, number)
    except BeampaceError as error:
        if error.code is not Failure.FRAMES_MISSING:
            raise
        return unread_info(*shared, error.detail)
    return info_of(*shared, frame.level(0), found)


def _picture(frame: Decoded, question: FrameQuestion) -> Answered:
    values = frame.level(0)
    small = drawing.reduced(values, max(1, math.ceil(values.shape[1] / question.width)))
    content = drawing.photograph(drawing.toned(small, _contrast(small, question)), question.kind)
    return content, f"image/{question.kind.lower()}"


def _tile(frame: Decoded, question: FrameQuestion) -> Answered:
    if question.level >= drawing.levels(frame.values[0].shape):
        raise failure(Failure.BAD_REQUEST, f"There is no level {question.level}.")
    values = frame.level(question.level)
    part = drawing.tile_of(values, question.row, question.column)
    if not part.size:
        raise failure(Failure.BAD_REQUEST, f"There is no tile {question.row}, {question.column}.")
    return drawing.png(drawing.toned(part, _contrast(values, question))), "image/png"


def _contrast(values: drawing.Coded, question: FrameQuestion) -> drawing.Contrast:
    """The user's limits; what he leaves open follows from the picture itself."""
    if question.low is not None and question.high is not None:
        return drawing.Contrast(question.low, question.high)
    usual = drawing.contrast_of(values).stretched(question.gain)
    low = usual.low if question.low is None else question.low
    return drawing.Contrast(low, usual.high if question.high is None else question.high)


def _shrunk(question: FrameQuestion) -> Answered:
    """A picture that somebody may have planted: only PNG, of bounded size."""
    content = _file(question, MOST_PICTURE)
    with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise failure(Failure.BAD_REQUEST, f"The picture has {picture.width} x {picture.height} pixels.")
        small = picture.convert("RGB")
    small.thumbnail((question.width, question.width))
    target = io.BytesIO()
    small.save(target, "PNG", optimize=True)
    return target.getvalue(), "image/png"


def _file(question: FrameQuestion, most: int) -> bytes:
    content = None if question.below is None else read_below(question.below, question.place, most)
    if content is None or len(content) > most:
        raise failure(Failure.NOT_A_DATASET, f"{question.place} is not there, or may not be read.")
    return content
