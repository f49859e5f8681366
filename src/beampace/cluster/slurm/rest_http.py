"""One question to slurmrestd and its answer, by HTTP. Twin: `RecordedHttp`.

Each question has a connection of its own, so that threads do not meet. No redirect is followed, no proxy is
used, and no variable of the environment changes where the token goes.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

from beampace.cluster.slurm.rest_settings import Base, RestSettings, base_of
from beampace.cluster.slurm.rest_token import Token, read_token
from beampace.cluster.slurm.transport import Unreachable
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure

_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Question:
    """What slurmrestd is asked.

    Attributes:
        method: GET, POST or DELETE.
        path: below the address, such as `/slurm/v0.0.38/jobs`.
        user: as which account.
        query: parameters.
        body: JSON, or b"".
    """

    method: str
    path: str
    user: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What slurmrestd, or something before it, answered.

    Attributes:
        status: of HTTP. It says little: look into the text.
        text: JSON as a rule; the token is not in it.
    """

    status: int
    text: str


class Http(Protocol):
    """Takes questions to slurmrestd. May be used by several threads."""

    def ask(self, question: Question) -> Answer:
        """Ask, and wait for the answer.

        Raises:
            Unreachable: it certainly was not asked.
            InfrastructureError: it was asked and gave no answer; it may have done it (node_lost).
        """
        ...


class RestHttp:
    """Questions by HTTP; see `Http`.

    Args:
        settings: how slurmrestd is reached.

    Raises:
        InputError: the address is wrong (bad_request).
        OSError: the certificates cannot be read.
    """

    def __init__(self, settings: RestSettings) -> None:
        self._settings = settings
        self._base = base_of(settings)
        ca = str(settings.ca_file) if settings.ca_file else None
        self._tls = ssl.create_default_context(cafile=ca) if self._base.tls else None

    def ask(self, question: Question) -> Answer:
        """Ask, and wait for the answer; see `Http`."""
        settings = self._settings
        token = read_token(settings.token_file, allow_open=settings.allow_open_token)
        connection = self._connected()
        try:
            connection.request(
                question.method,
                _target(self._base, question),
                question.body or None,
                _headers(question, token),
            )
            answer = self._answer(connection, question)
        except (OSError, http.client.HTTPException) as error:
            lost = _lost(question, error)
        else:
            return Answer(answer.status, answer.text.replace(token.text, "***"))
        finally:
            connection.close()
        raise lost  # here, so that nothing that holds the request hangs on it

    def _connected(self) -> http.client.HTTPConnection:
        host, port, timeout = self._base.host, self._base.port, self._settings.timeout_s
        connection = (
            http.client.HTTPConnection(host, port, timeout=timeout)
            if self._tls is None
            else http.client.HTTPSConnection(host, port, timeout=timeout, context=self._tls)
        )
        try:
            connection.connect()
        except OSError as error:  # also every fault of TLS, and a name that nobody knows
            connection.close()
            hint = "Check `rest_url` in [cluster.slurm], and whether slurmrestd runs."
            raise Unreachable(f"slurmrestd at {self._base}: {_why(error)}.", hint) from None
        return connection

    def _answer(self, connection: http.client.HTTPConnection, question: Question) -> Answer:
        deadline = time.monotonic() + self._settings.timeout_s
        with connection.getresponse() as response:
            data = bytearray()
            while piece := response.read1(_PIECE):
                data += piece
                if len(data) > self._settings.most_bytes:
                    raise _too_long(question, self._settings.most_bytes)
                if time.monotonic() > deadline:
                    raise TimeoutError
            if response.length:  # it was cut off
                raise http.client.IncompleteRead(b"", response.length)
            return Answer(response.status, data.decode(errors="replace"))


@dataclass(slots=True)
class RecordedHttp:
    """Questions that are only remembered; somebody else gives the answers.

    Attributes:
        answer: what is answered; may raise.
        asked: the questions, in order.
    """

    answer: Callable[[Question], Answer]
    asked: list[Question] = field(default_factory=list)

    def ask(self, question: Question) -> Answer:
        """Remember the question, give the answer."""
        self.asked.append(question)
        return self.answer(question)


def _target(base: Base, question: Question) -> str:
    query = f"?{urlencode(question.query)}" if question.query else ""
    return f"{base.prefix}{question.path}{query}"


def _headers(question: Question, token: Token) -> dict[str, str]:
    headers = {"X-SLURM-USER-NAME": question.user, "X-SLURM-USER-TOKEN": token.text}
    headers |= {"Accept": "application/json", "Connection": "close"}
    return {**headers, "Content-Type": "application/json"} if question.body else headers


def _lost(question: Question, error: Exception) -> InfrastructureError:
    asked = f"{question.method} {question.path}"
    detail = f"slurmrestd was asked ({asked}) and gave no answer: {_why(error)}."
    unclear = "" if question.method == "GET" else " Whether it did it is not known."
    return InfrastructureError(Failure.NODE_LOST, detail + unclear)


def _too_long(question: Question, most: int) -> InfrastructureError:
    detail = f"slurmrestd's answer to {question.method} {question.path} is longer than {most} bytes."
    hint = "Set `via` in [cluster.slurm] to ssh: there only the account's own jobs are listed."
    return InfrastructureError(Failure.NODE_LOST, detail, hint)


def _why(error: Exception) -> str:
    """The fault in words; nothing of what was sent or received is in them."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
