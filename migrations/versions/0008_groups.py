"""Communities and sectors are registered"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. What people, messages, levels and grants name already is registered
    as it is written there: nothing that was said stops being understood.
    """
    table = op.create_table(
        "community_or_sector",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False, server_default="{}"),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_community_or_sector")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_community_or_sector_kind_key")),
        sqlite_autoincrement=True,
    )
    found: dict[tuple[str, str], str] = {}
    for kind, name in _named(op.get_bind()):
        if name.strip():
            found.setdefault((kind, _folded(name)), name.strip())
    at = datetime.now(UTC)
    rows = [
        {"kind": kind, "key": key, "name": name, "names": "{}", "registered_at": at}
        for (kind, key), name in sorted(found.items())
    ]
    if rows:
        op.bulk_insert(table, rows)


def _named(conn: sa.Connection) -> Iterator[tuple[str, str]]:
    for column, kind in (("sectors", "sector"), ("communities", "community")):
        for joined in conn.execute(sa.text(f"SELECT DISTINCT {column} FROM subscriber")).scalars():
            yield from ((kind, name) for name in (joined or "").split(";"))
    scopes = set(conn.execute(sa.text("SELECT DISTINCT scope FROM level_fact")).scalars())
    for granted in conn.execute(sa.text("SELECT may_set FROM operator")).scalars():
        scopes.update(json.loads(granted))
    for stored in conn.execute(sa.text("SELECT content FROM version ORDER BY id")).scalars():
        content = json.loads(stored)
        scopes.add(content.get("scope") or "")
        audience = content.get("audience", {})
        for column, kind in (("sectors", "sector"), ("communities", "community")):
            yield from ((kind, name) for name in audience.get(column, ()))
    for scope in sorted(scopes):
        kind, _, name = scope.partition(":")
        if kind in ("community", "sector"):
            yield kind, name


def _folded(name: str) -> str:
    return unicodedata.normalize(
        "NFC", " ".join(unicodedata.normalize("NFD", name).casefold().split())
    )
