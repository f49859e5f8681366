from __future__ import annotations

from pathlib import PurePath

import pytest

from beampace.core.dataset import DatasetKind, Hint
from beampace.core.scan import Scan
from beampace.eiger.kind import announced_kind, settle_kind

TURNING = Scan.even(0, 0.1, 50, 0.01, 0.01)
STANDING = Scan.even(0, 0.0, 50, 0.01, 0.01)
SHOTS = Scan((0.0, 90.0), 0.1, 0.01, 0.01)


@pytest.mark.parametrize(
    ("path", "run_type", "expected"),
    [
        ("lyso/rotational_001/lyso_rotational_001_master.h5", "", DatasetKind.ROTATION),
        ("lyso/screening_001/lyso_2_master.h5", "", DatasetKind.SCREENING),
        ("lyso/grid_003/lyso_grid_003_master.h5", "", DatasetKind.GRID),
        ("lyso/ismo_003/lyso_ismo_003_master.h5", "", DatasetKind.STILLS),
        ("lyso/anything/lyso_grid_003_master.h5", "", DatasetKind.GRID),
        ("lyso/rotational_001/x_master.h5", "grid", DatasetKind.GRID),
        ("gridlock/gridlock_master.h5", "", None),
        ("a/b_master.h5", "", None),
    ],
)
def test_names_and_info_announce(path, run_type, expected):
    assert announced_kind(PurePath(path), Hint(run_type=run_type))[0] is expected


@pytest.mark.parametrize(
    ("announced", "scan", "expected"),
    [
        (DatasetKind.ROTATION, TURNING, DatasetKind.ROTATION),
        (None, TURNING, DatasetKind.ROTATION),
        (DatasetKind.ROTATION, STANDING, DatasetKind.STILLS),
        (DatasetKind.GRID, STANDING, DatasetKind.GRID),
        (None, STANDING, DatasetKind.STILLS),
        (DatasetKind.ROTATION, SHOTS, DatasetKind.SCREENING),
        (None, SHOTS, DatasetKind.SCREENING),
        (DatasetKind.SCREENING, TURNING, DatasetKind.SCREENING),
        (None, TURNING.part(1, 1), DatasetKind.SCREENING),
    ],
)
def test_headers_decide_whether_it_turned(announced, scan, expected):
    kind, reason = settle_kind(announced, "the name says so", scan)
    assert kind is expected
    assert reason
