"""What a person may do with communities, sectors and information providers: register them,
and read which there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from broadcast.groups import registered
from broadcast.groups.registered import Group, Groups, Registered
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.store.database import Connection


def register(
    conn: Connection,
    groups: Sequence[Group],
    *,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    rename: bool = True,
) -> Registered:
    """Register groups, or give known ones the languages and, with `rename`, the names given here,
    as the machine's administrator; on record with how many there were.
    """
    done = registered.register(conn, groups, now, rename=rename)
    operators.log_admin(
        conn,
        actor=actor,
        action=action,
        subject=subject,
        detail=f"groups={len(groups)} new={done.new} updated={done.updated}",
        now=now,
    )
    return done


def known(conn: Connection, actor: Operator) -> Groups:
    """Return every registered community, sector and provider, for any operator."""
    operators.require(actor, "read")
    return registered.load(conn)
