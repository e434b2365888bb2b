"""Planned exercises: what the public is told beforehand"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "planned_exercise",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("area_name", sa.String(), nullable=False),
        sa.Column("starts_at", moment, nullable=False),
        sa.Column("ends_at", moment, nullable=False),
        sa.Column("planned_by", sa.Integer(), nullable=False),
        sa.Column("planned_at", moment, nullable=False),
        sa.Column("approved_by", sa.Integer(), nullable=True),
        sa.Column("approved_at", moment, nullable=True),
        sa.Column("cancelled_by", sa.Integer(), nullable=True),
        sa.Column("cancelled_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_exercise")),
        sa.ForeignKeyConstraint(
            ["planned_by"], ["operator.id"], name=op.f("fk_planned_exercise_planned_by_operator")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_planned_exercise_ends", "planned_exercise", ["ends_at"])
