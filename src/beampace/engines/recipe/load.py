"""Reading recipes: only from places that were configured, only files that strangers cannot change."""

from __future__ import annotations

import hashlib
import os
import stat
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.engines.recipe.model import Recipe

MOST_BYTES = 200_000
SUFFIX = ".toml"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A recipe and the file it was read from.

    Attributes:
        recipe: what it says.
        path: of the file, symbolic links resolved.
        sha256: of its content.
    """

    recipe: Recipe
    path: Path
    sha256: str


def load_recipe(path: Path, never_below: Iterable[Path] = (), sha256: str = "") -> Loaded:
    """Read one recipe.

    Args:
        path: the file.
        never_below: directories, such as a beamtime's, in which no recipe is trusted.
        sha256: of its content as somebody vouches for it who has looked at its rights; then it may belong to
            another account, as the daemon's recipes do where jobs run as the account of the beamtime.

    Raises:
        InputError: it cannot be read, is not a recipe, or could have been changed by others (bad_request).
    """
    real = _resolved(path)
    for root in never_below:
        if real.is_relative_to(root.resolve()):
            raise failure(Failure.BAD_REQUEST, f"The recipe {real} lies in data of a beamtime ({root}).")
    text, found = _read(real)
    digest = hashlib.sha256(text).hexdigest()
    if digest != sha256:
        _check_directories(path.absolute(), real)
        _check_rights(real, found)
    try:
        recipe = Recipe.model_validate(tomllib.loads(text.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise failure(Failure.BAD_REQUEST, f"The recipe {real} is no TOML: {error}.") from error
    except ValidationError as error:
        raise failure(Failure.BAD_REQUEST, f"The recipe {real}: {_words(error)}.") from error
    return Loaded(recipe, real, digest)


def list_recipes(
    directories: Iterable[Path], never_below: Iterable[Path] = ()
) -> tuple[dict[str, Loaded], list[BeampaceError]]:
    """Recipes by name, and what is wrong with those that cannot be used.

    The first recipe of a name counts; another one of the same name is an error.
    """
    found: dict[str, Loaded] = {}
    wrong: list[BeampaceError] = []
    roots = tuple(never_below)
    for path in _files(directories, wrong):
        try:
            loaded = load_recipe(path, roots)
        except BeampaceError as error:
            wrong.append(error)
            continue
        before = found.setdefault(loaded.recipe.name, loaded)
        if before.path != loaded.path:
            detail = f"The recipe {path}: name: {loaded.recipe.name!r} is taken by {before.path}."
            wrong.append(failure(Failure.BAD_REQUEST, detail))
    return found, wrong


def _files(directories: Iterable[Path], wrong: list[BeampaceError]) -> list[Path]:
    paths: list[Path] = []
    for directory in directories:
        try:
            paths += sorted(path for path in directory.iterdir() if path.suffix == SUFFIX)
        except OSError as error:
            wrong.append(_unreadable(directory, error))
    return paths


def _resolved(path: Path) -> Path:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise _unreadable(path, error) from error


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    """The content, and the rights of the very file it came from."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            found = os.fstat(stream.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
                raise failure(Failure.BAD_REQUEST, f"The recipe {path} is no ordinary, small file.")
            return stream.read(MOST_BYTES), found
    except OSError as error:
        raise _unreadable(path, error) from error


def _check_directories(path: Path, real: Path) -> None:
    """Look at all directories on the way to a recipe, also behind a link: one is enough to change it."""
    for directory in dict.fromkeys((*path.parents, *real.parents)):
        try:
            _check_rights(directory, directory.stat())
        except OSError as error:
            raise _unreadable(directory, error) from error


def _check_rights(path: Path, found: os.stat_result) -> None:
    """Stop at what others than root and this account can change.

    In a directory with the sticky bit they cannot: they may add to it, and replace only what is theirs.
    """
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid not in (0, os.geteuid()):
        raise failure(
            Failure.BAD_REQUEST,
            f"{path} belongs to another account (uid {found.st_uid}); a recipe is a program that is run.",
            f"Give it to root or to uid {os.geteuid()}, or keep recipes elsewhere.",
        )
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    if found.st_mode & (stat.S_IWOTH | stat.S_IWGRP) and not sticky:
        raise failure(
            Failure.BAD_REQUEST,
            f"{path} can be written by others than its owner (mode {mode:o}); "
            "a recipe is a program that is run.",
            f"Close it: chmod go-w {path}",
        )


def _unreadable(path: Path, error: Exception) -> BeampaceError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return failure(Failure.BAD_REQUEST, f"The recipe {path} cannot be read: {reason}.")


def _words(error: ValidationError) -> str:
    parts = error.errors(include_url=False, include_input=False)
    return "; ".join(
        f"{'.'.join(str(step) for step in part['loc'])}: {part['msg']}".lstrip(": ") for part in parts
    )
