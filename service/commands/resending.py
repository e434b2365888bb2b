"""Ordering a further delivery attempt; another person approves it."""

from __future__ import annotations

from pyroaring import BitMap

from broadcast.ledger import delivery_report, passes
from broadcast.messages import publishing, resends, versions
from broadcast.messages.resends import Resend
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import refuse
from broadcast.store.database import Connection
from service.commands.context import Context
from service.commands.deciding import acted_on
from service.commands.places import all_inside
from service.commands.unit_of_work import Act, guarded


async def resend(
    context: Context, actor: Operator, message_id: int, only: tuple[str, ...]
) -> Act[Resend]:
    """Order a further delivery attempt to those who failed or are in doubt; another person
    approves it by its digest.
    """
    operators.require(actor, "resend")
    unknown = [line for line in only if line not in ("failed", "in_doubt")]
    if unknown or not only:
        raise refuse(
            "only_unknown",
            f"{', '.join(unknown) or 'nothing'} cannot be sent to again",
            "use --only failed, --only in_doubt or --only failed,in_doubt: never the delivered",
            field="only",
        )
    v = await acted_on(context, message_id, "resend")
    guard = await all_inside(context, actor, "resend", (v.content, v.room), v=v)
    now = context.now()

    def order(conn: Connection, actor: Operator) -> Resend:
        published = versions.newest_published(versions.of_message(conn, message_id))
        if published is None:
            raise refuse(
                "state_conflict",
                "nothing of this message was published yet",
                "approve it first",
                field="state",
                status=409,
            )
        wanted = passes.resend_members(
            conn, published, only, delivery_report.computed(conn, published).channels, now
        )
        people = len(BitMap().union(*wanted.values())) if wanted else 0
        publishing.order_resend(
            conn,
            actor,
            message_id,
            only=",".join(only),
            members=passes.pack(wanted),
            people=people,
            now=now,
        )
        ordered = resends.waiting(conn, message_id)
        assert ordered is not None
        return ordered

    return guarded(guard, order)
