"""What became of a contact point: opted out, bounced, and since when it is the one in use"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from broadcast.store.database import UtcDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Of points so far nothing of the kind is known."""
    for name in ("opted_out_at", "bounced_at", "bounce_told_at", "used_since"):
        op.add_column("contact_point", sa.Column(name, UtcDateTime))
    op.add_column(
        "contact_point", sa.Column("bounced_code", sa.String(), server_default="", nullable=False)
    )
    op.create_index(
        "ix_contact_point_bounced",
        "contact_point",
        ["subscriber_id"],
        sqlite_where=sa.text("bounced_at IS NOT NULL"),
        postgresql_where=sa.text("bounced_at IS NOT NULL"),
    )
    key = ["subscriber_id", "channel", "address_mark"]  # several addresses of one channel
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("pk_contact_confirmed", "contact_confirmed")
        op.create_primary_key("pk_contact_confirmed", "contact_confirmed", key)
    else:
        op.rename_table("contact_confirmed", "contact_confirmed_before")
        op.drop_index("ix_contact_confirmed_address_mark")
        op.create_table(
            "contact_confirmed",
            sa.Column("subscriber_id", sa.Integer, nullable=False),
            sa.Column("channel", sa.String, nullable=False),
            sa.Column("address_mark", sa.String, nullable=False),
            sa.Column("at", UtcDateTime, nullable=False),
            sa.PrimaryKeyConstraint(*key),
        )
        op.create_index("ix_contact_confirmed_address_mark", "contact_confirmed", ["address_mark"])
        op.execute("INSERT INTO contact_confirmed SELECT * FROM contact_confirmed_before")
        op.drop_table("contact_confirmed_before")
    op.create_index(
        "ix_outcome_failed",
        "outcome",
        ["at"],
        sqlite_where=sa.text("state = 'failed'"),
        postgresql_where=sa.text("state = 'failed'"),
    )
