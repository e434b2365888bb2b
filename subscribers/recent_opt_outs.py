"""Who stopped of late: the last look before the wire (rule R9)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from broadcast.store.database import Connection
from subscribers.registry.tables import stop


def recent_stops(conn: Connection, since: datetime) -> list[tuple[int, str]]:
    """Return (person, channel) of what was stopped since then and not taken up again. By time, not
    by id: no reader follows a sequence (R7).
    """
    query = select(stop.c.subscriber_id, stop.c.channel).where(
        stop.c.at >= since, stop.c.lifted_at.is_(None)
    )
    return [(person, channel) for person, channel in conn.execute(query)]
