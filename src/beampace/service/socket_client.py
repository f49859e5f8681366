"""The caller's side of the daemon's socket."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.service.socket_place import short_address
from beampace.web import Answer, ErrorAnswer, Request, parse_answer

PATIENCE_S = 30.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024


def ask(path: Path, request: Request, patience_s: float = PATIENCE_S) -> Answer:
    """Ask the daemon at the socket `path`; an `ErrorAnswer` is raised, not returned.

    Raises:
        BeampaceError: what the daemon says cannot be done, in its words.
        InfrastructureError: no daemon answers there (daemon_missing), or not in time (timed_out).
    """
    line = _exchange(path, request.model_dump_json().encode() + b"\n", patience_s)
    try:
        answer = parse_answer(line)
    except ValidationError as error:
        raise failure(
            Failure.DAEMON_MISSING,
            f"{path} gave an answer this version does not understand.",
            "Use the `beampace` of the daemon's own installation.",
        ) from error
    if isinstance(answer, ErrorAnswer):
        raise failure(answer.code, answer.detail, answer.next_step)
    return answer


def _exchange(path: Path, line: bytes, patience_s: float) -> bytes:
    """Send a line and read the answer, within `patience_s` in all."""
    deadline = time.monotonic() + patience_s
    try:
        with short_address(path) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(patience_s)
            connection.connect(address)
            return _conversation(connection, line, deadline)
    except TimeoutError as error:
        raise failure(
            Failure.TIMED_OUT,
            f"The daemon at {path} did not answer within {patience_s:g} s.",
            "Try again; see its log when it happens twice.",
        ) from error
    except PermissionError as error:
        raise failure(
            Failure.BAD_REQUEST,
            f"You may not use the daemon's socket {path}.",
            "Run the command as the daemon's account, or ask for yours to be allowed.",
        ) from error
    except OSError as error:
        raise _missing(path, error) from error


def _conversation(connection: socket.socket, line: bytes, deadline: float) -> bytes:
    with suppress(BrokenPipeError, ConnectionResetError):  # refused before the end: the answer says why
        connection.sendall(line)
    received = bytearray()
    while not received.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        piece = connection.recv(65536)
        if not piece or len(received) > MAX_ANSWER_BYTES:
            raise ConnectionResetError("the answer broke off")
        received += piece
    return bytes(received)


def _missing(path: Path, error: OSError) -> BeampaceError:
    return failure(
        Failure.DAEMON_MISSING,
        f"Nobody answers at {path} ({error.strerror or error}).",
        "Start it with `beampace serve`, or name its directory with --state-dir.",
    )
