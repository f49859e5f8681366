"""The ledger: beamtimes, datasets, jobs, attempts, results and events in SQLite or PostgreSQL."""

from beampace.store.ledger import Ledger, migrate, open_ledger
from beampace.store.records import (
    Account,
    AttemptRow,
    BeamtimeRow,
    Cost,
    Counts,
    DatasetRow,
    EventRow,
    FrameCounts,
    JobRow,
    Lag,
    NewResult,
    Observed,
    PlannedJob,
    Recommendation,
    ResultRow,
)

__all__ = [
    "Account",
    "AttemptRow",
    "BeamtimeRow",
    "Cost",
    "Counts",
    "DatasetRow",
    "EventRow",
    "FrameCounts",
    "JobRow",
    "Lag",
    "Ledger",
    "NewResult",
    "Observed",
    "PlannedJob",
    "Recommendation",
    "ResultRow",
    "migrate",
    "open_ledger",
]
