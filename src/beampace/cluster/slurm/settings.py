"""How Slurm is used: paces, limits and what `sbatch` is told besides."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from beampace.cluster.slurm.book import Patience


@dataclass(frozen=True, slots=True)
class SlurmSettings:
    """How Slurm is used.

    Attributes:
        poll_s, quiet_s: shortest and longest time between two questions for all jobs, in seconds; the time
            widens while nothing changes.
        wait_s: seconds for which `states` waits for an answer that is under way.
        answer_s: seconds that a question or a submit has.
        closed_s: seconds after the end of the online resources until attempts are taken for gone.
        cancel_again_s: seconds after which a job that still lives is cancelled once more.
        nice: how much lower jobs that are not urgent are queued.
        most_time_s: longest time limit asked for, or 0 for no bound.
        sbatch: further arguments of sbatch, such as `--account=...`.
        programs: directory of Slurm's programs where they run, or None.
        job_log: job-completion log there, or "".
        patience: how long answers are good for.
    """

    poll_s: float = 1.0
    quiet_s: float = 5.0
    wait_s: float = 0.1
    answer_s: float = 8.0
    closed_s: float = 60.0
    cancel_again_s: float = 10.0
    nice: int = 100
    most_time_s: int = 0
    sbatch: tuple[str, ...] = ()
    programs: PurePosixPath | None = None
    job_log: str = ""
    patience: Patience = field(default_factory=Patience)
