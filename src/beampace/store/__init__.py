"""The ledger: beamtimes, datasets, jobs, attempts, results and events in SQLite or PostgreSQL."""

from beampace.store.lease import Lease
from beampace.store.ledger import Ledger, migrate, open_ledger
from beampace.store.records import (
    Account,
    AttemptRow,
    BeamtimeRow,
    Cost,
    Counts,
    DatasetRow,
    Ended,
    EventRow,
    FrameCounts,
    JobRow,
    Lag,
    NewResult,
    Observed,
    PlannedJob,
    Recommendation,
    ResultRow,
    Spent,
    Uncharged,
)

__all__ = [
    "Account",
    "AttemptRow",
    "BeamtimeRow",
    "Cost",
    "Counts",
    "DatasetRow",
    "Ended",
    "EventRow",
    "FrameCounts",
    "JobRow",
    "Lag",
    "Lease",
    "Ledger",
    "NewResult",
    "Observed",
    "PlannedJob",
    "Recommendation",
    "ResultRow",
    "Spent",
    "Uncharged",
    "migrate",
    "open_ledger",
]
