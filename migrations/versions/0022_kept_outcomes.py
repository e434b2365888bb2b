"""Who stands where, kept as bitmaps beside the outcomes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_SUMS = ("claimed", "accepted", "failed", "in_doubt", "skipped", "waiting")


def upgrade() -> None:
    """Bring the schema forward. Nothing is kept of slices so far: it is made from their rows."""
    op.create_table(
        "kept_pass",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("asked", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in _SUMS),
        sa.PrimaryKeyConstraint("version_id", "generation", "channel", name="pk_kept_pass"),
    )
    op.create_table(
        "kept_outcome",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "version_id",
            "generation",
            "channel",
            "state",
            "code",
            "part",
            name="pk_kept_outcome",
        ),
    )
    op.add_column("slice", sa.Column("kept_at", sa.DateTime(timezone=True)))
    op.add_column("slice", sa.Column("counted", sa.Boolean(), server_default="0", nullable=False))
    op.create_index(
        "ix_slice_not_kept",
        "slice",
        ["version_id"],
        sqlite_where=sa.text("kept_at IS NULL"),
        postgresql_where=sa.text("kept_at IS NULL"),
    )
