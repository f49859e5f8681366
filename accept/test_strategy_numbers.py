"""Strategies of test shots in eight groups: what they promise against what processing the scan then gives."""

import json
import os
import shutil
from dataclasses import replace

import pytest

from beampace.analysis.strategy import Wanted
from beampace.engines.dials import DialsIndexer
from beampace.results.strategy_schema import Strategy
from beampace.work.cancel import Switch
from beampace.work.strategy import StrategyOptions, strategy
from beampace.work.strategy_situation import Wishes
from tests.support.processing import process, simulate
from tests.support.shots import shots_of, write_shots
from tests.support.small_crystals import SMALL_CRYSTALS, small_scenario

pytestmark = pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed")

D_MIN = 2.4
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
    asked = StrategyOptions(
        (write_shots(shots_of(scenario, 4), root / "shots"),),
        Wishes(Wanted(completeness=0.95, d_min=D_MIN)),
        space_group=group,
        out=root / "strategy",
        patience_s=0.0,
    )
    finished = strategy(asked, indexer, Switch())
    text = (root / "strategy" / "strategy.json").read_text()
    return finished.result, Strategy.model_validate(json.loads(text))


@pytest.mark.parametrize("group", SMALL_CRYSTALS if "ALL_GROUPS" in os.environ else QUICK)
def test_the_completeness_that_was_promised_comes(group, tmp_path, indexer):
    """Within 2 percentage points, of the plan with the smallest range, its symmetry being known."""
    scenario = small_scenario(group)
    result, found = planned(scenario, group, tmp_path, indexer)
    plan = next(one for one in (found.recommendation, *found.alternatives) if one.kind == "fastest")
    scan = replace(
        scenario,
        start=plan.start_deg,
        n_frames=round(plan.range_deg / scenario.width),
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
