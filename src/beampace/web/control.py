"""What the daemon can be asked to do: the protocol behind its socket and its HTTP interface."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.web.answers import (
    AccountsAnswer,
    AnnounceAnswer,
    Answer,
    CancelAnswer,
    ErrorAnswer,
    JobsAnswer,
    PongAnswer,
    ReportAnswer,
    StatusAnswer,
)
from beampace.web.requests import (
    AccountsRequest,
    AnnounceRequest,
    CancelRequest,
    JobsRequest,
    PingRequest,
    ReportRequest,
    ReprocessRequest,
    Request,
    StatusRequest,
)

log = logging.getLogger("beampace.web")


class Control(Protocol):
    """What the daemon can be asked to do. Called from several threads at once; each call is short.

    Every method raises `BeampaceError` for what cannot be done.
    """

    def ping(self, request: PingRequest) -> PongAnswer:
        """Say that it is there; never waits for the loop."""
        ...

    def announce(self, request: AnnounceRequest) -> AnnounceAnswer:
        """Take an announcement; idempotent."""
        ...

    def status(self, request: StatusRequest) -> StatusAnswer:
        """Say how things are."""
        ...

    def jobs(self, request: JobsRequest) -> JobsAnswer:
        """List jobs."""
        ...

    def reprocess(self, request: ReprocessRequest) -> JobsAnswer:
        """Plan another processing; the same wishes twice make one job."""
        ...

    def cancel(self, request: CancelRequest) -> CancelAnswer:
        """Ask for the end of jobs; returns before they have ended."""
        ...

    def report(self, request: ReportRequest) -> ReportAnswer:
        """The page of a beamtime."""
        ...

    def accounts(self, request: AccountsRequest) -> AccountsAnswer:
        """What each group used."""
        ...


def carry_out(control: Control, request: Request) -> Answer:
    """Hand a request to its method.

    Raises:
        BeampaceError: it cannot be done.
    """
    method: Callable[[Any], Answer] = getattr(control, request.do)
    return method(request)


def answered(control: Control, request: Request) -> Answer:
    """The answer to a request, an error included; whatever fails in it stays here."""
    try:
        return carry_out(control, request)
    except BeampaceError as error:
        return ErrorAnswer.of(error)
    except Exception as error:  # the boundary towards callers: the daemon outlives every request
        log.exception("a request (%s) failed", request.do)
        fault = failure(
            Failure.ENGINE_FAILED,
            f"The daemon itself failed ({type(error).__name__}).",
            "See the daemon's log; report it if it happens twice.",
        )
        return ErrorAnswer.of(fault)
