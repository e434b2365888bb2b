"""Looking after the machine: what was put aside is closed by an administrator, who says why."""

from __future__ import annotations

from datetime import datetime

from broadcast.events import dead_letters
from broadcast.events.dead_letters import DeadLetter
from broadcast.operators import operators
from broadcast.store.database import Connection
from service.setup.people import check_reason
from service.setup.who import Who, allowed


def close_dead_letter(
    conn: Connection, who: Who, number: int, *, why: str, now: datetime
) -> DeadLetter:
    """Close what was put aside. Raises Rejected: why_missing, 403 wrong_role, and what
    `dead_letters.close` raises.
    """
    said = check_reason(why, "why")
    actor = allowed(conn, who, everywhere=True)
    closed = dead_letters.close(conn, number, by=actor, why=said, now=now)
    operators.log_admin(
        conn,
        actor=actor,
        action="dead_letters.close",
        subject=str(number),
        detail=f"{closed.what} {closed.key}: {said}",
        now=now,
    )
    return closed
