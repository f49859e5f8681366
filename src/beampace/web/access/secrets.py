"""Secrets of links and sessions: made here, kept as hashes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_secret() -> str:
    """32 random bytes as text that fits into a cookie and an address."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret: SHA-256, hexadecimal. A secret of 256 bits needs no salt."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def csrf_of(secret: str) -> str:
    """What forms of a session carry: made from its secret, of which it tells nothing."""
    return hmac.new(secret.encode("utf-8", "surrogateescape"), b"csrf", hashlib.sha256).hexdigest()


def same(said: str, expected: str) -> bool:
    """Whether two texts are the same; takes as long for all of one length."""
    return hmac.compare_digest(said.encode("utf-8", "surrogateescape"), expected.encode())
