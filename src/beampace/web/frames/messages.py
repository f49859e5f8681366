"""What the routes ask the processes that draw, and the line before each answer's content."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from beampace.core.taxonomy import Failure

MAX_LINE = 16_384
"""Most bytes of the line before the content."""
MAX_CONTENT = 64_000_000
"""Most bytes of a content that are believed."""
WIDTHS = (64, 2048)
"""Narrowest and widest picture, pixels."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class FrameQuestion(_Message):
    """A question about one frame."""

    ask: Literal["info", "picture", "tile", "predictions", "shrunk"]
    """`shrunk` makes the picture `place` below `below` smaller; it needs no master."""
    master: Path
    raw: Path
    """Root of the raw data; the master has to lie inside."""
    frame: int = Field(default=1, ge=1)
    width: int = Field(default=1024, ge=WIDTHS[0], le=WIDTHS[1])
    kind: Literal["JPEG", "WEBP"] = "JPEG"
    low: float | None = None
    high: float | None = None
    """Limits in counts; the default follows from the frame."""
    gain: float = Field(default=1.0, ge=0.05, le=50.0)
    """How much steeper than the default."""
    level: int = Field(default=0, ge=0, le=12)
    row: int = Field(default=0, ge=0, le=4096)
    column: int = Field(default=0, ge=0, le=4096)
    below: Path | None = None
    """Root of a file besides the frame: an experiment list, or a picture."""
    place: str = ""
    """Its path below that root."""
    d_min: float | None = None
    """Of predictions; by default that of the detector."""

    @property
    def about(self) -> tuple[Path, int]:
        """The frame, for whoever has it decoded already."""
        return (self.master, self.frame)


class Drawn(_Message):
    """The head of an answer."""

    ok: Literal[True] = True
    media_type: str = Field(max_length=100)
    n_bytes: int = Field(ge=0, le=MAX_CONTENT)


class NotDrawn(_Message):
    """Why there is no answer."""

    ok: Literal[False] = False
    code: Failure
    detail: str = Field(max_length=3000)
    next_step: str = Field(default="", max_length=1000)
