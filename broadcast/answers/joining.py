"""Which message an answer belongs to, where neither a link nor an attempt says it: the single open
appeal that reached that number lately, else none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, or_, select

from broadcast.ledger import attempt_look_up
from broadcast.ledger.attempt_look_up import Handed
from broadcast.messages.tables import version

WITHIN: Final = timedelta(hours=72)
CHANNELS: Final = ("sms", "voice")


def open_appeal(
    conn: Connection, people: Sequence[int], statuses: Collection[str], now: datetime
) -> Handed | None:
    """Return the appeal that these people of one number answer: the single one that is still live,
    was not followed by an all-clear, and reached one of them within 72 hours. None where there is
    none, or several.

    Messages of other kinds, and all-clears, take part in nothing: they cannot take an answer away
    from an appeal.
    """
    if not people:
        return None
    live = select(version.c.message_id).where(
        version.c.kind == "appeal",
        version.c.action != "all_clear",
        version.c.state.in_(("live", "held")),
        version.c.status.in_(statuses),
        or_(version.c.expires_at.is_(None), version.c.expires_at > now),
    )
    messages = sorted(set(conn.execute(live).scalars()))
    if not messages:
        return None
    found = attempt_look_up.handed_over(conn, people, CHANNELS, messages, now - WITHIN)
    if len({one.message_id for one in found}) != 1:
        return None
    return max(found, key=lambda one: (one.version_id, -one.person))


def world_of(
    conn: Connection, people: Sequence[int], statuses: Sequence[str], now: datetime
) -> str:
    """Return the CAP status that an unsorted answer counts under: that of what reached its number
    last within 72 hours; where nothing did, the first of those that it may be of.
    """
    if len(statuses) == 1 or not people:
        return statuses[0]
    last = attempt_look_up.last_reached(conn, people, CHANNELS, statuses, now - WITHIN)
    return statuses[0] if last is None else last[1]
