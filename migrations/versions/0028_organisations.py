"""Organisations are registered, and who acts for them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Nobody acts for an organisation so far."""
    op.create_table(
        "organisation",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("trade", sa.String(), nullable=False),
        sa.Column("size", sa.String(), nullable=False),
        sa.Column("sites", sa.String(), nullable=False, server_default=""),
        sa.Column("passes_on", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("external_id", name=op.f("uq_organisation_external_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_organisation_key_id"), "organisation", ["key_id"])
    op.create_table(
        "organisation_person",
        sa.Column("organisation_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subscriber_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("contact_for", sa.String(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint(
            "organisation_id", "subscriber_id", name=op.f("pk_organisation_person")
        ),
    )
    op.create_index(
        op.f("ix_organisation_person_subscriber_id"), "organisation_person", ["subscriber_id"]
    )
    op.add_column(
        "subscriber_place",
        sa.Column("acts_as", sa.String(), server_default="", nullable=False),
    )
