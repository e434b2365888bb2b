"""The audit chain covers operators: those that are there are chained as they are found"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from broadcast.operators.audit import Head, chained, operator_digest
from broadcast.store.database import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    conn = op.get_bind()
    last = conn.execute(
        sa.text("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")
    ).one_or_none()
    query = sa.text(
        "SELECT id, name, role, area, email, may_set, token_hash, created_at "
        "FROM operator ORDER BY id"
    ).columns(created_at=UtcDateTime())
    found = [
        {
            "at": datetime.now(UTC),
            "kind": "admin",
            "actor": "fasttime",
            "action": "operators.found",
            "subject": str(row["id"]),
            "detail": f"name={row['name']} role={row['role']} area={row['area'] or ''}",
            "digest": operator_digest(dict(row)),
            "row_id": row["id"],
        }
        for row in conn.execute(query).mappings()
    ]
    if found:
        names = (
            "number",
            "kind",
            "actor",
            "action",
            "subject",
            "detail",
            "digest",
            "row_id",
            "previous",
            "hash",
        )
        audit = sa.table(
            "audit", sa.column("at", UtcDateTime()), *(sa.column(name) for name in names)
        )
        op.bulk_insert(audit, list(chained(found, Head(last.number, last.hash) if last else None)))
