"""From sums of the ledger to what is told: accounts and failures."""

from __future__ import annotations

from collections.abc import Mapping

from beampace.core.taxonomy import TAXONOMY, Failure
from beampace.store import Account, Ended
from beampace.web.answers import AccountInfo, FailureInfo


def failure_infos(counts: Mapping[str, Ended]) -> tuple[FailureInfo, ...]:
    """Codes with the table's words, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-sum(item[1]), item[0]))
    return tuple(
        FailureInfo(
            code=code,
            count=ended.attempts,
            jobs=ended.jobs,
            words=TAXONOMY[Failure(code)].words,
            next_step=TAXONOMY[Failure(code)].next_step,
        )
        for code, ended in ordered
    )


def account_info(row: Account) -> AccountInfo:
    """What a group used."""
    return AccountInfo(
        beamtime=row.beamtime,
        group=row.group,
        datasets=row.datasets,
        frames=row.frames,
        core_seconds=round(row.core_seconds, 1),
        charged_core_seconds=round(row.charged_core_seconds, 1),
        raw_bytes=row.raw_bytes,
        result_bytes=row.result_bytes,
    )
