"""The schema of `result.json` as it is published: a JSON schema file and a page of the reference."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

from beampace.results.schema import SCHEMA, Result

Schema = dict[str, Any]


def json_schema() -> Schema:
    """The JSON schema (draft 2020-12) of `result.json`, made from the models."""
    made = Result.model_json_schema(mode="serialization", by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"beampace/{SCHEMA}"}
    return {**head, **made}


def schema_text() -> str:
    """The text of the published file."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def published_schema() -> Schema:
    """The schema as it was published with this version of the package."""
    path = resources.files("beampace.results") / "schemas" / f"{SCHEMA}.schema.json"
    found: Schema = json.loads(path.read_text(encoding="utf-8"))
    return found


def schema_page() -> str:
    """The reference page of `result.json`, one table per part, made from the schema."""
    schema = json_schema()
    parts = schema["$defs"]
    lines = [
        "# result.json",
        "",
        f"Schema `{SCHEMA}`, published as `beampace/results/schemas/{SCHEMA}.schema.json`. The file is",
        "written last; when it is there, the result is complete. Fractions run from 0 to 1, lengths are in",
        "angstrom, angles in degrees, times in seconds. What could not be determined is null; NaN is never",
        "written.",
        "",
        "## Result",
        "",
        schema["description"],
        "",
        *_table(schema, parts),
    ]
    for name in _order(schema, parts):
        lines += ["", f"## {name}", "", parts[name].get("description", ""), "", *_table(parts[name], parts)]
    return "\n".join(lines).rstrip() + "\n"


def _order(schema: Schema, parts: Schema) -> list[str]:
    """Names of the parts in the order in which the fields mention them."""
    found: list[str] = []

    def visit(node: Schema) -> None:
        for name in _references(node.get("properties", {})):
            if name not in found:
                found.append(name)
                visit(parts[name])

    visit(schema)
    return found


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield str(value).rsplit("/", 1)[-1]
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _table(node: Schema, parts: Schema) -> list[str]:
    rows = [
        f"| `{name}` | {type_text(field)} | {_meaning(field, parts)} |"
        for name, field in node["properties"].items()
    ]
    return ["| field | type | meaning |", "|---|---|---|", *rows]


def _meaning(field: Schema, parts: Schema) -> str:
    """The description of a field, or of the part it refers to, safe within a table."""
    part = parts.get(str(field.get("$ref", "")).rsplit("/", 1)[-1], {})
    text = str(field.get("description") or part.get("description", ""))
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def type_text(field: Schema) -> str:
    """A JSON schema type in a few words."""
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(type_text(option) for option in field["anyOf"])
    if "const" in field:
        return f'"{field["const"]}"'
    if field.get("type") == "array":
        return _array_text(field)
    if field.get("type") == "object":
        values = field.get("additionalProperties")
        return f"object of {type_text(values)}" if isinstance(values, dict) else "object"
    bounds = f" {field['minimum']} to {field['maximum']}" if "maximum" in field else ""
    return str(field.get("format") or field.get("type") or "any") + bounds


def _array_text(field: Schema) -> str:
    if "prefixItems" in field:
        return f"{len(field['prefixItems'])} x {type_text(field['prefixItems'][0])}"
    return f"list of {type_text(field.get('items', {}))}"
