"""Each attempt names its provider: adapter and account"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ADAPTER = (
    "CASE WHEN channel IN ('sms', 'voice') THEN 'twilio'"
    " WHEN channel = 'email' THEN 'smtp' ELSE channel END"
)


def upgrade() -> None:
    """Bring the schema forward. Which account sent is not known any more: the adapter alone is."""
    for table in ("slice", "outcome", "receipt"):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("provider", sa.String(), nullable=False, server_default=""))
    op.execute(f"UPDATE slice SET provider = {_ADAPTER}")
    op.execute(f"UPDATE outcome SET provider = {_ADAPTER}")
    op.execute("UPDATE receipt SET provider = 'twilio' WHERE source IN ('callback', 'look_up')")
