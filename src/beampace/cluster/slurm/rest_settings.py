"""How slurmrestd is reached: where it is, whose token is used, which version of its interface is spoken."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

KNOWN = (38, 39, 40, 41, 42, 43, 44)
"""N of the versions v0.0.N that are spoken: Slurm 22.05 to 25.11."""
ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
"""Of jobs: there is no shell of the account from which they could have theirs."""
_SECTION = "Correct [cluster.slurm]."
_VERSION = re.compile(r"v0\.0\.(\d{1,3})", re.ASCII)
_HOST = re.compile(r"[\w.-]{1,253}|[0-9a-f:.]{2,45}", re.ASCII)
_PREFIX = re.compile(r"(?:/[\w.~-]+)*/?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RestSettings:
    """How slurmrestd is reached.

    Attributes:
        url: `https://host[:port][/prefix]`, below which `/slurm/v0.0.N` is.
        token_file: where the token is; it may be renewed at any time.
        version: `v0.0.N`; "": the highest that slurmrestd and beampace know.
        user: account whose token it is and whose jobs they are; "": the one that is granted.
        timeout_s: seconds to connect, and again for the answer.
        allow_http: whether http is spoken without encryption, which is possible to this machine only.
        allow_open_token: whether a token that other accounts may read is used all the same.
        ca_file: certificates that are trusted instead of the system's, or None.
        most_bytes: size of an answer at most; it holds every job of the cluster, some 5 kB each.
        environment: of the jobs; USER and LOGNAME are added.
    """

    url: str
    token_file: Path
    version: str = ""
    user: str = ""
    timeout_s: float = 8.0
    allow_http: bool = False
    allow_open_token: bool = False
    ca_file: Path | None = None
    most_bytes: int = 64_000_000
    environment: Mapping[str, str] = field(default_factory=lambda: dict(ENVIRONMENT), repr=False)


@dataclass(frozen=True, slots=True)
class Base:
    """Where slurmrestd is.

    Attributes:
        host, port: of it.
        tls: whether it is spoken to encrypted.
        prefix: of all paths, without a slash at its end.
    """

    host: str
    port: int
    tls: bool
    prefix: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{self.prefix}"


def base_of(settings: RestSettings) -> Base:
    """Where slurmrestd is.

    Raises:
        InputError: this is no address, or the token would go over a network unencrypted (bad_request).
    """
    parts, port = _split(settings.url)
    host, tls = parts.hostname or "", parts.scheme == "https"
    if parts.username is not None or parts.query or parts.fragment:
        raise _wrong("The address of slurmrestd has a user, a query or a fragment, and must not.")
    if parts.scheme not in ("http", "https") or not (_HOST.fullmatch(host) and _PREFIX.fullmatch(parts.path)):
        raise _wrong(f"{settings.url[:200]!r} is no address of slurmrestd.")
    if not tls and not (settings.allow_http and _loopback(host)):
        detail = f"The token must not go to {host} by http, unencrypted."
        raise failure(Failure.BAD_REQUEST, detail, "Name an https address in [cluster.slurm].")
    return Base(host, port or (443 if tls else 80), tls, parts.path.rstrip("/"))


def version_of(settings: RestSettings) -> int | None:
    """The version that is configured (N of v0.0.N), or None: it is chosen.

    Raises:
        InputError: it is not spoken here (bad_request).
    """
    if not settings.version:
        return None
    found = _VERSION.fullmatch(settings.version)
    if found is None or int(found[1]) not in KNOWN:
        known = ", ".join(f"v0.0.{number}" for number in KNOWN)
        raise _wrong(f"slurmrestd's {settings.version[:40]!r} is not spoken here; {known} are.")
    return int(found[1])


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        return (parts := urlsplit(url)), parts.port
    except ValueError:
        raise _wrong("`rest_url` is no address of slurmrestd.") from None


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wrong(detail: str) -> Exception:
    return failure(Failure.BAD_REQUEST, detail, _SECTION)
