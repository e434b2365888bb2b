"""Ways round two persons in what follows on a message, and in resends."""

from __future__ import annotations

from datetime import UTC, datetime

from pyroaring import BitMap
from sqlalchemy import func, select, update

from broadcast.events.tables import outbox
from broadcast.ledger import passes
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import open_batches, recording, taking
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.messages import resends, versions
from broadcast.messages.tables import resend, version
from broadcast.messages.versions import Version
from service.commands import deciding, drafting, resending, submitting
from tests.ledger.two_persons.room import Room, nobody, refused, way
from tests.ledger.world import content


async def followed(room: Room, action: str, kind: str, name: str, by: str) -> tuple[int, Version]:
    """Return how many batches a message has that was sent, and what follows on it, submitted."""
    v = await room.live()
    assert await room.claimed() == [v.id]
    v2 = await room.does(name, drafting.follow, v.message_id, action, content(kind=kind))
    v2, _ = await room.does(by, submitting.submit, v.message_id)
    return await room.batches(), v2


@way
async def a_correction_approved_by_its_author(room: Room) -> None:
    before, v = await followed(room, "correct", "correction", "bea", "ada")
    with refused("same_person"):
        await room.approve("bea", v)
    assert await room.batches() == before


@way
async def an_update_approved_by_its_author_who_approved_what_it_follows(room: Room) -> None:
    before, v = await followed(room, "update", "incident", "bea", "bea")
    with refused("same_person"):
        await room.approve("bea", v)
    assert await room.batches() == before


@way
async def an_all_clear_approved_by_who_submitted_it(room: Room) -> None:
    before, v = await followed(room, "all_clear", "all_clear", "ada", "cy")
    with refused("same_person"):
        await room.approve("cy", v)
    assert await room.batches() == before


@way
async def a_correction_approved_with_the_hash_of_what_it_corrects(room: Room) -> None:
    before, v = await followed(room, "correct", "correction", "ada", "ada")
    first = (await room.db.read(versions.of_message, v.message_id))[0]
    with refused("content_changed"):
        await room.approve("bea", v, first.content_hash)
    assert await room.batches() == before


@way
async def an_exercise_made_real_by_its_update(room: Room) -> None:
    room.sit_down("actual")
    v = await room.submitted("bea", status="Exercise")
    await room.db.write(
        lambda conn: conn.execute(
            update(version)
            .where(version.c.id == v.id)
            .values(state="live", identifier="x", sent=datetime.now(UTC))
        )
    )
    with refused("status_differs"):
        await room.does("bea", drafting.follow, v.message_id, "update", content())
    await room.does("bea", drafting.follow, v.message_id, "update", content(status="Exercise"))
    with refused("status_differs"):
        await room.does("bea", drafting.edit, v.message_id, content())


async def ordered(room: Room, name: str) -> tuple[int, Version, str]:
    """Return how many batches there are, a message of which a resend is ordered, and the digest of
    the order.
    """
    v = await room.live()
    (c,) = await room.db.read(
        open_batches.candidates, "routine", "sms", ("Actual",), datetime.now(UTC)
    )
    claimed = await room.db.write(
        taking.claim, c, want=32, worker="w", attempts=new_slice_attempt, suppress=nobody
    )
    assert claimed is not None
    for s in claimed[0]:
        await room.db.write(
            recording.record,
            [
                (
                    s,
                    [
                        Outcome(position=p, person_id=i, state="failed", code="1")
                        for p, i in s.people
                    ],
                )
            ],
            at=datetime.now(UTC),
        )
    before = await room.batches()
    order = await room.does(name, resending.resend, v.message_id, ("failed",))
    return before, v, order.digest or ""


@way
async def a_resend_that_nobody_approves(room: Room) -> None:
    before, _, _ = await ordered(room, "ops")
    assert await room.batches() == before


@way
async def a_resend_approved_by_the_second_account_of_who_ordered_it(room: Room) -> None:
    before, v, digest = await ordered(room, "ops_bea")
    with refused("same_person"):
        await room.approve("bea", v, digest)
    with refused("wrong_role"):
        await room.approve("ops_bea", v, digest)
    assert await room.batches() == before


@way
async def a_resend_approved_with_another_hash(room: Room) -> None:
    before, v, _ = await ordered(room, "ops")
    with refused("content_changed", "state_conflict"):
        await room.approve("bea", v, "0" * 64)
    assert await room.batches() == before


@way
async def a_resend_approved_by_repeating_the_first_approval(room: Room) -> None:
    before, v, _ = await ordered(room, "ops")
    again = await room.approve("bea", v)  # the answer of the first approval, and nothing else
    assert (again.state, again.content_hash) == ("live", v.content_hash)
    assert await room.batches() == before
    assert await room.db.read(resends.waiting, v.message_id) is not None


@way
async def a_resend_approved_without_naming_it(room: Room) -> None:
    before, v, digest = await ordered(room, "ops")
    with refused("hash_missing") as said:
        await room.approve("bea", v, None)
    assert digest in said.value.problems[0].fix
    assert await room.batches() == before


@way
async def an_order_of_a_resend_that_a_newer_one_replaced(room: Room) -> None:
    before, v, digest = await ordered(room, "ops")
    newer = await room.does("ops", resending.resend, v.message_id, ("failed",))
    assert newer.digest != digest
    with refused("content_changed"):
        await room.approve("bea", v, digest)
    assert await room.batches() == before


@way
async def other_people_written_into_an_order_of_a_resend(room: Room) -> None:
    before, v, digest = await ordered(room, "ops")
    members = passes.pack({"sms": BitMap(range(1, 41))})
    await room.db.write(lambda conn: conn.execute(update(resend).values(members=members)))
    with refused("content_changed"):
        await room.approve("bea", v, digest)
    assert await room.batches() == before


@way
async def a_resend_ordered_by_an_author_or_an_approver(room: Room) -> None:
    before, v, _ = await ordered(room, "ops")
    for name in ("ada", "bea", "admin", "audit"):
        with refused("wrong_role"):
            await room.does(name, resending.resend, v.message_id, ("failed",))
    assert await room.batches() == before


@way
async def a_resend_of_a_message_that_was_cancelled_meanwhile(room: Room) -> None:
    before, v, digest = await ordered(room, "ops")
    await room.does("bea", deciding.cancel, v.message_id, "over")
    with refused("state_conflict"):
        await room.approve("bea", v, digest)
    assert await room.batches() == before


@way
async def approving_again_and_again_what_was_approved(room: Room) -> None:
    v = await room.live()
    assert await room.claimed() == [v.id]
    before = await room.batches()
    events = await room.db.read(
        lambda conn: conn.execute(select(func.count()).select_from(outbox)).scalar_one()
    )
    for name in ("bea", "cy", "bea"):
        again = await room.approve(name, v)
        assert (again.state, again.approver_id) == ("live", room.people["bea"].id)
    assert await room.batches() == before
    assert (
        await room.db.read(
            lambda conn: conn.execute(select(func.count()).select_from(outbox)).scalar_one()
        )
        == events
    )
