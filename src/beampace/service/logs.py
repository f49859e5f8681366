"""The daemon's log: one event name per line with ids, JSON in a file that rotates, plain on a terminal."""

from __future__ import annotations

import logging
import logging.handlers
import re
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import FilteringBoundLogger, Processor, WrappedLogger

from beampace.service.settings import LogSection

LOGGER = "beampace.daemon"
_SECRET = re.compile(r"token|password|secret|key_path|authorization|private", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^:/@\s]+:)[^@\s]+@")


def set_up(section: LogSection, directory: Path, *, terminal: bool) -> FilteringBoundLogger:
    """Let the daemon log into `directory/beampace.jsonl`, and to standard error when asked.

    Raises:
        OSError: the directory cannot be written.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [_rotating(section, directory)]
    if terminal:
        handlers.append(_on_terminal())
    logger = logging.getLogger(LOGGER)
    tear_down()
    logger.handlers, logger.propagate = handlers, False
    logger.setLevel(section.level.upper())
    return bound(logger)


def bound(logger: logging.Logger) -> FilteringBoundLogger:
    """A structured logger on top of one of the standard library."""
    wrapped: FilteringBoundLogger = structlog.wrap_logger(
        logger,
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redacted,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return wrapped


def tear_down() -> None:
    """Close the files of the log."""
    logger = logging.getLogger(LOGGER)
    for handler in logger.handlers:
        handler.close()
    logger.handlers = []


def redacted(logger: WrappedLogger, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide values whose key speaks of a secret, and passwords inside URLs."""
    del logger, method
    for key, value in event.items():
        if _SECRET.search(key):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = _URL_PASSWORD.sub(r"\1***@", value)
    return event


def _rotating(section: LogSection, directory: Path) -> logging.Handler:
    handler = logging.handlers.RotatingFileHandler(
        directory / "beampace.jsonl",
        maxBytes=int(section.max_mb * 1e6),
        backupCount=section.files - 1,
        encoding="utf-8",
    )
    handler.setFormatter(_formatter(structlog.processors.JSONRenderer()))
    return handler


def _on_terminal() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())))
    return handler


def _formatter(renderer: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    )
