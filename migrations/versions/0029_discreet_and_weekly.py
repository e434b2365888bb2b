"""Who is sent to discreetly, how many routine messages a week people take at most, and visits"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Nobody has asked for either so far."""
    for column in ("discreet", "most_a_week"):
        op.add_column(
            "subscriber", sa.Column(column, sa.String(), server_default="", nullable=False)
        )
    op.create_index(
        "ix_subscriber_discreet",
        "subscriber",
        ["id"],
        sqlite_where=sa.text("discreet = 'yes'"),
        postgresql_where=sa.text("discreet = 'yes'"),
    )
    for column in ("discreet", "visit_until"):
        op.add_column(
            "registration", sa.Column(column, sa.String(), server_default="", nullable=False)
        )
    op.create_index(
        "ix_subscriber_place_until",
        "subscriber_place",
        ["until"],
        sqlite_where=sa.text("until > 0"),
        postgresql_where=sa.text("until > 0"),
    )
    op.create_table(
        "weekly_use",
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["version.id"], name="fk_weekly_use_version_id_version"
        ),
        sa.PrimaryKeyConstraint("person_id", "version_id", name="pk_weekly_use"),
    )
    op.create_index("ix_weekly_use_at", "weekly_use", ["at"])
    op.create_index("ix_weekly_use_version", "weekly_use", ["version_id"])
