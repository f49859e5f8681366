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
SHOT_WIDTH = 0.2
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
        (write_shots(shots_of(scenario, 4, SHOT_WIDTH), root / "shots"),),
        Wishes(Wanted(completeness=0.95, d_min=D_MIN)),
        space_group=group,
        out=root / "strategy",
        patience_s=0.0,
    )
    finished = strategy(asked, indexer, Switch())
    text = (root / "strategy" / "strategy.json").read_text()
    return finished.result, Strategy.model_validate(json.loads(text))


def scan_of(plan, scenario):
    """The scan of a plan, every degree exposed as on the shots.

    The simulator's background is per frame: it grows with the width, and thins out with the distance.
    """
    level = scenario.background.level * scenario.width / SHOT_WIDTH
    level *= (scenario.distance / plan.distance_mm) ** 2
    return replace(
        scenario,
        start=plan.start_deg,
        n_frames=round(plan.range_deg / scenario.width),
        distance=plan.distance_mm,
        background=replace(scenario.background, level=level),
    )


@pytest.mark.parametrize("group", SMALL_CRYSTALS if "ALL_GROUPS" in os.environ else QUICK)
@pytest.mark.parametrize("photons", [400.0, 100.0])
def test_what_was_promised_comes(group, photons, tmp_path, indexer):
    """Completeness within 2 percentage points, of the plan with the smallest range, its symmetry being known.

    I/sigma of the outer shell is compared with that at its finer edge.
    """
    scenario = replace(small_scenario(group), photons=photons)
    result, found = planned(scenario, group, tmp_path, indexer)
    plan = next(one for one in (found.recommendation, *found.alternatives) if one.kind == "fastest")
    master = simulate(scan_of(plan, scenario), tmp_path / "raw")
    ended = process(master, tmp_path / "out", "--space-group", group, "--d-min", f"{plan.complete_to:.3f}")
    overall = ended.result["statistics"]["overall"]
    print(f"\n{group}: {plan.range_deg:g} degrees from {plan.start_deg:g}, to {plan.complete_to} A")
    print(f"completeness promised {plan.completeness:.4f}, came {overall['completeness']:.4f}")
    print(f"multiplicity promised {plan.multiplicity:.2f}, came {overall['multiplicity']:.2f}")
    outer = ended.result["statistics"]["outer"]
    came = outer["mean_i_over_sigma"]
    print(f"I/sigma promised {plan.i_over_sigma_as_tested:.2f}, came {came:.2f} to {outer['d_min']:.2f} A")
    times = result.timing
    print(f"lattice {times['index']:.1f} s, second opinion {times['second_opinion']:.1f} s more")
    print(found.second_opinion.words)
    assert overall["completeness"] == pytest.approx(plan.completeness, abs=0.02)
    assert overall["multiplicity"] == pytest.approx(plan.multiplicity, rel=0.1)
    assert 0.4 < plan.i_over_sigma_as_tested / came < 2.0
