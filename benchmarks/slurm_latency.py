"""Slurm through the open ssh connection as the beamtime user; run as `python benchmarks/slurm_latency.py`.

Makes a laboratory (needs root), then prints, from one run: how long a submit takes, idle and while jobs run;
from the submit of urgent work to the first line of its program as a step of the held allocation, beside a
bare `srun` in the same allocation and a job of its own; and what the poll of 500 queued jobs costs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.slurm_lab import running_lab
from tests.support.slurm_latency import Bench, Times, bench, polled


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=500)
    words = parser.parse_args()
    with running_lab() as lab, bench(lab) as one:
        measure(one, words.rounds, words.jobs)


def measure(one: Bench, rounds: int, jobs: int) -> None:
    """Print one line per kind."""
    print(one.submits(rounds, "submit, nothing runs"))
    one.until(lambda: len(one.lab.queue()) == 1, "jobs that ended")
    idle = one.steps(rounds, "urgent step, submit to first line, nothing else runs")
    print(idle)
    bare = one.bare_steps(rounds)
    print(f"{bare}; ours : bare = {idle.median / bare.median:.1f}")
    print(one.submits(rounds, "submit while jobs run", "import time; time.sleep(20)"))
    print(one.steps(rounds, "urgent step while jobs run"))
    own = Times("a job of its own", tuple(_own(one) for _ in range(max(3, rounds // 4))))
    print(f"{own}; job : step = {own.median / idle.median:.1f}")
    ran, times = polled(one, jobs, 10)
    print(f"{times}; programs in 10 ticks: {dict(ran)}")


def _own(one: Bench) -> float:
    """From submit to the first line of a job that is no step."""
    import time

    spec = one.spec("import time; open('first', 'w').write(str(time.monotonic()))", urgent=False)
    began = time.monotonic()
    one.cluster.submit(spec)
    one.until(lambda: (spec.directory / "exit.json").exists(), "the end of a job")
    return float((spec.directory / "first").read_text()) - began


if __name__ == "__main__":
    main()
