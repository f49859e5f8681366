"""From a TOML file and the environment to settings, and where each value came from."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.service.places import CONFIG_VARIABLE, default_state_dir
from beampace.service.settings import ENVIRONMENT_PREFIX, Settings

_SECRET = ("store", "results.hooks")
"""Beginnings of keys whose values may hold passwords and are never quoted."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings, the file they come from (or None), and key -> origin of each value."""

    settings: Settings
    file: Path | None
    origins: Mapping[str, str]


def load(file: Path | None, environ: Mapping[str, str] | None = None) -> Configuration:
    """Read the configuration.

    Args:
        file: the TOML file, or None for `$BEAMPACE_CONFIG`, or nothing but defaults.
        environ: environment variables; None for those of this process.

    Raises:
        InputError: the file cannot be read or a key is wrong; file and key are named (bad_request).
    """
    environ = os.environ if environ is None else environ
    file = file or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    from_file = {} if file is None else _table(file)
    from_environment = _environment(environ)
    merged = _merged(from_file, from_environment)
    merged.setdefault("state_dir", str(default_state_dir(environ)))
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:  # not chained: it holds the input, which may hold a password
        raise _explained(error, file, from_environment) from None
    return Configuration(
        _absolute(settings, file), file, dict(_origins(settings, file, from_file, from_environment))
    )


def _table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise failure(
            Failure.BAD_REQUEST, f"The configuration {file} cannot be read: {error.strerror}."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise failure(
            Failure.BAD_REQUEST,
            f"{file} is not a TOML file: {error}.",
            "Correct that line; `beampace config schema` lists every key.",
        ) from error


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The values that environment variables give, as a tree; empty ones count as not given."""
    given = {name: value for name, value in environ.items() if name.startswith(ENVIRONMENT_PREFIX) and value}
    known = {f"{ENVIRONMENT_PREFIX}{name}".lower() for name in Settings.model_fields}
    chosen = {k.lower(): v for k, v in given.items() if k.lower().split("__")[0] in known}
    source = EnvSettingsSource(Settings, env_ignore_empty=True)
    source.env_vars = chosen
    try:
        return dict(source())
    except SettingsError as error:  # its cause holds the value
        raise failure(
            Failure.BAD_REQUEST,
            f"the environment: {error}.",
            f"Give single keys of a table, such as {ENVIRONMENT_PREFIX}CLUSTER__CORES, or the table as JSON.",
        ) from None


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(base)
    for key, value in over.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _explained(error: ValidationError, file: Path | None, environment: Mapping[str, Any]) -> BeampaceError:
    """Every wrong key with what is wrong about it."""
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        place = "the environment" if _has(environment, fault["loc"]) else str(file or "the defaults")
        lines.append(f"{place}: {key}: {_words(fault, key)}.")
    hint = "Correct the named keys; `beampace config schema` lists what each takes."
    return failure(Failure.BAD_REQUEST, " ".join(lines), hint)


def _words(fault: Any, key: str) -> str:
    if fault["type"] != "extra_forbidden":
        return f"{fault['msg']}{_quoted(fault['input'], key)}"
    names = [name for name, _ in _leaves(Settings(), "")]
    close = difflib.get_close_matches(key, names, 1, 0.6)
    return "there is no such key" + (f"; is {close[0]} meant?" if close else "")


def _quoted(value: Any, key: str) -> str:
    """What was given instead, unless it may hold a secret; of a table only that it is one."""
    if key.startswith(_SECRET) or not isinstance(value, str | int | float | bool):
        return ""
    return f", not {value!r}"


def _has(tree: Any, path: tuple[int | str, ...]) -> bool:
    for part in path:
        if not isinstance(tree, Mapping) or part not in tree:
            return False
        tree = tree[part]
    return True


def _absolute(settings: Settings, file: Path | None) -> Settings:
    """Settings whose `state_dir` is absolute; relative to the file that names it."""
    state = settings.state_dir.expanduser()
    base = file.resolve().parent if file else Path.cwd()
    return settings.model_copy(update={"state_dir": base / state})


def _leaves(model: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if hasattr(type(value), "model_fields"):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def values(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Every key, dotted, with its value; secrets are masked."""
    return _leaves(settings, "")


def _origins(
    settings: Settings, file: Path | None, from_file: Mapping[str, Any], environment: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    for key, _ in _leaves(settings, ""):
        path = tuple(key.split("."))
        if _has(environment, path):
            yield key, "environment " + ENVIRONMENT_PREFIX + "__".join(path).upper()
        elif _has(from_file, path):
            yield key, str(file)
        else:
            yield key, "default"
