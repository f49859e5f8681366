"""Our merging statistics against those of cctbx, which DIALS reports, on the same file."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from beampace.results.statistics import statistics_of

pytestmark = [
    pytest.mark.dials,
    pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed"),
]

N_SHELLS = 8
CCTBX_BUILD = Path("/usr/lib/cctbx/python3.11")

SCRIPT = f"""
import json, sys
from iotbx import merging_statistics, mtz
arrays = mtz.object(sys.argv[1]).as_miller_arrays(merge_equivalents=False)
data = next(a for a in arrays if a.info().labels[:2] == ["I", "SIGI"])
data = data.customized_copy(anomalous_flag=False, info=data.info())
found = merging_statistics.dataset_statistics(
    data, n_bins={N_SHELLS}, anomalous=False, use_internal_variance=False, eliminate_sys_absent=True,
    binning_method="volume", assert_is_not_unique_set_under_symmetry=False)
names = ("d_max d_min n_obs n_uniq completeness r_merge r_meas r_pim "
         "cc_one_half_sigma_tau i_over_sigma_mean").split()
print(json.dumps([[getattr(part, name) for name in names] for part in (found.overall, *found.bins)]))
"""


def cctbx_statistics(path: Path) -> list[list[float]]:
    """Overall, then the shells, as cctbx computes them."""
    environment = {**os.environ, "LIBTBX_BUILD": str(CCTBX_BUILD)}
    done = subprocess.run(
        ["/usr/bin/python3", "-c", SCRIPT, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture
def made():
    """The synthetic observations of the unit tests."""
    path = Path(__file__).resolve().parents[1] / "unit" / "results" / "conftest.py"
    spec = importlib.util.spec_from_file_location("synthetic_observations", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["P 43 21 2", "C 1 2 1", "P 32 2 1"])
def test_shells_agree_with_cctbx(name: str, made, tmp_path: Path) -> None:
    path = made.write_unmerged(tmp_path / "unmerged.mtz", made.synthesise(name))
    ours, theirs = statistics_of(path, n_shells=N_SHELLS), cctbx_statistics(path)
    assert len(theirs) == N_SHELLS + 1
    for number, (shell, row) in enumerate(zip((ours.overall, *ours.shells), theirs, strict=True)):
        d_max, d_min, n_obs, n_unique, completeness, r_merge, r_meas, r_pim, cc, i_sigma = row
        # cctbx widens the outermost limits a little
        assert shell.d_max == pytest.approx(d_max, rel=1e-3)
        assert shell.d_min == pytest.approx(d_min, rel=1e-3)
        # reflections that lie on a shell's limit may fall to either side of it
        edge = 0 if number == 0 else 3
        assert shell.n_unique == pytest.approx(n_unique, abs=edge)
        assert shell.n_observations == pytest.approx(n_obs, abs=edge * 12)
        assert shell.completeness == pytest.approx(completeness, abs=1e-9 if number == 0 else 0.01)
        rel = 1e-6 if number == 0 else 0.02
        for value, expected in ((shell.r_merge, r_merge), (shell.r_meas, r_meas), (shell.r_pim, r_pim)):
            assert value == pytest.approx(expected, rel=rel)
        assert shell.mean_i_over_sigma == pytest.approx(i_sigma, rel=rel)
        # cctbx does not weight within a reflection, and averages the shells for its overall value
        if number:
            assert shell.cc_half == pytest.approx(cc, abs=0.004)
