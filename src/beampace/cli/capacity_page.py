"""The reference page of the description `beampace capacity` takes, made from its records."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from beampace.plan.capacity_model.description import (
    ClusterTable,
    CollectionTable,
    CostTable,
    Description,
    EngineTable,
)

HEAD = """# Description of a beamtime

The TOML file `beampace capacity` simulates: see [how many nodes](../how-to/capacity.md).
`beampace capacity NAME --print` prints those that are shipped, `beampace capacity --schema` the
[JSON schema](capacity.schema.json). `[[rules]]` are those of the [daemon's configuration](configuration.md);
by default the daemon's own. A key that is not listed here is an error.
"""

TABLES: dict[str, type[BaseModel]] = {
    "Top level": Description,
    "[cluster]": ClusterTable,
    "[[collections]]": CollectionTable,
    "[[costs]]": CostTable,
    "[engines.NAME]": EngineTable,
}
_SHOWN_BELOW = frozenset({"cluster", "collections", "costs", "engines", "rules"})


def capacity_page() -> str:
    """The page: a table of keys per table of the file."""
    parts = [HEAD]
    for name, model in TABLES.items():
        fields = [(key, field) for key, field in model.model_fields.items() if not _below(model, key)]
        rows = [
            f"| `{field.alias or key}` | {_default(field)} | {' '.join((field.description or '').split())} |"
            for key, field in fields
        ]
        parts += [f"## {name}", "", "| key | default | what it is |", "|---|---|---|", *rows, ""]
    return "\n".join(parts)


def _below(model: type[BaseModel], key: str) -> bool:
    """Whether a key has a table of its own on the page."""
    return model is Description and key in _SHOWN_BELOW


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.default
    text = str(list(value)) if isinstance(value, tuple) else str(value)
    return "" if value is None or text in ("", "[]", "{}") else f"`{text}`"
