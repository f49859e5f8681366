"""What the daemon asks the reader, and what it answers: one JSON object per line each."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from beampace.core.dataset import DatasetKind
from beampace.core.taxonomy import Failure

MAX_LINE = 65536
"""Most bytes of an answer that are believed."""

Text = Annotated[str, Field(max_length=4000)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Look(_Message):
    """Read a master."""

    ask: Literal["look"] = "look"
    master: Path
    raw: Path
    """Root of the raw data; links that lead to it are followed."""
    kind: DatasetKind | None = None
    """Kind that was announced; stands for what `info.txt` says."""


class Count(_Message):
    """Count the frames of a dataset that can be read now."""

    ask: Literal["count"] = "count"
    master: Path
    raw: Path
    """Root of the raw data; links that lead to it are followed."""


class Identified(_Message):
    """A master that was read."""

    answer: Literal["identified"] = "identified"
    identity: Text
    """Of the dataset; empty while it depends on a first frame that is not there."""
    kind: DatasetKind
    kind_reason: Text
    n_announced: int = Field(ge=1)
    frame_time_s: float = Field(ge=0, allow_inf_nan=False)
    n_files: int = Field(ge=0)
    """Data files the master names beside itself."""
    data_prefix: Text
    """How their names begin; empty when they differ or there are none."""
    collected: datetime | None = None


class Counted(_Message):
    """Frames that can be read now."""

    answer: Literal["counted"] = "counted"
    readable: int = Field(ge=0)


class Refused(_Message):
    """Why there is no other answer."""

    answer: Literal["refused"] = "refused"
    code: Failure
    words: Text
    next_step: Text = ""


Question = Look | Count
Answer = Identified | Counted | Refused

QUESTIONS: TypeAdapter[Question] = TypeAdapter(Annotated[Question, Field(discriminator="ask")])
ANSWERS: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="answer")])
