"""Who may see an event of the ledger."""

from __future__ import annotations

from beampace.core.scope import Scope

OF_ALL = frozenset({"beamtime.opened", "beamtime.closed"})
"""Topics that say nothing of any group: they are for everybody of the beamtime.

All others (`dataset.*`, `job.*`, `attempt.*`, `result*`, `recommendation`) name a dataset, its work or its
files, and are for those who may see that dataset: without a group it is of a dataset that is nobody's.
"""


def covers(scope: Scope, topic: str, beamtime: str, group: str) -> bool:
    """Whether an event is to be seen in a scope."""
    if topic in OF_ALL:
        return scope.beamtime in (None, beamtime)
    return scope.covers(beamtime, group)
