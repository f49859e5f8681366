"""What viewers did, written down for good."""

from __future__ import annotations

from beampace.store import Deed
from beampace.web.parts import Parts
from beampace.web.viewer import Viewer


def write_down(parts: Parts, viewer: Viewer, deed: str, what: str, detail: str = "") -> None:
    """Append a deed to the audit; called in a thread, since it writes to the ledger.

    Args:
        parts: for the ledger.
        viewer: who did it.
        deed: such as `downloaded`, `reprocessed`, `cancelled`.
        what: to what, such as `result 12: merged.mtz`.
        detail: particulars, such as the wishes of a reprocessing; never a secret.
    """
    parts.ledger.write_down(
        Deed(
            viewer=viewer.kind.value,
            beamtime=viewer.beamtime,
            group=viewer.group,
            session=viewer.session,
            address=viewer.address,
            deed=deed,
            what=what,
            detail=detail,
        )
    )
