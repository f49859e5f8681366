"""The reader process: `python -P -m beampace.watch.reader`, questions on its input, answers on its output.

It holds nothing of the daemon, and ends when its input does. What a file does to it, it does to nobody
else: it is bounded in memory and, by an alarm no library can put off, in the time one question takes.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import BinaryIO

from beampace.watch.messages import QUESTIONS
from beampace.watch.reading import answer

READY = b"ready\n"
MEMORY_BYTES = 4 << 30
"""Address space it may use: a master is small, and a frame takes at most one GB."""


def serve(questions: BinaryIO, answers: BinaryIO, alarm_s: float) -> None:
    """Answer questions until there are no more."""
    answers.write(READY)
    answers.flush()
    for line in questions:
        signal.setitimer(signal.ITIMER_REAL, alarm_s)
        said = answer(QUESTIONS.validate_json(line))
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(said.model_dump_json().encode() + b"\n")
        answers.flush()


def main(alarm_s: float) -> None:
    """Serve on the standard streams; nothing else may write to the output."""
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
