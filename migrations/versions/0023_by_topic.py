"""What people chose for single topics"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Nobody has chosen anything for single topics so far."""
    op.add_column(
        "subscriber", sa.Column("by_topic", sa.String(), server_default="", nullable=False)
    )
