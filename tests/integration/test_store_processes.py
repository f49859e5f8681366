"""Several processes with one ledger."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from beampace.core.job import JobState
from beampace.store import open_ledger
from tests.support.ledgers import address, planned, with_job
from tests.support.postgres import postgres

__all__ = ["address", "postgres"]

ROOT = Path(__file__).parents[2]
N_JOBS = 80
N_PROCESSES = 4
CLAIM = (
    "import json, random, sys; from tests.support.ledgers import claim_all;"
    "where, name = sys.argv[1:]; keys = json.load(sys.stdin); random.Random(name).shuffle(keys);"
    "print(json.dumps(claim_all(where, name, keys)))"
)


def test_each_job_is_claimed_by_exactly_one_process(address: str) -> None:
    ledger = open_ledger(address)
    dataset = with_job(ledger, "k0")
    ledger.plan(dataset, [planned(f"k{number}") for number in range(1, N_JOBS)])
    keys = [job.key for job in ledger.waiting()]
    assert len(keys) == N_JOBS
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM, address, f"p{number}"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(N_PROCESSES)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(json.dumps(keys))
        process.stdin.close()
    got = []
    for process in processes:
        assert process.stdout is not None and process.stderr is not None
        with process.stdout as out, process.stderr as errors:
            said, complaints = out.read(), errors.read()
        assert process.wait(60) == 0, complaints
        assert complaints == ""
        got.append(json.loads(said))
    assert sorted(key for mine in got for key in mine) == sorted(keys)
    assert all(job.state is JobState.ENDED and job.attempts == 1 for job in ledger.jobs())
    owners = {key: name for name, mine in enumerate(got) for key in mine}
    for key in keys:
        [attempt] = ledger.attempts(key)
        assert attempt.native_id == f"p{owners[key]}-{key}"
    ledger.close()
