"""Who sets up: the machine's administrator, by the name of their account, or an operator."""

from __future__ import annotations

from datetime import datetime

from broadcast.operators import look_ups, operators
from broadcast.operators.operators import Operator
from broadcast.problems import refuse
from broadcast.store.database import Connection

Who = str | Operator
"""`machine:NAME` of whoever types commands on this machine, or an operator who showed a token."""


def allowed(conn: Connection, who: Who, *, everywhere: bool = False) -> str:
    """Check that somebody may do this act, and return the name under which the audit chain records
    it.

    `everywhere`: the act may concern any place or person, as with a file, so operators bound to an
    area may not do it. Raises Rejected: 403 operator_disabled, wrong_role, operator_changed,
    area_bound.
    """
    if isinstance(who, str):
        return who
    now = operators.still(conn, who, "administer")
    if now.area != who.area:
        detail = "the area of this operator was changed in the meantime"
        raise refuse("operator_changed", detail, "try again: the new one holds", status=403)
    if everywhere:
        operators.require_everywhere(now, "a file may name any place", else_="change single people")
    return f"operator {now.id}"


def record_look_up(
    conn: Connection, who: Who, action: str, *, subject: str, detail: str, now: datetime
) -> None:
    """Chain a look-up. An operator's counts towards their limit: raises Rejected (429
    look_ups_limited).
    """
    if isinstance(who, str):
        operators.log_admin(conn, actor=who, action=action, subject=subject, detail=detail, now=now)
    else:
        look_ups.record(conn, who, action, subject=subject, detail=detail, now=now)
