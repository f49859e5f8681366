"""On whose behalf work is done: a job of the daemon's, or what a user asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beampace.core.errors import BeampaceError, Cancelled, failure
from beampace.core.taxonomy import Failure

STOP_FILE = "stop_reason"
"""Name of the file in the attempt's directory that says, by a code of the taxonomy, why it is ended."""

MOST_BYTES = 200


def _cancelled() -> Failure:
    return Failure.CANCELLED


@dataclass(frozen=True, slots=True)
class Errand:
    """On whose behalf work is done; by default a user's at a terminal.

    Attributes:
        facts: what the result says of it, in `parameters.other`.
        stop_reason: asked, once the work was told to stop, for the reason.
        tidy: whether intermediate files are removed after a success.
    """

    facts: Mapping[str, object] = field(default_factory=dict)
    stop_reason: Callable[[], Failure] = _cancelled
    tidy: bool = False

    def ending(self, error: Cancelled) -> BeampaceError:
        """How work ended that was told to stop."""
        reason = self.stop_reason()
        return error if reason is Failure.CANCELLED else failure(reason, error.detail)


def stop_reason(attempt: Path) -> Failure:
    """Why an attempt is ended, as its directory says; `cancelled` when nothing or nonsense is said."""
    try:
        with (attempt / STOP_FILE).open("rb") as stream:
            said = stream.read(MOST_BYTES).decode("ascii", "replace").strip()
    except OSError:
        return Failure.CANCELLED
    return Failure(said) if said in Failure.__members__.values() else Failure.CANCELLED
