"""One call of a hook: a program with a time limit, or a POST that goes where it was sent and nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any
from urllib.parse import urlsplit

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

TAIL = 500
GRACE_S = 2.0
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "KRB5CCNAME", "XDG_RUNTIME_DIR")
_WAIT_S = 0.05


def run_command(
    argv: Sequence[str], text: bytes, number: str, timeout_s: float, stop: threading.Event | None = None
) -> None:
    """Run a site command in a session of its own, the document on its standard input.

    Args:
        argv: program and arguments.
        text: the document.
        number: id of the result, as `BEAMPACE_RESULT`.
        timeout_s: seconds after which its whole session is ended.
        stop: set when it is to be ended early.

    Raises:
        InfrastructureError: it could not be started or failed (engine_failed), or took too long (timed_out).
    """
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
        "BEAMPACE_RESULT": number
    }
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output:
        source.write(text)
        source.seek(0)
        try:
            process = subprocess.Popen(
                argv,
                stdin=source,
                stdout=output,
                stderr=output,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise failure(Failure.ENGINE_FAILED, f"{argv[0]} cannot be started: {error.strerror}.") from error
        if not _ended(process, time.monotonic() + timeout_s, stop or threading.Event()):
            _end_session(process)
            raise failure(Failure.TIMED_OUT, f"{argv[0]} took longer than {timeout_s:g} s.")
        if process.returncode != 0:
            raise failure(
                Failure.ENGINE_FAILED, f"{argv[0]} ended with {process.returncode}: {_tail(output)}"
            )


def _ended(process: subprocess.Popen[bytes], deadline: float, stop: threading.Event) -> bool:
    """Wait for the end; False when the time is over or nobody waits any more."""
    while process.poll() is None:
        if time.monotonic() > deadline or stop.is_set():
            return False
        with suppress(subprocess.TimeoutExpired):
            process.wait(_WAIT_S)
    return True


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """End a command and what it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _tail(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - TAIL))
    return output.read(TAIL).decode("utf-8", "replace").strip() or "it said nothing."


def check_url(url: str) -> None:
    """Refuse an address that would send results in the clear to another machine.

    Raises:
        InputError: bad_request.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:  # its words quote the address, which may hold a secret
        raise failure(Failure.BAD_REQUEST, "results.hooks.url: it is no address.") from None
    if (
        host
        and not parts.username
        and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOCAL))
    ):
        return
    raise failure(
        Failure.BAD_REQUEST,
        f"results.hooks.url: {parts.scheme}://{host or ''} is neither https nor here, or it names a user.",
        "Give an https address, or http://localhost.",
    )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Results go where the configuration says, not where an answer points."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def post_json(url: str, text: bytes, number: str, timeout_s: float) -> None:
    """POST a document; any answer but 2xx is a failure, a redirect too.

    Args:
        url: address, https or on this machine.
        text: the document.
        number: id of the result, as `Idempotency-Key`.
        timeout_s: seconds for each step of the exchange.

    Raises:
        InputError: the address is not allowed (bad_request).
        InfrastructureError: it was not taken (engine_failed).
    """
    check_url(url)
    headers = {"Content-Type": "application/json", "Idempotency-Key": number, "User-Agent": "beampace"}
    request = urllib.request.Request(url, data=text, headers=headers, method="POST")  # noqa: S310 - checked above
    local = urlsplit(url).hostname in _LOCAL
    handlers = [_NoRedirect(), *([urllib.request.ProxyHandler({})] if local else [])]
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout_s) as answer:
            answer.read(4096)
    except urllib.error.HTTPError as error:
        with error:
            raise failure(Failure.ENGINE_FAILED, f"{_plain(url)} answered {error.code}.") from error
    except (OSError, ValueError) as error:
        raise failure(Failure.ENGINE_FAILED, f"{_plain(url)}: {error}.") from error


def _plain(url: str) -> str:
    """The address without what may be secret in it: of many services the path is the password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/..."
