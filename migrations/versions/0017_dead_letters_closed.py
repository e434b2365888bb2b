"""Dead letters are closed: when, by whom, why"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("parked", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("parked", sa.Column("closed_by", sa.String(), nullable=False, server_default=""))
    op.add_column("parked", sa.Column("why", sa.Text(), nullable=False, server_default=""))
