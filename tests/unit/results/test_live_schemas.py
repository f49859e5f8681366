"""The published forms of look.json, map.json and strategy.json."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from beampace.results.published_live import LIVE, live_schema, published_live_schema
from beampace.results.strategy_schema import Strategy
from tests.support.map_data import strategy


@pytest.mark.parametrize("name", LIVE)
def test_published_schema_is_current(name) -> None:
    assert published_live_schema(name) == live_schema(name), f"write schemas/{name}.schema.json anew"


def test_contract_of_the_design() -> None:
    assert {"schema", "state", "dataset", "frames", "columns", "useful_range"} <= set(
        live_schema("look-1")["properties"]
    )
    assert {"schema", "state", "score", "maps", "positions"} <= set(live_schema("map-1")["properties"])


def test_a_strategy_holds_what_is_typed_in() -> None:
    plan = live_schema("strategy-1")["$defs"]["CollectionPlan"]
    typed = {"start_deg", "range_deg", "width_deg", "frames", "exposure_s", "transmission", "distance_mm"}
    assert typed | {"resolution", "total_s"} <= set(plan["required"])
    assert {"completeness", "multiplicity", "i_over_sigma", "dose_mgy"} <= set(plan["properties"])


def test_a_strategy_is_read_as_it_was_written() -> None:
    made = strategy()
    assert Strategy.model_validate_json(made.to_json()) == made


@pytest.mark.parametrize(
    "change", [{"transmission": 35.0}, {"exposure_s": 0.0}, {"frames": 0}, {"axis": "omega"}]
)
def test_a_plan_that_makes_no_sense_is_none(change) -> None:
    plan = strategy().recommendation.model_dump()
    with pytest.raises(ValidationError):
        strategy(recommendation=plan | change)
