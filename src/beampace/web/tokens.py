"""Bearer tokens: which programs may read, announce, or act as staff do."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

MIN_LENGTH = 24
MAX_BYTES = 65536

_HEAD = "# Tokens of the HTTP interface, ROLE[,ROLE] TOKEN; roles: announce, read, act. Keep mode 0600.\n"


class Role(StrEnum):
    """What the bearer of a token may do."""

    ANNOUNCE = "announce"
    READ = "read"
    ACT = "act"
    """As staff: reads, reprocesses and cancels."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Hashes of tokens and what each allows; the tokens themselves are not kept."""

    roles_of: tuple[tuple[bytes, frozenset[Role]], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, tokens: Iterable[tuple[str, Iterable[Role]]]) -> Tokens:
        """From tokens and their roles."""
        return cls(tuple((_hash(token), frozenset(roles)) for token, roles in tokens))

    def roles(self, token: str) -> frozenset[Role] | None:
        """What `token` allows, or None when it is unknown; takes as long for every token."""
        asked, found = _hash(token), None
        for known, roles in self.roles_of:
            if hmac.compare_digest(asked, known):
                found = roles
        return found


def read_tokens(path: Path) -> Tokens:
    """Read a token file: one `ROLE[,ROLE] TOKEN` per line, `#` begins a comment.

    Raises:
        InputError: a line is wrong, or others may read the file (bad_request); never quotes a token.
    """
    try:
        with path.open("rb") as file:
            _refuse_open_file(path, os.fstat(file.fileno()))
            text = file.read(MAX_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise failure(
            Failure.BAD_REQUEST,
            f"The token file {path} cannot be read: {why}.",
            "Make it with `beampace config tokens`, or name another one as [http] tokens.",
        ) from error
    lines = [(number, line.split("#", 1)[0].split()) for number, line in enumerate(text.splitlines(), 1)]
    return Tokens.of(_parsed(path, number, words) for number, words in lines if words)


def create_tokens(path: Path) -> None:
    """Write a token file with one new token per role, unless there is one.

    Raises:
        OSError: it cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(_HEAD + "".join(f"{role} {secrets.token_urlsafe(32)}\n" for role in Role))


def _refuse_open_file(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in (os.geteuid(), 0):
        raise failure(
            Failure.BAD_REQUEST,
            f"The token file {path} belongs to another user (uid {status.st_uid}).",
            f"Make it your own: chown it to uid {os.geteuid()}.",
        )
    if not stat.S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise failure(
            Failure.BAD_REQUEST,
            f"The token file {path} has mode {mode:04o}: others may use it.",
            f"Set its mode: chmod 600 {path}; then make new tokens, they may be known.",
        )


def _parsed(path: Path, number: int, words: list[str]) -> tuple[str, tuple[Role, ...]]:
    where = f"The token file {path}, line {number}:"
    if len(words) != 2:
        raise failure(Failure.BAD_REQUEST, f"{where} it is not `ROLE TOKEN`.")
    names, token = words
    unknown = [name for name in names.split(",") if name not in set(Role)]
    if unknown:
        raise failure(Failure.BAD_REQUEST, f"{where} {unknown[0]!r} is no role; there are {', '.join(Role)}.")
    if len(token) < MIN_LENGTH:
        raise failure(Failure.BAD_REQUEST, f"{where} the token has fewer than {MIN_LENGTH} characters.")
    return token, tuple(Role(name) for name in names.split(","))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
