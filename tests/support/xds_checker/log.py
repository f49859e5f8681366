"""What a step says: to stdout and into its .LP file, in XDS's shapes."""

from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path

VERSION = "(VERSION Jan 10, 2022  BUILT=20250714)"
LABEL = " BEAMPACE TEST CHECKER, NOT XDS"


def tell(*lines: str) -> None:
    """Lines to stdout, at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def complain(*lines: str) -> None:
    """Lines to stderr: the plug-in's and the run-time library's."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


class StepError(Exception):
    """The step cannot go on; the message is what follows `!!! ERROR !!!`."""


def today() -> str:
    """The date as XDS has it."""
    now = date.today()
    return f"{now.day:2d}-{now:%b-%Y}"


def heading(name: str) -> str:
    """` ***** NAME ***** (VERSION ...)`."""
    return f" ***** {name} ***** {VERSION}  {today()}"


class Log:
    """The log of one step.

    Attributes:
        path: the .LP file.
    """

    def __init__(self, step: str, directory: Path) -> None:
        self.path = directory / f"{step}.LP"
        self._begin, self._cpu = time.monotonic(), time.process_time()
        self._file = self.path.open("w")
        self.say("", heading(step), LABEL, "")

    def say(self, *lines: str) -> None:
        """Lines to stdout and to the file, at once."""
        tell(*lines)
        self._file.write("".join(f"{line}\n" for line in lines))
        self._file.flush()

    def fail(self, words: str) -> None:
        """The line that ends a run."""
        self.say(f" !!! ERROR !!! {words}")

    def times(self, *, total: bool = False) -> None:
        """Both lines at the end of every .LP."""
        cpu, wall = time.process_time() - self._cpu, time.monotonic() - self._begin
        begin = " total " if total else " "
        self.say(
            "", f"{begin}cpu time used{cpu:21.1f} sec", f"{begin}elapsed wall-clock time{wall:11.1f} sec"
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()
