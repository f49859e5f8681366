"""The published forms of look.json and map.json."""

from __future__ import annotations

import pytest

from beampace.results.published_live import LIVE, live_schema, published_live_schema


@pytest.mark.parametrize("name", LIVE)
def test_published_schema_is_current(name) -> None:
    assert published_live_schema(name) == live_schema(name), f"write schemas/{name}.schema.json anew"


def test_contract_of_the_design() -> None:
    assert {"schema", "state", "dataset", "frames", "columns", "useful_range"} <= set(
        live_schema("look-1")["properties"]
    )
    assert {"schema", "state", "score", "maps", "positions"} <= set(live_schema("map-1")["properties"])
