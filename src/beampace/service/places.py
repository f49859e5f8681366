"""Where the daemon keeps what is its own."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

STATE_DIR_VARIABLE = "BEAMPACE_STATE_DIR"
CONFIG_VARIABLE = "BEAMPACE_CONFIG"
SOCKET = "control.sock"
TOKENS = "tokens"


def state_directory(
    given: Path | None = None, config: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Path:
    """The daemon's own directory, absolute; it need not exist.

    The first of: the option, `BEAMPACE_STATE_DIR`, `state_dir` of the configuration file (the option's, else
    `BEAMPACE_CONFIG`'s), `$XDG_STATE_HOME/beampace`, `~/.local/state/beampace`.

    Raises:
        InputError: the configuration file cannot be read (bad_request).
    """
    config = config or _named(environment, CONFIG_VARIABLE)
    chosen = given or _named(environment, STATE_DIR_VARIABLE) or (config and _configured(config))
    if chosen:
        return chosen.expanduser().absolute()
    return default_state_dir(environment)


def default_state_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_STATE_HOME/beampace`, else `~/.local/state/beampace`."""
    home = environment.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(home).expanduser().absolute() / "beampace"


def socket_path(state_dir: Path) -> Path:
    """The socket at which the daemon takes requests."""
    return state_dir / SOCKET


def _named(environment: Mapping[str, str], variable: str) -> Path | None:
    value = environment.get(variable, "")
    return Path(value) if value else None


def _configured(config: Path) -> Path | None:
    """`state_dir` of a configuration file; whatever else is in it is the daemon's business."""
    try:
        content = tomllib.loads(config.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise failure(Failure.BAD_REQUEST, f"The configuration {config} cannot be read: {error}.") from error
    value = content.get("state_dir", "")
    if not isinstance(value, str):
        raise failure(Failure.BAD_REQUEST, f"The configuration {config}: state_dir is not a path in quotes.")
    return config.absolute().parent / Path(value).expanduser() if value else None
