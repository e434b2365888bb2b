"""What could not be handled and was put aside where an operator sees it: /metrics counts it and the
log names it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select

from broadcast.events.tables import parked


def park(conn: Connection, what: str, key: str, error: str, now: datetime) -> None:
    """Put one thing aside, once: the same `what` and `key` are kept only the first time. `error`
    holds no personal data.
    """
    if (
        conn.execute(
            select(parked.c.id).where(parked.c.what == what, parked.c.key == key).limit(1)
        ).first()
        is None
    ):
        conn.execute(insert(parked).values(at=now, what=what, key=key, error=error[:2000]))
