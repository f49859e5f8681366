"""Strategies of test shots in eight groups: what they promise against what processing the scan then gives."""

import json
import os
import shutil
from dataclasses import replace

import pytest

from beampace.core.cell import UnitCell
from beampace.engines.dials import DialsIndexer
from beampace.results.strategy_schema import Strategy
from beampace.simulate.crystal import CrystalSpec
from beampace.simulate.files import write_dataset
from beampace.simulate.options import InfoFile, WriteOptions
from beampace.simulate.scenario import Lattice, Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.work.cancel import Switch
from beampace.work.strategy import StrategyOptions, strategy
from beampace.work.strategy_situation import Wanted, Wishes
from tests.support.processing import process, simulate

pytestmark = pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed")

BASE = Scenario(distance=130.0, width=0.5, mosaicity=0.15, lattices=(Lattice(seed=9),), name="set")
D_MIN = 2.4
CASES = {
    "P 1": UnitCell(31.2, 36.9, 40.4, 81.2, 95.3, 104.1),
    "P 1 21 1": UnitCell(34.1, 46.2, 40.7, 90, 103.2, 90),
    "C 1 2 1": UnitCell(58.4, 33.2, 41.8, 90, 103.5, 90),
    "P 21 21 21": UnitCell(36.1, 42.7, 51.3, 90, 90, 90),
    "P 43 21 2": UnitCell(44.5, 44.5, 58.2, 90, 90, 90),
    "P 32 2 1": UnitCell(43.6, 43.6, 55.9, 90, 90, 120),
    "P 61 2 2": UnitCell(47.5, 47.5, 71.3, 90, 90, 120),
    "I 2 3": UnitCell(61.7, 61.7, 61.7, 90, 90, 90),
}

QUICK = ("P 1", "P 32 2 1", "I 2 3")
"""Played each time, half a minute each; `ALL_GROUPS=1` plays all eight."""


@pytest.fixture(scope="module")
def indexer():
    one = DialsIndexer()
    one.warm_up(lambda: None)
    yield one
    one.close()


def planned(scenario, group, root, indexer):
    """The strategy of four test shots 45 degrees apart."""
    made = simulate_scan(replace(scenario, width=0.2, interval=45.0, n_frames=4))
    options = WriteOptions(info=InfoFile.AFTER, patch=True, patch_delay=0.0)
    master = write_dataset(made.dataset, made.mask, made.frames, root / "shots", options)
    asked = StrategyOptions(
        (master,),
        Wishes(Wanted(completeness=0.95, d_min=D_MIN)),
        space_group=group,
        out=root / "strategy",
        patience_s=0.0,
    )
    finished = strategy(asked, indexer, Switch())
    text = (root / "strategy" / "strategy.json").read_text()
    return finished.result, Strategy.model_validate(json.loads(text))


@pytest.mark.parametrize("group", CASES if "ALL_GROUPS" in os.environ else QUICK)
def test_the_completeness_that_was_promised_comes(group, tmp_path, indexer):
    """Within 2 percentage points, of the plan with the smallest range, its symmetry being known."""
    scenario = replace(BASE, crystal=CrystalSpec(CASES[group], group, b_factor=20, seed=5))
    result, found = planned(scenario, group, tmp_path, indexer)
    plan = next(one for one in (found.recommendation, *found.alternatives) if one.kind == "fastest")
    scan = replace(
        scenario,
        start=plan.start_deg,
        n_frames=round(plan.range_deg / BASE.width),
        distance=plan.distance_mm,
    )
    master = simulate(scan, tmp_path / "raw")
    ended = process(master, tmp_path / "out", "--space-group", group, "--d-min", f"{plan.complete_to:.3f}")
    overall = ended.result["statistics"]["overall"]
    print(f"\n{group}: {plan.range_deg:g} degrees from {plan.start_deg:g}, to {plan.complete_to} A")
    print(f"completeness promised {plan.completeness:.4f}, came {overall['completeness']:.4f}")
    print(f"multiplicity promised {plan.multiplicity:.2f}, came {overall['multiplicity']:.2f}")
    times = result.timing
    print(f"lattice {times['index']:.1f} s, second opinion {times['second_opinion']:.1f} s more")
    print(found.second_opinion.words)
    assert overall["completeness"] == pytest.approx(plan.completeness, abs=0.02)
    assert overall["multiplicity"] == pytest.approx(plan.multiplicity, rel=0.1)
