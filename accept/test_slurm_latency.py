"""Slurm through ssh keeps pace: submits, urgent steps, and one question for five hundred jobs.

The limits are absolute. On a bad day the machine itself is slower than they allow for: then a bare `srun` in
the same allocation, without beampace and ssh, says by how much, and two and a half times that is asked.
"""

from __future__ import annotations

import pytest

from tests.support.slurm_lab import running_lab
from tests.support.slurm_latency import bench, polled

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def one():
    with running_lab() as lab, bench(lab) as found:
        found.steps(3, "warm up")
        yield found


def test_urgent_steps_start_at_once(one):
    bare, ours = one.bare_steps(20), one.steps(40, "urgent step, submit to first line")
    print(f"\n{bare}\n{ours}; ours : bare = {ours.median / bare.median:.1f}")
    assert ours.median <= max(0.200, 2.5 * bare.median)
    assert ours.p95 <= max(0.300, 2.5 * bare.p95)


def test_a_submit_takes_a_moment(one):
    bare, ours = one.bare_steps(20), one.submits(60, "submit")
    print(f"\n{ours}")
    assert ours.p95 <= max(0.100, 2.5 * bare.p95)


def test_five_hundred_jobs_are_one_question(one):
    ran, times = polled(one, 500, 10)
    print(f"\n{times}; programs in 10 ticks: {dict(ran)}")
    assert set(ran) == {"squeue"}
    assert ran["squeue"] <= 11
