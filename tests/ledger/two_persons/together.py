"""Ways round two persons by acting at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.problems import Rejected
from service.commands import deciding, drafting, submitting
from tests.ledger.two_persons.room import Room, way
from tests.ledger.world import content


async def both(*acts: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*acts, return_exceptions=True)


@way
async def an_approval_while_the_author_edits_a_returned_text(room: Room) -> None:
    v = await room.submitted("ada")
    await room.does("cy", deciding.send_back, v.message_id, "return", "typo")
    results = await both(
        room.approve("bea", v),
        room.context.do(drafting.edit, room.people["ada"], v.message_id, content(severity="Minor")),
    )
    assert isinstance(results[0], Rejected)


@way
async def an_approval_while_it_is_returned_edited_and_submitted_anew(room: Room) -> None:
    v = await room.submitted("ada")

    async def swap() -> None:
        await room.context.do(deciding.send_back, room.people["cy"], v.message_id, "return", "typo")
        await room.context.do(
            drafting.edit, room.people["ada"], v.message_id, content(severity="Extreme")
        )
        await room.context.do(submitting.submit, room.people["ada"], v.message_id)

    approval, _ = await both(room.approve("bea", v), swap())
    now = await room.read(v)
    if isinstance(approval, Version):
        assert (now.content_hash, now.content.severity) == (v.content_hash, "Moderate")
        await room.context.do(deciding.cancel, room.people["bea"], v.message_id, "looked at")
    else:
        assert now.state in ("pending_approval", "draft", "returned")


@way
async def an_approval_while_it_is_rejected(room: Room) -> None:
    for _ in range(5):
        v = await room.submitted("ada")
        approval, rejection = await both(
            room.approve("bea", v),
            room.context.do(deciding.send_back, room.people["cy"], v.message_id, "reject", "no"),
        )
        assert isinstance(approval, Rejected) != isinstance(rejection, Rejected)
        state = (await room.read(v)).state
        assert state == ("approved" if isinstance(approval, Version) else "rejected")
        if state == "approved":
            await room.context.do(deciding.cancel, room.people["bea"], v.message_id, "looked at")


@way
async def an_approval_and_a_cancellation_and_a_release(room: Room) -> None:
    for _ in range(5):
        v = await room.submitted("ada")
        await both(
            room.approve("bea", v),
            room.context.do(deciding.cancel, room.people["cy"], v.message_id, "no"),
            room.context.matcher.process(v.id),
        )
        with contextlib.suppress(Rejected):
            await room.context.do(deciding.cancel, room.people["cy"], v.message_id, "no")
        with contextlib.suppress(Rejected):
            await room.context.do(
                deciding.send_back, room.people["cy"], v.message_id, "reject", "no"
            )
        assert (await room.read(v)).state in ("cancelled", "rejected")


@way
async def sixteen_approvals_at_once_of_ones_own_text(room: Room) -> None:
    v = await room.submitted("bea")
    results = await both(*(room.approve("bea", v) for _ in range(16)))
    assert all(isinstance(r, Rejected) for r in results)


@way
async def an_approval_while_the_approver_is_disabled(room: Room) -> None:
    v = await room.submitted("ada")
    bea = await room.who("bea")
    approval, _ = await both(
        room.context.do(deciding.approve, bea, v.message_id, v.content_hash),
        room.db.write(operators.disable, "bea", datetime.now(UTC)),
    )
    if isinstance(approval, Version):
        await room.context.do(deciding.cancel, room.people["cy"], v.message_id, "looked at")
