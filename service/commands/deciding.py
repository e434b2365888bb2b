"""Deciding: approve, return, reject, hold, resume, cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broadcast import traces
from broadcast.messages import authoring, publishing, rooms, two_persons, versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.places.areas import AreaTree
from broadcast.problems import Rejected
from broadcast.store.database import Connection, at_the_end
from service.commands.context import Context
from service.commands.places import all_inside
from service.commands.reading import head
from service.commands.unit_of_work import Act, guarded


async def approve(
    context: Context, actor: Operator, message_id: int, content_hash: str | None
) -> Act[Version]:
    """Approve a version, or an ordered resend by its own digest: with that it goes out."""
    operators.require(actor, "approve")
    began = context.now()
    v = await head(context, message_id)
    guard = await all_inside(context, actor, "approve", (v.content, v.room), v=v)

    def write(conn: Connection, actor: Operator) -> Version:
        done = publishing.approve(
            conn,
            actor,
            message_id,
            content_hash=content_hash,
            house=context.house,
            now=context.now(),
        )
        at_the_end(
            conn,
            lambda _conn: traces.told(
                "approve",
                done.id,
                began,
                context.now(),
                first=v.state == "pending_approval",
                message=message_id,
                status=done.status,
                result=done.state,
            ),
        )
        return done

    return guarded(guard, write)


async def may_approve(context: Context, v: Version) -> list[Operator]:
    """Return who may approve a version as things stand: approvers who are another person than who
    wrote, edited or submitted it, and in whose area every place of it lies; by their names.
    """

    def others(conn: Connection) -> list[Operator]:
        able = [
            each
            for each in operators.active(conn).values()
            if "approve" in operators.PERMISSIONS[each.role]
        ]
        two = context.house.two_person
        return [each for each in able if _passes(two_persons.check_approver, conn, each, v, two)]

    def inside(tree: AreaTree, found: list[Operator]) -> list[Operator]:
        return [each for each in found if _passes(rooms.require_all, tree, each, v.content, v.room)]

    found = await context.db.read(others)
    found = await context.aside(inside, await context.tree(), found)
    return sorted(found, key=lambda each: each.name)


def _passes(check: Callable[..., None], *what: Any) -> bool:
    try:
        check(*what)
    except Rejected:
        return False
    return True


async def send_back(
    context: Context, actor: Operator, message_id: int, action: str, why: str
) -> Act[Version]:
    """Return or reject."""
    operators.require(actor, action)
    v = await head(context, message_id)
    guard = await all_inside(context, actor, action, (v.content, v.room), v=v)
    return guarded(guard, authoring.send_back, message_id, action, why, context.now())


async def hold(context: Context, actor: Operator, message_id: int) -> Act[Version]:
    """Claim for nobody any more, at once: for whoever has any place that the message goes
    to.
    """
    operators.require(actor, "hold")
    v = await acted_on(context, message_id, "hold")
    tree = None
    if actor.area is not None:
        tree = await context.tree()
        rooms.require_any(tree, actor, v.content, v.room)
    guard = rooms.guard(actor, "hold", tree, v)
    return guarded(guard, publishing.hold, message_id, context.now())


async def resume(context: Context, actor: Operator, message_id: int) -> Act[Version]:
    """Let a held version go on."""
    operators.require(actor, "resume")
    v = await acted_on(context, message_id, "resume")
    guard = await all_inside(context, actor, "resume", (v.content, v.room), v=v)
    return guarded(guard, publishing.resume, message_id, context.now())


async def cancel(
    context: Context, actor: Operator, message_id: int, why: str, reason: str = "other"
) -> Act[tuple[Version, int]]:
    """Cancel, for whoever has every place it goes to; returns how many people are being sent to
    at this moment.
    """
    operators.require(actor, "cancel")
    v = await acted_on(context, message_id, "cancel")
    guard = await all_inside(context, actor, "cancel", (v.content, v.room), v=v)
    more: dict[str, Any] = {
        "why": why,
        "reason": reason,
        "house": context.house,
        "now": context.now(),
    }
    return guarded(guard, publishing.cancel, message_id, **more)


async def acted_on(context: Context, message_id: int, action: str) -> Version:
    """Return the version that hold, resume or cancel means: the newest one that it may
    change.
    """
    existing = await context.db.read(versions.of_message, message_id)
    return publishing.acted_on(existing, action)
