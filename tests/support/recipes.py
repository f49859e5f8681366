"""Recipes and the stand-in programs they call."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

RECORD = """
import json, os, pathlib, sys
pathlib.Path("argv.json").write_text(json.dumps(sys.argv[1:]))
"""
"""Body of a program that writes down its arguments in its working directory."""


def leaving(files: Mapping[str, str]) -> str:
    """Body of a program that also leaves files, in its output directory: path to text."""
    return (
        RECORD
        + f"""
for name, text in json.loads({json.dumps(json.dumps(dict(files)))}).items():
    pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(name).write_text(text)
"""
    )


def write_program(path: Path, body: str = RECORD) -> Path:
    """An executable Python program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(body)}")
    path.chmod(0o755)
    return path


def write_recipe(directory: Path, name: str = "tool", body: str = RECORD, **keys: object) -> Path:
    """A recipe whose program is written beside it; keys are given as TOML can express JSON values."""
    program = write_program(directory / f"{name}.py", body)
    values = {"name": name, "command": [str(program), "{master}"], **keys}
    lines = [f"{key} = {toml(value)}" for key, value in values.items()]
    path = directory / f"{name}.toml"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o644)
    return path


def toml(value: object) -> str:
    """A value as inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value)
