"""A maker for tests, that draws synthetic frames in the process itself."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from beampace.core.errors import failure
from beampace.core.geometry import Beam, Detector
from beampace.core.taxonomy import Failure
from beampace.web.frames import drawing
from beampace.web.frames.about import info_of, unread_info
from beampace.web.frames.maker import Made
from beampace.web.frames.messages import FrameQuestion

DETECTOR = Detector(
    serial="twin",
    description="synthetic",
    image_size=(1030, 1065),
    pixel_size=(0.075, 0.075),
    origin=(-38.6, 39.9, -120.0),
    fast=(1.0, 0.0, 0.0),
    slow=(0.0, -1.0, 0.0),
    sensor_thickness=0.45,
    sensor_material="Si",
    saturation=60000,
    bit_depth=32,
)


@dataclass(slots=True)
class FrameTwin:
    """Draws a frame of its own: a gap, a weak background, and as many spots as the frame's number.

    Attributes:
        n_frames: announced; `ready`: those that can be read.
        asked: every question, in order.
    """

    n_frames: int = 10
    ready: int = 10
    asked: list[FrameQuestion] = field(default_factory=list)

    def make(self, question: FrameQuestion) -> Made:
        """Answer from the synthetic frame."""
        self.asked.append(question)
        if not 1 <= question.frame <= self.n_frames:
            raise failure(Failure.BAD_REQUEST, f"There is no frame {question.frame}: 1 to {self.n_frames}.")
        if question.frame > self.ready:
            return self._unready(question)
        values = self.frame(question.frame)
        if question.ask == "info":
            beam = Beam(1.0)
            info = info_of(DETECTOR, beam, question.frame, self.n_frames, None, values)
            return Made(info.model_dump_json().encode(), "application/json")
        if question.ask == "tile":
            part = drawing.tile_of(drawing.reduced(values, 2**question.level), question.row, question.column)
            return Made(drawing.png(drawing.toned(part, drawing.contrast_of(values))), "image/png")
        small = drawing.reduced(values, max(1, -(-values.shape[1] // question.width)))
        content = drawing.photograph(drawing.toned(small, drawing.contrast_of(small)), question.kind)
        return Made(content, f"image/{question.kind.lower()}")

    def frame(self, number: int) -> drawing.Coded:
        """The frame, coded."""
        rng = np.random.default_rng(number)
        nx, ny = DETECTOR.image_size
        counts = rng.poisson(0.3, (ny, nx)).astype(np.uint32)
        x, y = rng.integers(5, nx - 5, number), rng.integers(5, ny - 5, number)
        counts[y, x] = 400
        usable = np.ones((ny, nx), np.bool_)
        usable[514:551] = False
        return drawing.coded(counts, usable)

    def warm(self) -> None:
        """There is nothing to start."""

    def close(self) -> None:
        """Nothing was started."""

    def _unready(self, question: FrameQuestion) -> Made:
        words = f"Frame {question.frame} cannot be read yet."
        if question.ask != "info":
            raise failure(Failure.FRAMES_MISSING, words)
        info = unread_info(DETECTOR, Beam(1.0), question.frame, self.n_frames, None, words)
        return Made(info.model_dump_json().encode(), "application/json")
