"""What an attempt without a result left on the disk; who the ledger is and who works with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column and a table of one row."""
    with op.batch_alter_table("attempts") as batch:
        batch.add_column(sa.Column("n_bytes", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "holder",
        sa.Column("ledger", sa.String(length=32), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("ledger", name=op.f("pk_holder")),
    )
