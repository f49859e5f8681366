"""A master that is renamed before the work reads it: the work is tried again, a bad file is not."""

from __future__ import annotations

import json
from pathlib import Path

from beampace.core.job import ClusterState, JobState
from tests.support.desk import Bench, bench


def ended(made: Bench, told: str) -> JobState:
    """The look of a dataset ends as `not_a_dataset` after it was told of a master; the state of its job."""
    number = made.see()
    made.start()
    job = made.jobs(number)["look"]
    directory = made.directory(job.key)
    (directory / "order.json").write_text(json.dumps({"master": told}), encoding="utf-8")
    made.leave_result(job.key, "not_a_dataset", usable=0)
    made.leave_exit(job.key, exit=2, signal=None, reason="", seconds=1.0, cpu_s=1.0, max_rss_mb=1.0, cores=1)
    made.cluster.set_state(f"memory:{job.key}-1", ClusterState.GONE)
    made.follow()
    return made.ledger.job(job.key).state


def test_work_on_a_renamed_master_is_tried_again(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        assert ended(made, "/somewhere/another_name_master.h5") is not JobState.ENDED


def test_work_on_a_master_that_is_gone_is_tried_again(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        assert ended(made, str(made.root / "raw" / "s" / "E_1_master.h5")) is not JobState.ENDED


def test_a_file_that_is_none_is_an_answer(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        master = made.root / "raw" / "s" / "E_1_master.h5"
        master.parent.mkdir(parents=True)
        master.write_text("no HDF5")
        assert ended(made, str(master)) is JobState.ENDED
