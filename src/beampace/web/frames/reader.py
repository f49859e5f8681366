"""The process that draws: `python -P -m beampace.web.frames.reader`.

A question is a line of JSON; an answer is a line of JSON and as many bytes as it says. It gives way to urgent
work.
"""

from __future__ import annotations

import os
import sys

from beampace.watch.serving import serve_bounded
from beampace.web.frames.answering import answer
from beampace.web.frames.messages import FrameQuestion
from beampace.web.frames.opened import Opened
from beampace.work.kernels import load_kernels

MEMORY_BYTES = 8 << 30
"""Address space it may use; a frame takes at most one GB, decoded and coded, with its spots."""
NICENESS = 10


def main(alarm_s: float) -> None:
    """Serve on the standard streams; the kernels are at hand before it says that it is ready."""
    os.nice(NICENESS)
    opened = Opened()

    def answered(line: bytes) -> bytes:
        head, content = answer(opened, FrameQuestion.model_validate_json(line))
        return head.model_dump_json().encode() + b"\n" + content

    load_kernels()
    serve_bounded(answered, alarm_s, MEMORY_BYTES)


if __name__ == "__main__":
    main(float(sys.argv[1]))
