"""One person's contact, shown to who says why: a look-up on record, of people in one's own area."""

from __future__ import annotations

from typing import Any

from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected, refuse
from broadcast.store.database import Connection
from service.commands.context import Context
from service.commands.explaining import sees
from service.commands.unit_of_work import Act
from subscribers.registry import showing

LONGEST_WHY = 300
FIELDS = ("name", "email", "mobile", "phone")


async def unmask(context: Context, actor: Operator, person: int, why: str) -> Act[dict[str, Any]]:
    """Return the act that tells a person's name and contact points, and chains who asked and why.

    Raises Rejected: 403 wrong_role, 422 why_missing, text_too_long, 404 subscriber_unknown.
    """
    operators.require(actor, "people")
    why = " ".join(why.split())
    if not why:
        raise refuse("why_missing", "why is missing", "say why: it is recorded", field="why")
    if len(why) > LONGEST_WHY:
        raise refuse(
            "text_too_long",
            f"why has more than {LONGEST_WHY} characters",
            "say it shorter",
            field="why",
        )
    found = await context.db.read(showing.show, person)
    if found is None or not await sees(context, actor, found):
        raise unknown()

    def told(conn: Connection) -> dict[str, Any]:
        asker = operators.still(conn, actor, "people")
        operators.log_admin(
            conn,
            actor=asker.name,
            action="subscribers.show",
            subject=str(person),
            detail=why,
            now=context.now(),
        )
        return {name: found[name] for name in FIELDS}

    return Act(told)


def unknown() -> Rejected:
    """Return (to be raised) that nobody there has this number."""
    return refuse(
        "subscriber_unknown",
        "nobody has this id",
        "choose somebody from the log",
        field="subscriber",
        status=404,
    )
