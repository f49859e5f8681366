"""What all tests share: where the real data are, and that CI skips nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REAL_DATA = Path(__file__).resolve().parent.parent / "shared" / "data" / "real" / "raw" / "user1"
NO_REAL_DATA = "the real data are not beside the repository"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The directory that holds `thaumatin`, `project_x` and `l-cysteine`."""
    if not REAL_DATA.is_dir():
        pytest.skip(NO_REAL_DATA)
    return REAL_DATA


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """In CI a skipped test is a failure, except when it asks for the real data."""
    report = yield
    strict = report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail")
    if strict and "real data" not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report
