"""The way of a request: from where, by which name, over https or not, as far as proxies are believed."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from beampace.web.page_settings import PageSettings

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Way:
    """How a request came.

    Attributes:
        address: of whoever asks, behind proxies that are believed.
        authority: name and port of this server as he knows it.
        https: whether he came over https.
        direct: whether no proxy is between.
    """

    address: str
    authority: str
    https: bool
    direct: bool = True

    @property
    def host(self) -> str:
        """The name without the port, small letters; "" when it is none."""
        return host_of(self.authority)

    @property
    def private(self) -> bool:
        """Whether nobody can listen: https, or a browser on this machine."""
        return self.https or (self.direct and self.host in _LOOPBACK and _is_loopback(self.address))

    @property
    def origin(self) -> str:
        """What a browser says where a page of ours is from."""
        return f"{'https' if self.https else 'http'}://{self.authority}".lower()


def way_of(scope: MutableMapping[str, Any], settings: PageSettings) -> Way | None:
    """The way of an ASGI request; None when it does not say clearly to whom it goes."""
    headers = _headers(scope)
    hosts = headers.get("host", [])
    client = scope.get("client")
    peer = plain_address(client[0]) if client else "somewhere"
    if len(hosts) != 1:
        return None
    way = Way(peer, hosts[0], scope.get("scheme") == "https", direct=peer not in settings.proxies)
    return way if way.direct else _forwarded(way, headers, settings)


def is_ours(way: Way, scope: MutableMapping[str, Any], settings: PageSettings) -> bool:
    """Whether a request goes to a name of this server: others may lead a browser here by a name of theirs."""
    server = scope.get("server")
    names = {*_LOOPBACK, settings.host.lower(), host_of(urlsplit(settings.public_url).netloc)}
    names |= {plain_address(server[0]) if server else "", socket.gethostname().lower()}
    return way.host != "" and way.host in names


def is_own_origin(headers: Mapping[str, str], way: Way, settings: PageSettings) -> bool:
    """Whether a request that changes something comes from a page of ours, as far as the browser says."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return False
    public = urlsplit(settings.public_url)
    ours = {way.origin} | ({f"{public.scheme}://{public.netloc}".lower()} if public.netloc else set())
    return origin is None or origin.lower() in ours


def host_of(authority: str) -> str:
    """The name or address in `name:port`, small letters; "" when it is none."""
    try:
        parts = urlsplit(f"//{authority}")
        _ = parts.port
    except ValueError:
        return ""
    return "" if parts.path or parts.query or parts.username is not None else (parts.hostname or "").lower()


def plain_address(address: str) -> str:
    """An IP address in its plain form: IPv4 in IPv6 as IPv4."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _forwarded(way: Way, headers: Mapping[str, list[str]], settings: PageSettings) -> Way:
    """What a proxy that is believed says; the last it says is its own word."""
    hops = [plain_address(word) for word in _words(headers, "x-forwarded-for")]
    address = next((hop for hop in reversed(hops) if hop not in settings.proxies), way.address)
    proto, host = _words(headers, "x-forwarded-proto"), _words(headers, "x-forwarded-host")
    direct = not (hops or proto or host)  # somebody on the proxy's own machine, without it
    https = proto[-1].lower() == "https" if proto else way.https
    return Way(address[:100], host[-1] if host else way.authority, https, direct)


def _words(headers: Mapping[str, list[str]], name: str) -> list[str]:
    return [word.strip() for value in headers.get(name, []) for word in value.split(",") if word.strip()]


def _headers(scope: MutableMapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
