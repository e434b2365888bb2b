"""What could not be handled and was put aside where an operator sees it: /metrics counts it and the
log names it. An administrator closes it, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from broadcast.events.tables import parked
from broadcast.problems import refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One thing put aside: what failed, of what, and how."""

    id: int
    at: datetime
    what: str
    key: str
    error: str
    closed_at: datetime | None
    closed_by: str
    why: str


def park(conn: Connection, what: str, key: str, error: str, now: datetime) -> None:
    """Put one thing aside, once: while the same `what` and `key` are open they are kept only the
    first time. `error` holds no personal data.
    """
    same = (parked.c.what == what) & (parked.c.key == key) & parked.c.closed_at.is_(None)
    if conn.execute(select(parked.c.id).where(same).limit(1)).first() is None:
        conn.execute(insert(parked).values(at=now, what=what, key=key, error=error[:2000]))


def listed(conn: Connection, limit: int = 200) -> list[DeadLetter]:
    """Return the newest, those that are open first."""
    query = select(parked).order_by(parked.c.closed_at.is_not(None), parked.c.id.desc())
    return [DeadLetter(**row) for row in conn.execute(query.limit(limit)).mappings()]


def close(conn: Connection, number: int, *, by: str, why: str, now: datetime) -> DeadLetter:
    """Close one: it was seen to. What fails again is put aside again. Raises Rejected: 404
    dead_letter_unknown, 409 dead_letter_closed.
    """
    closed = conn.execute(
        update(parked)
        .where(parked.c.id == number, parked.c.closed_at.is_(None))
        .values(closed_at=now, closed_by=by, why=why)
    )
    row = conn.execute(select(parked).where(parked.c.id == number)).mappings().one_or_none()
    if row is None:
        raise refuse(
            "dead_letter_unknown",
            "nothing of this number was put aside",
            "see the list",
            status=404,
        )
    if closed.rowcount != 1:
        raise refuse("dead_letter_closed", "somebody closed it already", "see the list", status=409)
    return DeadLetter(**row)
