"""Which versions of a message an operator may read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from broadcast.cap import kept
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


async def cap_of(context: Context, existing: Sequence[Version]) -> bytes:
    """Return a message's newest published CAP document byte for byte, the Cancel of a cancelled
    one; of what was never published what it would be now.
    """
    published = versions.newest_published(list(existing))
    if published is not None and (
        kept_as := await context.db.read(kept.published, version_id=published.id)
    ):
        return kept_as
    v, tree = versions.head(list(existing)), await context.tree()
    codes = {*v.content.areas, v.content.scope or ""}
    known = {code: tree[code].name for code in codes if code in tree}
    named = replace(
        v,
        identifier=f"{context.house.sender}-{v.code}-{v.number}",
        # a draft that nobody submitted yet has none: its areas are called as they are now
        resolved=replace(v.resolved, names=tuple(sorted((known | dict(v.resolved.names)).items()))),
    )
    return context.house.document(named, "Alert", [], context.now().replace(microsecond=0))


async def require_people(context: Context, actor: Operator, v: Version) -> None:
    """Raise Rejected (403 area_out_of_scope) unless the operator may read of this version person by
    person.
    """
    if actor.area is not None:
        await context.aside(readers.require_people, await context.tree(), actor, v)
