"""What tables hold."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select, text

from broadcast.store.database import Connection
from subscribers.registry.tables import subscriber


def registered(conn: Connection) -> int:
    """Return how many people are registered."""
    return conn.execute(select(func.count()).select_from(subscriber)).scalar_one()


def rows(conn: Connection, table: str) -> list[tuple[Any, ...]]:
    """Return every row of a table."""
    return sorted((tuple(row) for row in conn.execute(text(f"SELECT * FROM {table}"))), key=repr)
