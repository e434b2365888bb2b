"""Looking at people's numbers and data: how often an operator may, that it is recorded, and when it
looks like a search.

What is recorded in the audit chain is what is counted, so that the limit holds over all processes
and restarts.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import datetime, timedelta
from math import ceil
from typing import Final

import structlog
from sqlalchemy import Connection, select

from broadcast.content.model import Content
from broadcast.events import dead_letters
from broadcast.messages import small_counts
from broadcast.operators import audit
from broadcast.operators.operators import Operator
from broadcast.operators.tables import audit as link
from broadcast.problems import Problem, Rejected

log = structlog.get_logger("look_ups")

PREVIEW, EXPLAIN, LISTED = "message.preview", "explain", "subscribers.list"
SHOWN, ORGANISATIONS, FOUND = "subscribers.show", "organisations.list", "subscribers.find"
A_MINUTE: Final = {PREVIEW: 30, EXPLAIN: 30, LISTED: 60, SHOWN: 60, ORGANISATIONS: 60, FOUND: 60}
"""How often one operator may do each within any minute."""
SHAPES_AN_HOUR: Final = 20
"""So many different shapes looked at by one operator within an hour are an alarm."""
_NEWEST = 5_000
"""Links looked at: the newest of all operators. More than these in an hour can only make a limit
milder.
"""


def check(conn: Connection, actor: Operator, action: str, now: datetime) -> None:
    """Raise Rejected (429 look_ups_limited) where the operator has done it as often as one may
    within a minute.
    """
    allowed = A_MINUTE[action]
    times = sorted(at for at, _ in _recent(conn, actor, action, now - timedelta(minutes=1)))
    if len(times) < allowed:
        return
    wait = max(1, ceil((times[-allowed] + timedelta(minutes=1) - now).total_seconds()))
    raise Rejected(
        Problem(
            code="look_ups_limited",
            detail=f"this operator has done this {allowed} times within a minute",
            fix=f"try again in {wait} s",
            status=429,
            retry_after=wait,
        )
    )


def record(
    conn: Connection,
    actor: Operator,
    action: str,
    *,
    subject: str,
    now: datetime,
    detail: str = "",
    content: Content | None = None,
) -> None:
    """Chain one look-up; raises Rejected like `check`. A long series of different shapes is parked
    and logged, once an hour.
    """
    check(conn, actor, action, now)
    if content is not None and small_counts.drawn(content):
        detail = f"shape={_shape(content)}"
        before = {
            old
            for _, old in _recent(conn, actor, action, now - timedelta(hours=1))
            if old.startswith("shape=")
        }
        if len(before | {detail}) >= SHAPES_AN_HOUR:
            _alarm(conn, actor, now)
    audit.append(
        conn,
        kind="look_up",
        actor=actor.name,
        action=action,
        subject=subject,
        detail=detail,
        now=now,
    )


def _alarm(conn: Connection, actor: Operator, now: datetime) -> None:
    said = (
        f"operator {actor.id} looked at the numbers of {SHAPES_AN_HOUR} or more different shapes"
        " within an hour: see `fasttime audit list`"
    )
    hour = f"operator {actor.id} {now:%Y-%m-%dT%H}"
    dead_letters.park(conn, dead_letters.LOOK_UPS, hour, said, now)
    log.warning("look_ups.series", operator=actor.id, shapes=SHAPES_AN_HOUR)


def _recent(
    conn: Connection, actor: Operator, action: str, since: datetime
) -> list[tuple[datetime, str]]:
    head = audit.head(conn)
    newest = (link.c.number > (head.number if head else 0) - _NEWEST) & (link.c.at > since)
    query = select(link.c.at, link.c.detail).where(
        newest, link.c.actor == actor.name, link.c.action == action
    )
    return [(row.at, row.detail) for row in conn.execute(query)]


def _shape(content: Content) -> str:
    parts = {"polygons": content.polygons, "circles": [asdict(c) for c in content.circles]}
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
