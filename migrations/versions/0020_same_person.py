"""Registrations that are one person, and as whom they get a message"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Nobody is joined by it; batches so far name no roles."""
    op.create_table(
        "same_person",
        sa.Column("subscriber_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("one", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_same_person")),
    )
    op.create_index("ix_same_person_one", "same_person", ["one"])
    op.add_column("batch", sa.Column("roles", sa.String(), server_default="", nullable=False))
