"""People who register by themselves: forms under way, budgets of codes, confirmed contacts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    at = sa.DateTime(timezone=True)
    op.create_table(
        "registration",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("area", sa.String(), server_default="", nullable=False),
        sa.Column("postcode", sa.String(), server_default="", nullable=False),
        sa.Column("topics", sa.String(), server_default="", nullable=False),
        sa.Column("channel", sa.String(), server_default="", nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("address_mark", sa.String(), server_default="", nullable=False),
        sa.Column("prefix_mark", sa.String(), server_default="", nullable=False),
        sa.Column("codes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.String(), server_default="", nullable=False),
        sa.Column("code_hash", sa.String(), nullable=True),
        sa.Column("code_expires_at", at, nullable=True),
        sa.Column("made_at", at, nullable=False),
        sa.Column("expires_at", at, nullable=False),
        sa.Column("done_at", at, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_registration_secret_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_registration_state", "registration", ["state"])
    op.create_index("ix_registration_expires_at", "registration", ["expires_at"])
    op.create_table(
        "sign_up_count",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("span", sa.String(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("expires_at", at, nullable=False),
        sa.PrimaryKeyConstraint("name", "span", name=op.f("pk_sign_up_count")),
    )
    op.create_index("ix_sign_up_count_expires_at", "sign_up_count", ["expires_at"])
    op.create_table(
        "contact_confirmed",
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address_mark", sa.String(), nullable=False),
        sa.Column("at", at, nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", "channel", name=op.f("pk_contact_confirmed")),
    )
    op.create_index("ix_contact_confirmed_address_mark", "contact_confirmed", ["address_mark"])
