"""Who was erased, as keyed marks; which person a kept answer is about"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Kept answers that tell of a person hold numbers in clear, and are
    forgotten: who repeats the request is told that the person is there already.
    """
    op.create_table(
        "erased_mark",
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mark", "key_id", name=op.f("pk_erased_mark")),
    )
    op.add_column("idempotency", sa.Column("person", sa.Integer(), nullable=True))
    op.execute("""DELETE FROM idempotency WHERE body LIKE '{"id": %, "external_id": %'""")
    op.create_index("ix_idempotency_person", "idempotency", ["person"])
