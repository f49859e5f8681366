"""Passwords of groups and of staff: argon2, off the event loop, at most two at once."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.store import Ledger

SHORTEST, LONGEST = 10, 256
"""Characters of a password."""


class Passwords:
    """Sets and checks passwords.

    Args:
        ledger: where their hashes are kept.
        hasher: argon2id with the recommended costs by default.
    """

    def __init__(self, ledger: Ledger, hasher: PasswordHasher | None = None) -> None:
        self._ledger = ledger
        self._hasher = hasher or PasswordHasher()
        self._nobodys = ""
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")

    def check(self, beamtime: str, group: str, password: str) -> Future[bool]:
        """Whether it is the password of a group ("" and "": of staff); takes as long when there is none."""
        return self._threads.submit(self._check, beamtime, group, password)

    def set(self, beamtime: str, group: str, password: str, keep: int | None = None) -> None:
        """Set a password; sessions by the old one end, but for the session `keep`.

        Raises:
            InputError: it is too short or too long (bad_request).
        """
        if not SHORTEST <= len(password) <= LONGEST:
            raise failure(
                Failure.BAD_REQUEST,
                f"A password has {SHORTEST} to {LONGEST} characters.",
                "Choose a longer one; four words that have nothing to do with each other are a good one.",
            )
        hashed = self._threads.submit(self._hasher.hash, password).result()
        self._ledger.set_password(beamtime, group, hashed, keep)

    def _check(self, beamtime: str, group: str, password: str) -> bool:
        if not self._nobodys:
            self._nobodys = self._hasher.hash("the password of nobody")
        hashed = self._ledger.password_hash(beamtime, group)
        try:
            return self._hasher.verify(hashed or self._nobodys, password) and hashed is not None
        except (VerificationError, InvalidHashError):
            return False
