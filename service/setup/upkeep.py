"""Looking after the machine: what was put aside is closed by an administrator, who says why; what
is kept for looking is thrown away where it is not what the outcomes say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from broadcast.events import dead_letters
from broadcast.events.dead_letters import DeadLetter
from broadcast.ledger.kept import folding
from broadcast.messages.versions import Version
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


def forget_kept(
    conn: Connection, who: Who, v: Version, found: Sequence[str], *, now: datetime
) -> None:
    """Throw away what is kept of a version, in which these differences were found; it is made anew.
    Raises Rejected: 403 wrong_role.
    """
    actor = allowed(conn, who, everywhere=True)
    folding.forget(conn, v.id)
    operators.log_admin(
        conn,
        actor=actor,
        action="deliveries.recount",
        subject=str(v.message_id),
        detail=f"version={v.number}: {len(found)} differences, the first: {found[0]}",
        now=now,
    )
