"""One laboratory for all tests that need Slurm.

A test module imports the fixture and keeps its tests in the process that has it:

    from tests.support.slurm_lab import GROUP, slurm_lab
    pytestmark = pytest.mark.xdist_group(GROUP)

Faults are functions of `tools.lab.faults`; a test that causes one leaves the laboratory whole again.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools.lab import running
from tools.lab.lab import Lab
from tools.lab.plan import Plan
from tools.lab.processes import until

GROUP = "slurm"
REPOSITORY = Path(__file__).parents[2]


@contextmanager
def running_lab(plan: Plan | None = None) -> Iterator[Lab]:
    """A laboratory that lasts as long as the block; the test is skipped where none can be made."""
    if reason := running.missing(plan):
        pytest.skip(reason)
    root = Path(tempfile.mkdtemp(prefix="bp-slurm-", dir="/tmp"))  # a socket's path has at most 107 bytes
    with _kept(root):
        try:
            lab = running.start(root, plan, owned=True)
            try:
                yield lab
            finally:
                running.stop(lab)
        finally:
            shutil.rmtree(root)


@contextmanager
def _kept(root: Path) -> Iterator[None]:
    """With a process beside this one that removes the laboratory when this one is killed."""
    command = [sys.executable, "-m", "tools.lab", "keep", str(root)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, start_new_session=True):
        yield


@pytest.fixture(scope="session")
def slurm_lab() -> Iterator[Lab]:
    """The laboratory of this test run."""
    with running_lab() as lab:
        yield lab


def wait_for_state(lab: Lab, job: str, *states: str, patience_s: float = 20.0) -> str:
    """Wait until a job is in one of these states, in Slurm's long words, and return which."""
    until(lambda: state_of(lab, job) in states, f"job {job} is {' or '.join(states)}", patience_s)
    return state_of(lab, job)


def state_of(lab: Lab, job: str) -> str:
    """State of a job that Slurm remembers (five minutes after its end), in Slurm's long words."""
    return lab.run(["squeue", "-h", "-t", "all", "-j", job, "-o", "%T"]).stdout.strip()
