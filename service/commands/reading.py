"""Which versions of a message an operator may read, and fewer of its people: by where they are, and
by when something was last heard of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pyroaring import BitMap

from broadcast.cap import kept
from broadcast.ledger import delivery_report
from broadcast.messages import readers, small_counts, versions
from broadcast.messages.versions import Version
from broadcast.operators.operators import Operator
from broadcast.places import called
from broadcast.problems import refuse
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


async def in_area(context: Context, v: Version, people: BitMap, written: str) -> BitMap:
    """Return who of these people is in the area that is called so, or has that code.

    Raises Rejected: 422 area_unknown, area_ambiguous; area_not_told of a drawn shape, which with a
    place of a few streets would tell of few people where they live.
    """
    if small_counts.drawn(v.content):
        detail = "of a drawn shape nobody is told by area"
        raise refuse("area_not_told", detail, "leave the area out", field="area")
    tree = await context.tree()
    found = called.meant(tree, written)
    if found.area is None:
        raise called.unclear(written, found, "area")
    index, _ = await context.matcher.index()
    return people & await context.aside(index.in_area, tree, found.area.code, people)


async def heard_of(
    context: Context, v: Version, people: BitMap, begin: datetime | None, end: datetime | None
) -> BitMap:
    """Return of whom of these people something was recorded last from `begin` until before `end`;
    None is no bound.
    """
    return people & await context.db.read(delivery_report.heard_of_between, v.id, begin, end)
