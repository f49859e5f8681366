"""Sessions: in the ledger, so that they survive the daemon; in memory, so that a page view costs no query."""

from __future__ import annotations

import threading
from collections import OrderedDict

from beampace.store import Ledger, NewSession, SessionRow
from beampace.web.access.secrets import digest, new_secret

MOST_KNOWN = 4096
"""Sessions kept in memory."""


class Sessions:
    """Begins, finds and ends sessions. What reaches the ledger is called in threads.

    Args:
        ledger: where they are kept.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: OrderedDict[str, SessionRow] = OrderedDict()
        self._lock = threading.Lock()
        self.changes = 0
        """Grows whenever sessions may have ended."""

    def begin(self, new: NewSession) -> tuple[str, SessionRow]:
        """Begin a session as described, with a secret of its own; gives the secret."""
        secret = new_secret()
        row = self._ledger.begin_session(
            NewSession(
                digest(secret),
                new.kind,
                new.beamtime,
                new.group,
                new.way,
                new.lasts_s,
                new.address,
                new.by_pass,
            )
        )
        return secret, row

    def known(self, secret: str) -> SessionRow | None:
        """The living session of a secret as far as it is in memory; costs nothing."""
        with self._lock:
            row = self._known.get(digest(secret))
        return row if row is not None and self._ledger.now() < row.expires else None

    def find(self, secret: str) -> SessionRow | None:
        """The living session of a secret."""
        row = self.known(secret)
        if row is not None:
            return row
        before = self.changes
        row = self._ledger.session(digest(secret))
        if row is not None:
            self._remember(digest(secret), row, before)
        return row

    def seen_at(self, secret: str, row: SessionRow, address: str) -> None:
        """Write down that a session came from another address."""
        before = self.changes
        self._ledger.move_session(row.id, address)
        moved = self._ledger.session(digest(secret))
        if moved is not None:
            self._remember(digest(secret), moved, before)

    def end(self, number: int) -> bool:
        """End a session; False when there is none to end."""
        ended = self._ledger.end_session(number)
        self.forget()
        return ended

    def forget(self) -> None:
        """Look again in the ledger: sessions have ended there."""
        with self._lock:
            self.changes += 1
            self._known.clear()

    def _remember(self, key: str, row: SessionRow, before: int) -> None:
        with self._lock:
            if self.changes != before:  # it may have ended while it was read
                return
            self._known[key] = row
            self._known.move_to_end(key)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
