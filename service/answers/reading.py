"""Answers listed, and handed out sealed, to the room that owns their message; each look on record.

Nothing here opens an answer: whoever holds the private key does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from broadcast.answers import store
from broadcast.answers.store import Answer
from broadcast.operators import audit, operators
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected, refuse
from broadcast.store.database import Connection
from service.commands import reading
from service.commands.context import Context
from service.commands.unit_of_work import Act

LISTED, READ = "answers.list", "answers.read"
MOST = 1000
"""So many answers are listed or read at once."""


async def listed(
    context: Context, actor: Operator, message_id: int | None, *, after: int = 0, limit: int = MOST
) -> Act[list[Answer]]:
    """Return the act that lists the answers to a message, or with None the unsorted, behind number
    `after`, the oldest first.

    Raises Rejected: 403 wrong_role, area_out_of_scope, 404 message_unknown.
    """
    await allowed(context, actor, message_id)

    def told(conn: Connection) -> list[Answer]:
        _record(conn, context, actor, LISTED, message_id, f"after {after}")
        return _page(conn, message_id, after, min(limit, MOST))

    return Act(told)


async def read_one(
    context: Context, actor: Operator, number: int, opens: Callable[[Answer], bool]
) -> Act[Answer]:
    """Return the act that hands out one sealed answer. Whoever may not read its message is told
    that there is no such answer. `opens` says whether the reader has the key: only then the answer
    counts as read. Raises Rejected.
    """
    found = await context.db.read(store.one, number)
    try:
        await allowed(context, actor, found.message_id)
    except Rejected as rejected:
        if rejected.problems[0].code == "message_unknown":
            raise store.unknown() from None
        raise

    def told(conn: Connection) -> Answer:
        now = store.one(conn, number)
        _hand_out(conn, context, actor, [now], opens)
        return now

    return Act(told)


async def read_all(
    context: Context,
    actor: Operator,
    message_id: int | None,
    opens: Callable[[Answer], bool],
    *,
    after: int = 0,
) -> Act[list[Answer]]:
    """Return the act that hands out a page of answers to a message, or of the unsorted, as
    `read_one` does each.
    """
    await allowed(context, actor, message_id)

    def told(conn: Connection) -> list[Answer]:
        found = _page(conn, message_id, after, MOST)
        _hand_out(conn, context, actor, found, opens)
        return found

    return Act(told)


async def allowed(context: Context, actor: Operator, message_id: int | None) -> None:
    """Raise Rejected unless the operator may read what people answered: to a message of their own
    room, or, of the unsorted, who is bound to no area.
    """
    operators.require(actor, "people")
    if message_id is not None:
        for v in await reading.readable(context, actor, message_id):
            await reading.require_people(context, actor, v)
    elif actor.area is not None:
        raise refuse(
            "area_out_of_scope",
            "an unsorted answer may be from anywhere",
            "ask somebody who is bound to no area",
            status=403,
        )


def _page(conn: Connection, message_id: int | None, after: int, limit: int) -> list[Answer]:
    if message_id is None:
        return store.unsorted(conn, after, limit)
    return store.of_message(conn, message_id, after, limit)


def _hand_out(
    conn: Connection,
    context: Context,
    actor: Operator,
    answers: Sequence[Answer],
    opens: Callable[[Answer], bool],
) -> None:
    for one in answers:
        _record(conn, context, actor, READ, one.message_id, f"answer {one.id}")
        if opens(one):
            store.mark_read(conn, one.id, context.now())


def _record(
    conn: Connection,
    context: Context,
    actor: Operator,
    action: str,
    message_id: int | None,
    detail: str,
) -> None:
    reader = operators.still(conn, actor, "people")
    subject = "unsorted" if message_id is None else str(message_id)
    audit.append(
        conn,
        kind="look_up",
        actor=reader.name,
        action=action,
        subject=subject,
        detail=detail,
        now=context.now(),
    )
