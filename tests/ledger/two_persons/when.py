"""Ways round two persons by when: before submission, after a return, a block or an expiry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from broadcast.content.model import Audience
from broadcast.messages import publishing
from broadcast.messages.versions import Version
from service.commands import deciding, drafting, submitting
from subscribers.registry.importing import import_records
from tests.ledger.two_persons.room import Room, refused, resident, way
from tests.ledger.world import content


@way
async def a_draft_that_nobody_submitted(room: Room) -> None:
    v = await room.draft("ada")
    for content_hash in (None, "0" * 64):
        with refused("state_conflict"):
            await room.approve("bea", v, content_hash)


@way
async def what_was_returned(room: Room) -> None:
    v = await room.submitted("ada")
    await room.does("cy", deciding.send_back, v.message_id, "return", "typo")
    with refused("state_conflict"):
        await room.approve("bea", v)


@way
async def what_was_rejected(room: Room) -> None:
    v = await room.submitted("ada")
    await room.does("cy", deciding.send_back, v.message_id, "reject", "no")
    with refused("state_conflict"):
        await room.approve("bea", v)
    with refused("state_conflict"):
        await room.does("ada", submitting.submit, v.message_id)


@way
async def what_was_cancelled_before_it_was_released(room: Room) -> None:
    v = await room.submitted("ada")
    await room.approve("bea", v)
    await room.does("cy", deciding.cancel, v.message_id, "wrong")
    with refused("state_conflict"):
        await room.approve("bea", v)
    with refused("state_conflict"):
        await room.does("bea", deciding.resume, v.message_id)


@way
async def what_expired_before_it_was_released(room: Room) -> None:
    v = await room.submitted("ada", expires=timedelta(seconds=1))
    await room.approve("bea", v)
    await room.db.write(publishing.expire_due, datetime.now(UTC) + timedelta(seconds=2))
    with refused("state_conflict"):
        await room.approve("cy", v)


@way
async def what_expires_between_submission_and_approval(room: Room) -> None:
    v = await room.submitted("ada", expires=datetime.now(UTC) + timedelta(hours=1))
    later = datetime.now(UTC) + timedelta(hours=2)
    with refused("expired"):
        await room.db.write(
            publishing.approve,
            room.people["bea"],
            v.message_id,
            content_hash=v.content_hash,
            house=room.context.house,
            now=later,
        )


async def blocked(room: Room) -> Version:
    v = await room.submitted("ada")
    await room.approve("bea", v)
    await room.db.write(
        import_records,
        [resident(n)._replace(lat=51.5) for n in range(100, 200)],
        "consent",
        datetime.now(UTC),
    )
    assert await room.context.matcher.process(v.id) == "blocked"
    return await room.read(v)


@way
async def what_was_blocked_without_submitting_it_anew(room: Room) -> None:
    v = await blocked(room)
    for name in ("bea", "cy"):
        with refused("state_conflict"):
            await room.approve(name, v)
    with refused("state_conflict"):
        await room.does("bea", deciding.resume, v.message_id)


@way
async def what_was_blocked_and_submitted_anew_by_the_one_who_approves_it(room: Room) -> None:
    v = await blocked(room)
    again, _ = await room.does("bea", submitting.submit, v.message_id)
    assert again.content_hash != v.content_hash
    with refused("same_person"):
        await room.approve("bea", again)
    with refused("content_changed"):
        await room.approve("cy", again, v.content_hash)


@way
async def what_was_blocked_and_given_another_text(room: Room) -> None:
    v = await blocked(room)
    with refused("state_conflict"):
        await room.does("ada", drafting.edit, v.message_id, content(severity="Minor"))
    await room.does("ada", submitting.submit, v.message_id)
    await room.does("cy", deciding.send_back, v.message_id, "return", "the text")
    with refused("state_conflict"):
        await room.does("ada", drafting.edit, v.message_id, content(severity="Minor"))
    assert (await room.read(v)).state == "blocked"


@way
async def what_was_blocked_and_is_rejected_in_silence(room: Room) -> None:
    v = await blocked(room)
    await room.does("ada", submitting.submit, v.message_id)
    with refused("state_conflict"):
        await room.does("cy", deciding.send_back, v.message_id, "reject", "no")


@way
async def a_status_that_goes_to_nobody(room: Room) -> None:
    for status in ("System", "Draft"):
        v = await room.draft("ada", status=status)
        with refused("status_goes_to_nobody"):
            await room.does("ada", submitting.submit, v.message_id)
        with refused("state_conflict"):
            await room.approve("bea", v, None)


@way
async def a_message_to_nobody(room: Room) -> None:
    v = await room.draft("ada", channels=("sms",), audience=Audience(kinds=("officer",)))
    with refused("audience_empty"):
        await room.does("ada", submitting.submit, v.message_id)
    with refused("state_conflict"):
        await room.approve("bea", v, None)


@way
async def holding_and_resuming_what_was_never_approved(room: Room) -> None:
    v = await room.submitted("ada")
    for name in ("bea", "cy", "ops"):
        with refused("state_conflict", "wrong_role"):
            await room.does(name, deciding.hold, v.message_id)
        with refused("state_conflict", "wrong_role"):
            await room.does(name, deciding.resume, v.message_id)


@way
async def an_operator_who_holds_what_was_approved_and_resumes_it(room: Room) -> None:
    v = await room.submitted("ada")
    await room.approve("bea", v)
    await room.does("ops", deciding.hold, v.message_id)
    with refused("wrong_role"):
        await room.does("ops", deciding.resume, v.message_id)
