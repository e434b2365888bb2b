"""Ordering a further delivery attempt; another person approves it."""

from __future__ import annotations

from datetime import datetime

from pyroaring import BitMap

from broadcast.ledger import delivery_report, passes
from broadcast.messages import publishing, resends, versions
from broadcast.messages.resends import Resend
from broadcast.messages.versions import Version
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
    _check(only)
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
        wanted, people = _members(conn, published, only, now)
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


async def counted(context: Context, v: Version, only: tuple[str, ...]) -> int:
    """Return to how many people of a published version such an order would send as they stand now.
    Raises Rejected where it could not be ordered now (409 too_young).
    """
    _check(only)
    _, people = await context.db.read(_members, v, only, context.now())
    return people


def _members(
    conn: Connection, v: Version, only: tuple[str, ...], now: datetime
) -> tuple[dict[str, BitMap], int]:
    """Return whom an order means per channel, and how many people that is."""
    lines = delivery_report.computed(conn, v).channels
    wanted = passes.resend_members(conn, v, only, lines, now)
    return wanted, len(BitMap().union(*wanted.values())) if wanted else 0


def _check(only: tuple[str, ...]) -> None:
    """Raise Rejected (422 only_unknown) unless these are lines that can be sent to again."""
    unknown = [line for line in only if line not in ("failed", "in_doubt")]
    if unknown or not only:
        raise refuse(
            "only_unknown",
            f"{', '.join(unknown) or 'nothing'} cannot be sent to again",
            "use --only failed, --only in_doubt or --only failed,in_doubt: never the delivered",
            field="only",
        )
