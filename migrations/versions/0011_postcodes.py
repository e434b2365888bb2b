"""Where postcodes lie, and how far round one somebody may be who gave no more"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Every place so far was given as such."""
    op.create_table(
        "postcode",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("uncertainty_m", sa.Integer(), nullable=False),
        sa.Column("ward", sa.String(), server_default="", nullable=False),
        sa.Column("district", sa.String(), server_default="", nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_postcode")),
    )
    op.add_column("subscriber", sa.Column("uncertainty_m", sa.Integer(), nullable=True))
