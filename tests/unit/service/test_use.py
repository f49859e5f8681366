"""Fair shares outlive the daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from beampace.core.job import ExitRecord
from beampace.service.use import HALF_LIFE_S, REMEMBERED_S, remembered_use
from tests.support.desk import bench
from tests.support.ledgers import claim, with_job


def test_what_groups_used_is_remembered_and_decays(tmp_path: Path) -> None:
    with bench(tmp_path) as daemon:

        def work(key: str, group: str, seconds: float) -> None:
            with_job(daemon.ledger, key, group=group)
            claim(daemon.ledger, key)
            daemon.ledger.end_attempt(key, 1, "node_lost", "", ExitRecord(seconds=seconds, cores=4))

        work("long ago", "c", 100.0)
        daemon.go(REMEMBERED_S)
        work("a1", "a", 100.0)
        daemon.go(HALF_LIFE_S)
        work("a2", "a", 25.0)
        work("b1", "b", 50.0)
        use = remembered_use(daemon.ledger, daemon.desk.clock)
        assert use.lately() == pytest.approx({"a": 300.0, "b": 200.0})
        daemon.go(HALF_LIFE_S)
        assert use.lately() == pytest.approx({"a": 150.0, "b": 100.0})
