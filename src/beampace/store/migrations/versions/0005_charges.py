"""What an attempt cost by the cluster's own accounts; attempts found by when they ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is known of the attempts before."""
    with op.batch_alter_table("attempts") as batch:
        batch.add_column(sa.Column("charged_core_seconds", sa.Float(), nullable=True))
    op.create_index("ix_attempts_ended", "attempts", ["ended"])
