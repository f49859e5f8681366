"""The process that draws: `python -P -m beampace.web.frames.reader`.

A question is a line of JSON; an answer is a line of JSON and as many bytes as it says. It holds nothing of
the daemon, ends when its input does, gives way to urgent work, and is bounded in memory and, by an alarm no
library can put off, in the time one question takes.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import BinaryIO

from beampace.web.frames.answering import answer
from beampace.web.frames.messages import FrameQuestion
from beampace.web.frames.opened import Opened
from beampace.work.kernels import load_kernels

READY = b"ready\n"
MEMORY_BYTES = 8 << 30
"""Address space it may use; a frame takes at most one GB, decoded and coded, with its spots."""
NICENESS = 10


def serve(questions: BinaryIO, answers: BinaryIO, alarm_s: float) -> None:
    """Answer questions until there are no more."""
    opened = Opened()
    load_kernels()
    answers.write(READY)
    answers.flush()
    for line in questions:
        signal.setitimer(signal.ITIMER_REAL, alarm_s)
        head, content = answer(opened, FrameQuestion.model_validate_json(line))
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(head.model_dump_json().encode() + b"\n" + content)
        answers.flush()


def main(alarm_s: float) -> None:
    """Serve on the standard streams; nothing else may write to the output."""
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the daemon decides when it ends
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with answers:
        serve(sys.stdin.buffer, answers, alarm_s)


if __name__ == "__main__":
    main(float(sys.argv[1]))
