"""What could not be handled and was put aside where an operator sees it: doctor, /metrics and the log name it (STYLE 3)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from broadcast.tables import parked


def park(conn: Connection, what: str, key: str, error: str, now: datetime) -> None:
    """Put one thing aside, once: the same `what` and `key` are kept only the first time. `error` holds no personal data."""
    if conn.execute(select(parked.c.id).where(parked.c.what == what, parked.c.key == key).limit(1)).first() is None:
        conn.execute(insert(parked).values(at=now, what=what, key=key, error=error[:2000]))


def count(conn: Connection) -> dict[str, int]:
    """Return how many things of each sort are parked."""
    return {row[0]: row[1] for row in conn.execute(select(parked.c.what, func.count()).group_by(parked.c.what))}
