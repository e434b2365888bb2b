"""Drafting: a message is started, its draft replaced, or a version drafted that follows it."""

from __future__ import annotations

from dataclasses import replace

from broadcast.content.model import Content
from broadcast.messages import authoring, versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from service.commands.context import Context
from service.commands.places import all_inside, require_known_groups, resolve
from service.commands.reading import head
from service.commands.unit_of_work import Act, guarded


async def draft(context: Context, actor: Operator, content: Content) -> Act[Version]:
    """Start a message."""
    guard = await all_inside(context, actor, "draft", (content, actor.area))
    await require_known_groups(context, content)
    await resolve(context, content, actor.area, actor)
    return guarded(guard, authoring.create, content, context.now())


async def edit(
    context: Context, actor: Operator, message_id: int, content: Content
) -> Act[Version]:
    """Replace a draft's text; what stood there and what shall stand there must both be the
    actor's to write.
    """
    operators.require(actor, "edit")
    v = await head(context, message_id)
    guard = await all_inside(context, actor, "edit", (v.content, v.room), (content, v.room), v=v)
    await require_known_groups(context, content)
    await resolve(context, content, v.room, actor)
    return guarded(guard, authoring.edit, message_id, content, context.now())


async def follow(
    context: Context, actor: Operator, message_id: int, action: str, content: Content
) -> Act[Version]:
    """Draft an update, a correction or an all-clear."""
    operators.require(actor, action)
    v = await head(context, message_id)
    guard = await all_inside(
        context, actor, action, (v.content, v.room), (content, actor.area), v=v
    )
    await require_known_groups(context, content)
    await resolve(context, content, actor.area, actor)
    return guarded(guard, authoring.follow, message_id, action, content, context.now())


async def base_of(context: Context, message_id: int) -> Content:
    """Return the content that an update, correction or all-clear starts from; its kind is that
    of the message's first version.
    """
    existing = await context.db.read(versions.of_message, message_id)
    published = versions.newest_published(existing) or existing[-1]
    return replace(published.content, kind=existing[0].kind)


async def edited_from(context: Context, message_id: int) -> tuple[Content | None, str]:
    """Return what an edited text is read against: for a first version (None, ""), else the
    content it follows and how.
    """
    existing = await context.db.read(versions.of_message, message_id)
    v = versions.head(existing)
    if v.action == "new":
        return None, ""
    predecessor = next(p for p in existing if p.id == v.predecessor_id)
    return replace(predecessor.content, kind=existing[0].kind), v.action
