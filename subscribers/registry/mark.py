"""The mark that every write of the registry leaves and the matching index follows (rule R7)."""

from __future__ import annotations

from sqlalchemy import Connection, text

from broadcast.store.database import count_up


def next_change(conn: Connection) -> int:
    """Return the mark for what this transaction writes: on PostgreSQL its own id, on SQLite the
    next of a counter (rule R7).
    """
    if conn.dialect.name == "postgresql":
        return int(conn.execute(text("SELECT pg_current_xact_id()::text::bigint")).scalar_one())
    return count_up(conn, "registry_change")
