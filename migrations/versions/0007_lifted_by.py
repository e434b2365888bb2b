"""A stop that was lifted says how"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Until now a stop could be lifted by text message only."""
    with op.batch_alter_table("stop") as batch:
        batch.add_column(sa.Column("lifted_by", sa.String(), nullable=True))
    op.execute("UPDATE stop SET lifted_by = 'sms_reply' WHERE lifted_at IS NOT NULL")
