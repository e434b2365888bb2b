"""The mark that every write of the registry leaves and the matching index follows (rule R7),
and the lock of who writes many people.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from broadcast.store.database import count_up, lock_name


def next_change(conn: Connection) -> int:
    """Return the mark for what this transaction writes: on PostgreSQL its own id, on SQLite the
    next of a counter (rule R7).
    """
    if conn.dialect.name == "postgresql":
        return int(conn.execute(text("SELECT pg_current_xact_id()::text::bigint")).scalar_one())
    return count_up(conn, "registry_change")


def take_turn(conn: Connection) -> None:
    """Keep others who bring people in, erase them or move many waiting until this transaction ends.

    An import locks people in whatever order the database finds them. Whoever locks people as well
    takes this lock before the first of them: else the two would wait for each other for ever.
    """
    lock_name(conn, "subscriber import")
