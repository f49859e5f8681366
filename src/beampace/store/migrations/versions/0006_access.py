"""Access: links and wall screens, passwords, sessions, and the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key() -> sa.Column[int]:
    return sa.Column("id", _number(), autoincrement=True, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length) if length else sa.Text(), nullable=False)


def upgrade() -> None:
    """Nobody has access before; bearer tokens are not kept here."""
    op.create_table(
        "passes",
        _key(),
        _text("token", 64),
        _text("kind", 10),
        _text("role", 10),
        _text("beamtime", 200),
        _text("group"),
        _moment("made"),
        _moment("expires"),
        _moment("used", nullable=True),
        _moment("revoked", nullable=True),
        _text("note"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passes")),
        sa.UniqueConstraint("token", name=op.f("uq_passes_token")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "passwords",
        _text("beamtime", 200),
        _text("group"),
        _text("hash"),
        _moment("since"),
        sa.PrimaryKeyConstraint("beamtime", "group", name=op.f("pk_passwords")),
    )
    op.create_table(
        "sessions",
        _key(),
        _text("secret", 64),
        _text("kind", 10),
        _text("beamtime", 200),
        _text("group"),
        _text("way", 10),
        sa.Column("pass", _number(), nullable=True),
        _moment("begun"),
        _moment("expires"),
        _moment("ended", nullable=True),
        _text("address"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("secret", name=op.f("uq_sessions_secret")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit",
        _key(),
        _moment("at"),
        _text("viewer", 10),
        _text("beamtime", 200),
        _text("group"),
        _text("session", 20),
        _text("address"),
        _text("deed", 50),
        _text("what"),
        _text("detail"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_beamtime_id", "audit", ["beamtime", "id"])
