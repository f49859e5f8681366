"""One laboratory for all tests that need Slurm: `@pytest.mark.xdist_group(GROUP)` keeps them in one process.

A test module imports the fixture: `from tests.support.slurm_lab import GROUP, slurm_lab`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools.lab import lab as labs
from tools.lab.lab import Lab
from tools.lab.plan import Plan

GROUP = "slurm"


@contextmanager
def running_lab(plan: Plan | None = None) -> Iterator[Lab]:
    """A laboratory that lasts as long as the block; the test is skipped where none can be made."""
    if reason := labs.missing():
        pytest.skip(reason)
    root = Path(tempfile.mkdtemp(prefix="bp-slurm-", dir="/tmp"))
    try:
        lab = labs.start(root, plan)
        try:
            yield lab
        finally:
            labs.stop(lab)
    finally:
        shutil.rmtree(root)


@pytest.fixture(scope="session")
def slurm_lab() -> Iterator[Lab]:
    """The laboratory of this test run."""
    with running_lab() as lab:
        yield lab
