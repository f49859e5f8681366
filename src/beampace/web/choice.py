"""Which beamtime a page is about."""

from __future__ import annotations

from beampace.store import BeamtimeRow, Ledger, current
from beampace.web.missing import missing
from beampace.web.viewer import Viewer


def chosen_beamtime(ledger: Ledger, viewer: Viewer, asked: str = "") -> BeamtimeRow | None:
    """The beamtime asked for, else the viewer's, else the open one, else the last; None when there is none.

    Raises:
        HTTPException: 404: there is none of that id, as far as the viewer may know.
    """
    rows = [row for row in ledger.beamtimes() if viewer.beamtime in ("", row.id)]
    if asked:
        rows = [row for row in rows if row.id == asked]
        if not rows:
            raise missing("beamtime")
    return current(rows)


def beamtimes_of(ledger: Ledger, viewer: Viewer) -> tuple[BeamtimeRow, ...]:
    """Beamtimes the viewer may choose from, the last opened first."""
    rows = (row for row in ledger.beamtimes() if viewer.beamtime in ("", row.id))
    return tuple(sorted(rows, key=lambda row: row.opened, reverse=True))
