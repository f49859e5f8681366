"""One daemon per beamtime: a file in `processed` that says which one works there, and that it lives.

Two daemons with ledgers of their own would make every result twice. The sign of life is a file that changes;
whether it does is measured with our own clock, so that the clocks of two machines are never compared.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from beampace.core.errors import BeampaceError
from beampace.core.sighting import Trouble
from beampace.results.below import read_below, write_below

CLAIM_FILE = ".beampace-daemon.json"

BEAT_S = 10.0
"""Seconds from one sign of life to the next."""

STALE_S = 60.0
"""Seconds without one after which another daemon counts as gone."""

SETTLE_S = 2.0
"""Seconds after which one who took over a claim sees whether somebody did so at the same moment."""

LOOK_S = 1.0
"""Seconds from one look at another daemon's claim to the next."""

MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Claimant:
    """A daemon.

    Attributes:
        token: of this process.
        ledger: id of its ledger, which one daemon works with at a time.
        host, pid, state_dir: where it is, for people.
    """

    token: str
    ledger: str
    host: str
    pid: int
    state_dir: str

    @classmethod
    def here(cls, token: str, ledger: str, state_dir: Path) -> Claimant:
        """This process."""
        return cls(token, ledger, socket.gethostname(), os.getpid(), str(state_dir))


@dataclass(slots=True)
class Claim:
    """The claim on one beamtime.

    Attributes:
        processed: the directory of its results.
        mine: this daemon.
        clock: monotonic seconds.
        wall: the time that is written down, for people.
        held: whether this daemon works there, alone.
        trouble: what staff should know, or None.
    """

    processed: Path
    mine: Claimant
    clock: Callable[[], float]
    wall: Callable[[], datetime]
    held: bool = False
    trouble: Trouble | None = None
    _next: float = float("-inf")
    _settling: bool = False
    _seen: tuple[bytes, float] = field(default=(b"", float("-inf")))

    def look(self) -> bool:
        """Whether work may be started there; looks at the file now and then.

        A file that cannot be written changes nothing: what is held stays held, what is not stays free.
        """
        now = self.clock()
        if now < self._next:
            return self.held
        try:
            self.held = self._look(now)
        except (BeampaceError, OSError) as error:
            words = error.words if isinstance(error, BeampaceError) else f"{self._file}: {error.strerror}."
            self.trouble = Trouble(str(self._file), words, "Results cannot be written there either.")
        else:
            self.trouble = None if self.held or self._settling else self._anothers()
        wait = BEAT_S if self.held else SETTLE_S if self._settling else LOOK_S
        self._next = now + wait
        return self.held

    def release(self) -> None:
        """Take the file away, if it is ours."""
        said = _said(read_below(self.processed, CLAIM_FILE, MOST_BYTES) or b"")
        if said.get("token") == self.mine.token:
            with suppress(OSError):  # then it becomes stale
                self._file.unlink()
        self.held = False

    @property
    def _file(self) -> Path:
        return self.processed / CLAIM_FILE

    def _look(self, now: float) -> bool:
        text = read_below(self.processed, CLAIM_FILE, MOST_BYTES)
        if text is None and self._made():
            return True
        said = _said(text or b"")
        if said.get("token") == self.mine.token or said.get("ledger") == self.mine.ledger:
            self._settling = False
            self._write()
            return True
        return self._watched(text or b"", now)

    def _watched(self, text: bytes, now: float) -> bool:
        """Another daemon's claim: taken over when it has not changed for long enough."""
        self._settling = False
        if self._seen[0] != text or self._seen[1] == float("-inf"):
            self._seen = (text, now)
        if now - self._seen[1] >= STALE_S:
            self._write()
            self._settling = True
        return False

    def _made(self) -> bool:
        """Make the file where there is none; False when somebody was quicker, or it is no ordinary file."""
        self.processed.mkdir(exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            os.close(os.open(self._file, flags, 0o644))
        except FileExistsError:
            return False
        try:
            self._write()
        except BaseException:
            with suppress(OSError):  # The first failure is the one to tell.
                self._file.unlink()
            raise
        return True

    def _write(self) -> None:
        document = asdict(self.mine) | {"alive": self.wall().isoformat()}
        write_below(self.processed, CLAIM_FILE, json.dumps(document, indent=1) + "\n")

    def _anothers(self) -> Trouble:
        said = _said(self._seen[0])
        who = ", ".join(f"{name} {said[name]}" for name in ("host", "pid", "state_dir") if name in said)
        words = (
            f"Another daemon ({who or 'it does not say which'}) works on this beamtime; nothing is started."
        )
        step = f"Stop one of the two. {self._file} is taken over {STALE_S:.0f} s after its last sign of life."
        return Trouble(str(self._file), words, step)


def _said(text: bytes) -> dict[str, Any]:
    """What a claim says; nothing of it is trusted but that it changes."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    known = ("token", "ledger", "host", "pid", "state_dir")
    document = document if isinstance(document, dict) else {}
    return {name: str(document[name])[:200] for name in known if name in document}
