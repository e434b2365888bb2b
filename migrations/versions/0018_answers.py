"""What people answer, sealed; the column that was to hold their words was never used"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Answers that came before were never kept: there are none to
    move.
    """
    op.create_table(
        "answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("joined", sa.String(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=True),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("attempt", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("simulated", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("mark", sa.String(), server_default="", nullable=False),
        sa.Column("urgent", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("ack_key", sa.String(), nullable=True),
        sa.Column("first_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer")),
        sa.UniqueConstraint("digest", name=op.f("uq_answer_digest")),
        sa.UniqueConstraint("ack_key", name=op.f("uq_answer_ack_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_answer_message", "answer", ["message_id", "id"])
    op.create_index("ix_answer_mark", "answer", ["mark"])
    op.create_index("ix_answer_urgent", "answer", ["urgent", "first_read_at"])
    op.drop_column("response", "sealed")
