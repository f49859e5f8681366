"""The reader process: `python -P -m beampace.watch.reader`, questions on its input, answers on its output."""

from __future__ import annotations

import sys

from beampace.watch.messages import QUESTIONS
from beampace.watch.reading import answer
from beampace.watch.serving import serve_bounded

MEMORY_BYTES = 4 << 30
"""Address space it may use: a master is small, and a frame takes at most one GB."""


def answered(line: bytes) -> bytes:
    """The answer to a question, a line each."""
    return answer(QUESTIONS.validate_json(line)).model_dump_json().encode() + b"\n"


def main(alarm_s: float) -> None:
    """Serve on the standard streams."""
    serve_bounded(answered, alarm_s, MEMORY_BYTES)


if __name__ == "__main__":
    main(float(sys.argv[1]))
