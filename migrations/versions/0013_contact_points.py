"""Contact points are rows; they and names are sealed"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_PAGE = 10_000


def upgrade() -> None:
    """Bring the schema forward. Names and addresses that stood in clear are sealed, all in this
    transaction: a key that cannot be had leaves everything as it was.
    """
    op.create_table(
        "contact_key",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_contact_key")),
    )
    op.create_table(
        "contact_point",
        sa.Column("subscriber_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("place_in_order", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("mark_0", sa.LargeBinary(), nullable=True),
        sa.Column("mark_1", sa.LargeBinary(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_how", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint(
            "subscriber_id", "kind", "place_in_order", name=op.f("pk_contact_point")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sealed_name",
        sa.Column("subscriber_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_sealed_name")),
    )
    op.add_column(
        "subscriber", sa.Column("reached_by", sa.String(), nullable=False, server_default="")
    )
    _seal(op.get_bind())
    for column in ("key_id", "mark_0", "mark_1"):
        op.create_index(f"ix_contact_point_{column}", "contact_point", [column])
    op.create_index("ix_sealed_name_key_id", "sealed_name", ["key_id"])
    for column in ("email", "mobile", "phone"):
        op.drop_index(f"ix_subscriber_{column}", "subscriber")
    for column in ("name", "email", "mobile", "phone"):
        op.drop_column("subscriber", column)
    if op.get_bind().dialect.name == "postgresql":
        # writes the table anew, so that the rows in clear go with the old file
        op.execute("CLUSTER subscriber USING pk_subscriber")
        op.execute("ALTER TABLE subscriber SET WITHOUT CLUSTER")


def _seal(conn: sa.Connection) -> None:
    from subscribers.contact import points

    after = 0
    page = sa.text(
        "SELECT id, name, email, mobile, phone FROM subscriber"
        " WHERE id > :after AND erased_at IS NULL ORDER BY id LIMIT :page"
    )
    while rows := conn.execute(page, {"after": after, "page": _PAGE}).all():
        after = rows[-1].id
        told = [
            (
                row.id,
                points.Known(
                    name=row.name,
                    addresses={
                        kind: address
                        for kind in ("email", "mobile", "phone")
                        if (address := getattr(row, kind))
                    },
                ),
            )
            for row in rows
        ]
        points.add(conn, told, "basis", datetime.now(UTC))
        conn.execute(
            sa.text("UPDATE subscriber SET reached_by = :kinds WHERE id = :id"),
            [{"id": person, "kinds": points.reached_by(known)} for person, known in told],
        )
