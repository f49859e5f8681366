"""The other end of a `Child`: a process that answers questions on its input until there are no more.

It holds nothing of the daemon, and ends when its input does. What a file does to it, it does to nobody
else: it is bounded in memory and, by an alarm no library can put off, in the time one question takes.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO

READY = b"ready\n"

Answering = Callable[[bytes], bytes]
"""From a question's line to all of its answer."""


def serve(questions: BinaryIO, answers: BinaryIO, answer: Answering, alarm_s: float) -> None:
    """Answer questions until there are no more."""
    answers.write(READY)
    answers.flush()
    for line in questions:
        signal.setitimer(signal.ITIMER_REAL, alarm_s)
        said = answer(line)
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(said)
        answers.flush()


def serve_bounded(answer: Answering, alarm_s: float, memory_bytes: int) -> None:
    """Serve on the standard streams; nothing else may write to the output.

    Args:
        answer: answers a question.
        alarm_s: seconds one question may take; the process ends then.
        memory_bytes: address space it may use.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the daemon decides when it ends
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with answers:
        serve(sys.stdin.buffer, answers, answer, alarm_s)
