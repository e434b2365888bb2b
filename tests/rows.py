"""How many rows a table has."""

from __future__ import annotations

from sqlalchemy import func, select

from broadcast.store.database import Connection
from subscribers.tables import subscriber


def registered(conn: Connection) -> int:
    """Return how many people are registered."""
    return conn.execute(select(func.count()).select_from(subscriber)).scalar_one()
