"""What the daemon can be asked to do: the protocol behind its socket and its HTTP interface."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from beampace.core.errors import BeampaceError, failure
from beampace.core.scope import EVERYTHING, Scope
from beampace.core.taxonomy import Failure
from beampace.web.answers import (
    AccessAnswer,
    AccountsAnswer,
    AnnounceAnswer,
    Answer,
    AuditAnswer,
    CancelAnswer,
    DoneAnswer,
    ErrorAnswer,
    JobsAnswer,
    LinkAnswer,
    PongAnswer,
    ReportAnswer,
    StatusAnswer,
)
from beampace.web.requests import (
    AccessAuditRequest,
    AccessLinkRequest,
    AccessListRequest,
    AccessPasswordRequest,
    AccessRevokeRequest,
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

    def status(self, request: StatusRequest, *, scope: Scope = EVERYTHING) -> StatusAnswer:
        """Say how things are, as far as it is to be seen in a scope."""
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

    def access_link(self, request: AccessLinkRequest) -> LinkAnswer:
        """Make a link."""
        ...

    def access_password(self, request: AccessPasswordRequest) -> DoneAnswer:
        """Set a password."""
        ...

    def access_list(self, request: AccessListRequest) -> AccessAnswer:
        """Who may come in, and who is in."""
        ...

    def access_revoke(self, request: AccessRevokeRequest) -> DoneAnswer:
        """Take a link back, or end a session."""
        ...

    def access_audit(self, request: AccessAuditRequest) -> AuditAnswer:
        """Who did what."""
        ...


def carry_out(control: Control, request: Request, **bounds: Scope) -> Answer:
    """Hand a request to its method, with the `scope` of who asks where that matters.

    Raises:
        BeampaceError: it cannot be done.
    """
    method: Callable[..., Answer] = getattr(control, request.do)
    return method(request, **bounds)


def answered(control: Control, request: Request, **bounds: Scope) -> Answer:
    """The answer to a request, an error included; whatever fails in it stays here."""
    try:
        return carry_out(control, request, **bounds)
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
