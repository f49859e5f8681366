"""Which directory a beamtime's root is, and its name on the core file system: a root becomes another's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of older beamtimes nothing is known."""
    for name in ("root_id", "core_path"):
        op.add_column("beamtimes", sa.Column(name, sa.Text(), nullable=False, server_default=""))
