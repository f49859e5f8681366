"""The schemas of `look.json`, `map.json` and `strategy.json` as they are published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from beampace.results.look_schema import LOOK_SCHEMA, Look
from beampace.results.map_schema import MAP_SCHEMA, Map
from beampace.results.published import Schema
from beampace.results.schema import Model
from beampace.results.strategy_schema import STRATEGY_SCHEMA, Strategy

LIVE: Mapping[str, type[Model]] = MappingProxyType(
    {LOOK_SCHEMA: Look, MAP_SCHEMA: Map, STRATEGY_SCHEMA: Strategy}
)
"""Name of each schema of what urgent and live work leaves beside its result, and its model."""


def live_schema(name: str) -> Schema:
    """The JSON schema (draft 2020-12) of a name of `LIVE`, made from the model."""
    made = LIVE[name].model_json_schema(mode="serialization", by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"beampace/{name}"}
    return {**head, **made}


def live_schema_text(name: str) -> str:
    """The text of the published file."""
    return json.dumps(live_schema(name), indent=2, ensure_ascii=False) + "\n"


def published_live_schema(name: str) -> Schema:
    """The schema as it was published with this version of the package."""
    path = resources.files("beampace.results") / "schemas" / f"{name}.schema.json"
    found: Schema = json.loads(path.read_text(encoding="utf-8"))
    return found
