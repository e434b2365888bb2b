"""Which versions of a message an operator may read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from broadcast.messages import readers, versions
from broadcast.messages.versions import Version
from broadcast.operators.operators import Operator
from service.commands.context import Context


async def head(context: Context, message_id: int) -> Version:
    """Return the version that an action on the message means."""
    return versions.head(await context.db.read(versions.of_message, message_id))


async def readable(context: Context, actor: Operator, message_id: int) -> list[Version]:
    """Return the versions of a message that the operator may read; raises Rejected (404) as if
    it were not there.
    """
    existing = await context.db.read(versions.of_message, message_id)
    if not await may_read(context, actor, existing):
        raise versions.unknown(message_id)
    return existing


async def may_read(context: Context, actor: Operator, existing: Sequence[Version]) -> bool:
    """Return whether the operator may know of this message."""
    if readers.reads_all(actor) or readers.is_open(existing):
        return True
    return await asyncio.to_thread(readers.concerns, await context.tree(), actor, existing)


async def require_people(context: Context, actor: Operator, v: Version) -> None:
    """Raise Rejected (403 area_out_of_scope) unless the operator may read of this version person by
    person.
    """
    if actor.area is not None:
        await context.aside(readers.require_people, await context.tree(), actor, v)
