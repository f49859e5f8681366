"""The address of a ledger: a file or a PostgreSQL URL, and how it is shown without secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure

LEDGER_FILE = "ledger.sqlite"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a ledger is.

    Attributes:
        url: for SQLAlchemy; may hold a password and is never shown.
        shown: for people.
        file: of a SQLite ledger, absolute; None for PostgreSQL.
    """

    url: URL = field(repr=False)
    shown: str
    file: Path | None = None


def address_of(where: str | Path) -> Address:
    """What a path or URL means.

    Args:
        where: path of a file, of a directory (then `ledger.sqlite` in it), `sqlite:///PATH`,
            `postgresql://...` or `postgresql+psycopg://...`.

    Raises:
        InputError: it is neither (bad_request).
    """
    text = str(where)
    if isinstance(where, Path) or "://" not in text:
        return _of_file(Path(text))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The text may hold a password: it is neither shown nor chained.
        raise _refusal("The URL of the ledger cannot be read.") from None
    if url.get_backend_name() == "sqlite" and url.database:
        return _of_file(Path(url.database))
    if url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise _refusal(f"A ledger cannot be kept in {url.drivername}.")
    return Address(url.set(drivername="postgresql+psycopg"), _shown(url))


def _of_file(path: Path) -> Address:
    file = path.expanduser().resolve()
    file = file / LEDGER_FILE if file.is_dir() else file
    return Address(URL.create("sqlite", database=str(file)), str(file), file)


def _shown(url: URL) -> str:
    """Host, port and database; the rest of a URL may hold secrets."""
    host = url.host or url.query.get("host") or "localhost"
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{host}{port}/{url.database or ''}"


def _refusal(detail: str) -> BeampaceError:
    hint = "Give a path on a local disk, or postgresql://USER@HOST/DATABASE."
    return failure(Failure.BAD_REQUEST, detail, hint)
