"""`log.txt`: everything the package says while a piece of work goes on."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FORMAT = "%(asctime)s.%(msecs)03dZ %(name)s: %(message)s"


class PatientFileHandler(logging.FileHandler):
    """A log file that does without what the disk refuses; `refused` counts the lines."""

    refused = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 (the interface of logging)
        """Count instead of printing to the user's terminal; a full disk is reported by the result."""
        self.refused += 1

    def close(self) -> None:
        """Close; buffered lines that the disk refuses are lost."""
        try:
            super().close()
        except OSError:
            self.refused += 1


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Send the log of the package to a file while the block runs."""
    logger = logging.getLogger("beampace")
    try:
        handler: logging.Handler = PatientFileHandler(path, encoding="utf-8", delay=False)
    except OSError:
        handler = logging.NullHandler()
    formatter = logging.Formatter(FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
        handler.close()
