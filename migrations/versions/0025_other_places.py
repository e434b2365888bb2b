"""Where people are beside their own place"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Nobody has said of another place so far."""
    op.add_column("subscriber", sa.Column("places", sa.String(), server_default="", nullable=False))
    op.create_table(
        "subscriber_place",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("postcode", sa.String(), server_default="", nullable=False),
        sa.Column("lat", sa.Float()),
        sa.Column("lon", sa.Float()),
        sa.Column("uncertainty_m", sa.Integer()),
        sa.Column("area", sa.String()),
        sa.Column("until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscriber_place"),
        sa.UniqueConstraint("subscriber_id", "no", name="uq_subscriber_place"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_subscriber_place_change", "subscriber_place", ["change"])
