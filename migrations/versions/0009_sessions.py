"""Sessions in a browser, and links that open one"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    for name, columns in (
        (
            "session",
            (
                sa.Column("proof", sa.String(), nullable=False),
                sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
                sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
                sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
            ),
        ),
        (
            "one_time_link",
            (
                sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
                sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
                sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
            ),
        ),
    ):
        op.create_table(
            name,
            sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
            sa.Column("kind", sa.String(), nullable=False),
            sa.Column("holder_id", sa.Integer(), nullable=False),
            sa.Column("secret_hash", sa.String(), nullable=False),
            *columns,
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
            sa.UniqueConstraint("secret_hash", name=op.f(f"uq_{name}_secret_hash")),
            sqlite_autoincrement=True,
        )
        op.create_index(f"ix_{name}_holder", name, ["kind", "holder_id"])
