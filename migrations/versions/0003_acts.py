"""Grants, the random part of a hash, the margin, the reason of a cancel, the digest of a resend"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; what stands there keeps its meaning without them."""
    op.add_column("operator", sa.Column("may_set", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("version", sa.Column("salt", sa.LargeBinary(), nullable=True))
    op.add_column("version", sa.Column("margin", sa.Integer(), nullable=True))
    op.add_column("version", sa.Column("cancel_reason", sa.String(), nullable=True))
    op.add_column("resend", sa.Column("digest", sa.String(), nullable=True))
    # An order from before has no digest and so cannot be approved any more: it is ordered anew.
    op.execute("UPDATE resend SET state = 'rejected' WHERE state = 'pending_approval'")
