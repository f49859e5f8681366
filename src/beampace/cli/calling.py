"""Commands that talk to the daemon: where it is, how it is asked, and how its answers are shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.text import Text

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Exit, Failure
from beampace.service.places import socket_path, state_directory
from beampace.service.socket_client import ask
from beampace.web import ErrorAnswer, Request
from beampace.web.requests import Asked, faults_of

A = TypeVar("A", bound=BaseModel)
R = TypeVar("R", bound=Asked)


@dataclass(frozen=True, slots=True)
class Where:
    """Where the daemon is: `--state-dir` and `--config`, as given."""

    state_dir: Path | None = None
    config: Path | None = None

    def directory(self) -> Path:
        """The daemon's own directory.

        Raises:
            InputError: the configuration cannot be read (bad_request).
        """
        return state_directory(self.state_dir, self.config)


def call(where: Where, request: Request, answer: type[A], patience_s: float = 30.0) -> A:
    """Ask the daemon.

    Raises:
        BeampaceError: what cannot be done, in the daemon's words; or no daemon answers (daemon_missing).
    """
    path = socket_path(where.directory())
    said = ask(path, request, patience_s)
    if not isinstance(said, answer):
        raise failure(Failure.DAEMON_MISSING, f"{path} gave another answer than was asked for.")
    return said


def made(request: type[R], **fields: object) -> R:
    """A request from what was typed.

    Raises:
        InputError: a value is wrong; names it (bad_request).
    """
    try:
        return request.model_validate(fields)
    except ValidationError as error:
        raise failure(Failure.BAD_REQUEST, faults_of(error)) from error


def told(answer: Callable[[], A], show: Callable[[Console, A], None], *, json: bool) -> int:
    """Carry out a command and show its answer; with `json`, answer or error as JSON and nothing else.

    Returns:
        The exit code.
    """

    def run() -> int:
        said = answer()
        if json:
            sys.stdout.write(said.model_dump_json(indent=2) + "\n")
        else:
            show(Console(), said)
        return int(Exit.RESULT)

    return plainly(run, json=json)


def plainly(run: Callable[[], int], *, json: bool = False) -> int:
    """Run a command; an ending of the taxonomy becomes words on standard error and its exit code.

    It stands in for `cli.guard`, which brings all of the processing with it: a status must come at once.
    """
    try:
        return run()
    except BeampaceError as error:
        ending = error
    except KeyboardInterrupt:
        ending = failure(Failure.CANCELLED, "Stopped by Ctrl-C.")
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.RESULT)
    except OSError as error:
        ending = failure(Failure.NOT_WRITABLE, f"{error.filename or 'A file'}: {error.strerror or error}.")
    if json:
        sys.stdout.write(ErrorAnswer.of(ending).model_dump_json(indent=2) + "\n")
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(Text.assemble((f"{ending.code}: ", "bold red"), ending.words))
    console.print(Text(f"Next: {ending.next_step}"))
    return int(ending.entry.exit)


def absolute(path: str | Path) -> str:
    """An absolute path; symbolic links stay, for the daemon knows the views of the file systems."""
    return os.path.abspath(path)  # noqa: PTH100 - Path.resolve would follow links


def dataset_named(text: str) -> int | str:
    """A dataset as a command names it: its number, or the path of its master."""
    return int(text) if text.isascii() and text.isdecimal() else absolute(text)
