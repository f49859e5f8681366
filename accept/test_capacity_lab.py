"""The lag that `beampace capacity` predicts is the one that is measured on a real Slurm, within a quarter.

Scans in succession whose processing takes four times as long as they last, on three cores: P11's today,
sixty times faster. The daemon runs them on the laboratory; the simulation is told when the datasets came and
what one job costs, and says how long the results had to wait.
"""

from __future__ import annotations

import pytest

from beampace.cli.calling import Where
from beampace.cli.capacity import Asked, capacity_answer
from beampace.core.dataset import DatasetKind
from beampace.simulate.beamtime.wishes import Wishes
from tests.support.replay import EVERY_FRAME, Replay
from tests.support.slurm_lab import running_lab
from tests.support.slurm_site import slurm_site
from tools.lab.plan import Plan

PACE_S, SERVICE_S, CORES = 2.0, 8.0, 3
WISHES = Wishes(
    datasets=24, kinds=(DatasetKind.ROTATION,), pace_s=PACE_S, rate=100, habits=False, slow=False, linger_s=1,
    groups=1,
)  # fmt: skip
DESCRIPTION = f"""schema = "capacity-1"

[cluster]
nodes = 1
cores_per_node = {CORES}
urgent_cores = 0
live_cores = 0

[[collections]]
name = "scans"
kind = "rotation"
frames = 20
frame_time_s = 0.01
per_hour = 600

[engines.{EVERY_FRAME}]
cores = 1
memory_mb = 500
"""


@pytest.mark.timeout(600)
def test_measured_lags_are_within_a_quarter_of_the_predicted_ones():
    plan = Plan(nodes=1, reserved=1, cores=CORES, memory_mb=16000)
    with running_lab(plan) as lab:
        site = slurm_site(lab, looks=False, read_s=SERVICE_S, sizes="urgent_cores = 0\nlive_cores = 0\n")
        replay = Replay(site, WISHES, settle_s=300)
        played = replay.play()
        assert [str(one) for one in replay.violations(played)] == []
        description = site.base / "description.toml"
        description.write_text(DESCRIPTION)
        asked = Asked(str(description), most=1, measured=True, beamtime=site.beamtime.id)
        (full,) = capacity_answer(Where(state_dir=site.state_dir), asked).compared or ()
    print(f"\n{full}")
    assert full.n == WISHES.datasets
    assert full.measured_p95_s > 2 * SERVICE_S, "nothing had to wait"
    assert full.simulated_median_s == pytest.approx(full.measured_median_s, rel=0.25)
    assert full.simulated_p95_s == pytest.approx(full.measured_p95_s, rel=0.25)
