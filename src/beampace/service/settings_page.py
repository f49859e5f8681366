"""The reference page of the configuration file, made from the settings themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from beampace.plan import Rule
from beampace.service.settings import Settings

HEAD = """# Configuration

One TOML file, given by `--config` or `BEAMPACE_CONFIG`. A variable `BEAMPACE_<SECTION>__<KEY>` overrides a
key of it, for instance `BEAMPACE_CLUSTER__CORES=96`. A key that is not listed here is an error.
`beampace config show --origin` says what holds and why, `beampace config verify` names what is wrong,
`beampace config schema` prints the [JSON schema](configuration.schema.json).
"""


def settings_page() -> str:
    """The page: a table per section, and the keys of a rule."""
    parts = [HEAD, "## Top level", *_table(_plain_fields(Settings), Settings())]
    for name, section in _sections(Settings(), ""):
        parts += ["", f"## [{name}]", *_table(_plain_fields(type(section)), section)]
    parts += [
        "",
        "## [[rules]]",
        "Any rule given replaces the default ones.",
        *_table(_plain_fields(Rule), None),
    ]
    return "\n".join(parts) + "\n"


def _sections(model: BaseModel, prefix: str) -> Iterator[tuple[str, BaseModel]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield f"{prefix}{name}", value
            yield from _sections(value, f"{prefix}{name}.")


def _plain_fields(model: type[BaseModel]) -> list[tuple[str, Any]]:
    return [(name, field) for name, field in model.model_fields.items() if not _is_section(field.default)]


def _is_section(default: object) -> bool:
    return isinstance(default, BaseModel)


def _table(fields: list[tuple[str, Any]], values: BaseModel | None) -> list[str]:
    rows = [
        f"| `{name}` | {_shown(name, field, values)} | {_one_line(field.description)} |"
        for name, field in fields
    ]
    return ["", "| key | default | what it is |", "|---|---|---|", *rows]


def _shown(name: str, field: Any, values: BaseModel | None) -> str:
    if field.is_required():
        return "required"
    value = field.default if values is None else getattr(values, name)
    text = str([_plain(one) for one in value]) if isinstance(value, tuple) else str(value)
    return "" if value is None or text in ("", "[]", "{}") else f"`{text}`"


def _plain(value: object) -> object:
    return value if isinstance(value, int | float) else str(value)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
