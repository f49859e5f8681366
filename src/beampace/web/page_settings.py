"""How the pages are reached: addresses, proxies, sessions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageSettings:
    """What the pages have to know of the way to them.

    Attributes:
        public_url: address under which people reach them, without a slash at the end; "" for the plain one.
        base_path: path before every address, such as `/beampace`; "" for none.
        proxies: addresses of proxies whose forwarded headers are believed.
        session_s: seconds a log-in lasts.
        heartbeat_s: seconds of silence after which a stream of events sends a comment.
        host, port: where the server listens.
    """

    public_url: str = ""
    base_path: str = ""
    proxies: frozenset[str] = frozenset()
    session_s: float = 12 * 3600
    heartbeat_s: float = 15.0
    host: str = "127.0.0.1"
    port: int = 0

    @property
    def root(self) -> str:
        """Where people find the pages, without a slash at the end."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{name}:{self.port}{self.base_path}"
