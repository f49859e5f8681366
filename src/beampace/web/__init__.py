"""The HTTP interface: every route needs a token; it talks to the daemon through a small protocol.

The application is in `beampace.web.app`, its server in `beampace.web.http`: they start slowly, and the
commands need only the records.
"""

from beampace.web.answers import (
    AccountInfo,
    AccountsAnswer,
    AnnounceAnswer,
    Answer,
    CancelAnswer,
    DiskInfo,
    ErrorAnswer,
    FailureInfo,
    JobInfo,
    JobsAnswer,
    LagInfo,
    PongAnswer,
    ReportAnswer,
    ResultInfo,
    StatusAnswer,
    TroubleInfo,
    parse_answer,
)
from beampace.web.control import Control, answered, carry_out
from beampace.web.control_twin import ControlTwin
from beampace.web.requests import (
    MAX_REQUEST_BYTES,
    AccountsRequest,
    AnnounceRequest,
    CancelRequest,
    JobsRequest,
    PingRequest,
    ReportRequest,
    ReprocessRequest,
    Request,
    StatusRequest,
    parse_request,
)
from beampace.web.tokens import Role, Tokens, create_tokens, read_tokens

__all__ = [
    "MAX_REQUEST_BYTES",
    "AccountInfo",
    "AccountsAnswer",
    "AccountsRequest",
    "AnnounceAnswer",
    "AnnounceRequest",
    "Answer",
    "CancelAnswer",
    "CancelRequest",
    "Control",
    "ControlTwin",
    "DiskInfo",
    "ErrorAnswer",
    "FailureInfo",
    "JobInfo",
    "JobsAnswer",
    "JobsRequest",
    "LagInfo",
    "PingRequest",
    "PongAnswer",
    "ReportAnswer",
    "ReportRequest",
    "ReprocessRequest",
    "Request",
    "ResultInfo",
    "Role",
    "StatusAnswer",
    "StatusRequest",
    "Tokens",
    "TroubleInfo",
    "answered",
    "carry_out",
    "create_tokens",
    "parse_answer",
    "parse_request",
    "read_tokens",
]
