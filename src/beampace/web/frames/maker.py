"""Who makes pictures of frames; the daemon opens no data files, so its maker drives processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from beampace.web.frames.messages import FrameQuestion


@dataclass(frozen=True, slots=True)
class Made:
    """A picture, a tile or JSON."""

    content: bytes
    media_type: str


class FrameMaker(Protocol):
    """Makes pictures of frames."""

    def make(self, question: FrameQuestion) -> Made:
        """Answer a question, within some seconds.

        Raises:
            BeampaceError: `frames_missing`: the frame cannot be read yet; `bad_request`: there is no such
                frame or tile; `rejected_by_queue`: too many wait; `timed_out`, `engine_failed`: the process
                was ended; others as the container has them.
        """
        ...

    def warm(self) -> None:
        """Somebody is about to ask; returns at once."""
        ...

    def close(self) -> None:
        """End its processes."""
        ...
