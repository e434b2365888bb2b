"""The audit chain; what was decided and done before it is chained in order"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from broadcast.operators.audit import chained, decision_digest
from broadcast.store.database import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward.

    Old rows become links one by one, in the order of their time, so that each is verified like a
    new one and what was approved before the upgrade can still be released. The first link says how
    many they were and when. What stood in admin_log stands in the chain whole, so that table goes.
    """
    audit = op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("row_id", sa.Integer(), nullable=True),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_row"), ["kind", "row_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_subject"), ["subject"], unique=False)
    conn = op.get_bind()
    old = sorted(
        [*_decisions(conn), *_acts(conn)], key=lambda link: (link["at"], link["row_id"] or 0)
    )
    if old:
        first = _link(
            datetime.now(UTC),
            "admin",
            "fasttime",
            "audit.began",
            "",
            f"{len(old)} rows found at the upgrade follow",
        )
        op.bulk_insert(audit, list(chained([first, *old], None)))
    op.drop_table("admin_log")


def _link(
    at: datetime,
    kind: str,
    actor: str,
    action: str,
    subject: str,
    detail: str,
    digest: str = "",
    row_id: int | None = None,
) -> dict[str, Any]:
    return {
        "at": at,
        "kind": kind,
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": detail,
        "digest": digest,
        "row_id": row_id,
    }


def _decisions(conn: sa.Connection) -> list[dict[str, Any]]:
    query = sa.text(
        "SELECT d.id, d.version_id, d.action, d.operator_id, d.at, d.revision, d.content_hash, "
        "d.count, d.why, d.content, v.message_id, v.number "
        "FROM decision d JOIN version v ON v.id = d.version_id"
    ).columns(at=UtcDateTime())
    return [
        _link(
            row["at"],
            "decision",
            "fasttime" if row["operator_id"] is None else f"operator {row['operator_id']}",
            row["action"],
            f"message {row['message_id']} version {row['number']}",
            "",
            decision_digest(row),
            row["id"],
        )
        for row in conn.execute(query).mappings()
    ]


def _acts(conn: sa.Connection) -> list[dict[str, Any]]:
    rows = conn.execute(
        sa.text("SELECT at, actor, action, subject, detail FROM admin_log").columns(
            at=UtcDateTime()
        )
    ).mappings()
    kinds = {"export": "export", "import": "admin", "add": "admin", "disable": "admin"}
    return [
        _link(
            row["at"],
            kinds.get(row["action"].rpartition(".")[2], "look_up"),
            row["actor"],
            row["action"],
            row["subject"],
            row["detail"],
        )
        for row in rows
    ]
