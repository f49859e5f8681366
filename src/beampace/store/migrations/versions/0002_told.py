"""Whether hooks were told of a result: a word of its own, so that a hook that is dead holds back no pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was published before was told, too."""
    told: sa.Column[bool] = sa.Column("told", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("results", told)
    results = sa.table("results", sa.column("told", sa.Boolean()), sa.column("published", sa.Boolean()))
    op.execute(sa.update(results).values(told=results.c.published))
    op.create_index(
        "ix_results_untold",
        "results",
        ["id"],
        sqlite_where=sa.text("told IS 0"),
        postgresql_where=sa.text("told IS false"),
    )
