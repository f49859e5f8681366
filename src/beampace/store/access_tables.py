"""The tables of access: links and wall screens, passwords, sessions, and the audit.

Of what lets somebody in only a hash is kept. The audit is appended to and never changed.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table

from beampace.store.columns import Moment, Words, key_type
from beampace.store.tables import METADATA

passes = Table(
    "passes",
    METADATA,
    Column("id", key_type(), primary_key=True),
    Column("token", String(64), nullable=False, unique=True),
    Column("kind", String(10), nullable=False),
    Column("role", String(10), nullable=False),
    Column("beamtime", String(200), nullable=False),
    Column("group", Words, nullable=False),
    Column("made", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
    Column("used", Moment),
    Column("revoked", Moment),
    Column("note", Words, nullable=False),
    sqlite_autoincrement=True,
)

passwords = Table(
    "passwords",
    METADATA,
    Column("beamtime", String(200), primary_key=True),
    Column("group", Words, primary_key=True),
    Column("hash", Words, nullable=False),
    Column("since", Moment, nullable=False),
)

sessions = Table(
    "sessions",
    METADATA,
    Column("id", key_type(), primary_key=True),
    Column("secret", String(64), nullable=False, unique=True),
    Column("kind", String(10), nullable=False),
    Column("beamtime", String(200), nullable=False),
    Column("group", Words, nullable=False),
    Column("way", String(10), nullable=False),
    Column("pass", key_type()),
    Column("begun", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
    Column("ended", Moment),
    Column("address", Words, nullable=False),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    METADATA,
    Column("id", key_type(), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("viewer", String(10), nullable=False),
    Column("beamtime", String(200), nullable=False),
    Column("group", Words, nullable=False),
    Column("session", String(20), nullable=False),
    Column("address", Words, nullable=False),
    Column("deed", String(50), nullable=False),
    Column("what", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Index(None, "beamtime", "id"),
    sqlite_autoincrement=True,
)
