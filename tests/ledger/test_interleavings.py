"""What happens between two looks: evidence that comes while a pass is made, an ordered resend that
is refused once, a queue whose first place is stuck.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from pyroaring import BitMap
from sqlalchemy import insert, select, update

from broadcast.ledger import attempt_look_up, delivery_report, passes, receipts
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import batch_causes, open_batches
from broadcast.ledger.claims.outcomes import due_rows, settle_due
from broadcast.ledger.claims.slices import Slice
from broadcast.ledger.claims.tables import batch, outcome
from broadcast.ledger.receipts import Receipt
from broadcast.ledger.tables import receipt
from broadcast.messages import publishing, versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.wording.rendered import Rendered
from channels.dispatch.sender import Sender
from channels.memory import MemoryChannel, slow
from service.loops.opt_outs import RecentOptOuts
from subscribers.registry import acts, importing, reached
from tests.chaos.harness import people
from tests.ledger.sending import run_for, sender_of
from tests.ledger.world import World, house, no_contacts

PAST = timedelta(seconds=1)


async def receive(world: World, s: Slice, position: int, state: str) -> None:
    now = datetime.now(UTC)
    await world.db.write(
        receipts.store,
        Receipt(
            attempt=s.attempt,
            position=position,
            state=state,
            code="30003",
            provider_id=f"SM{position}",
        ),
        now,
    )
    await world.db.write(receipts.merge_waiting, now)


async def order_resend(world: World, message_id: int, only: str, ids: list[int]) -> None:
    now = datetime.now(UTC)
    operator, _ = await world.db.write(
        operators.add, name="Op", role="operator", area=None, email=None, now=now
    )
    members = passes.pack({"sms": BitMap(ids)})
    digest = await world.db.write(
        publishing.order_resend,
        operator,
        message_id,
        only=only,
        members=members,
        people=len(ids),
        now=now,
    )
    await world.db.write(
        publishing.approve, world.approver, message_id, content_hash=digest, house=house(), now=now
    )


async def make_due(world: World, v: Version, contacts: passes.Contacts = no_contacts) -> int:
    return await world.db.write(passes.make_due, v.id, contacts=contacts)


async def causes(world: World, v: Version) -> list[str]:
    return list(
        await world.db.read(
            lambda conn: (
                conn.execute(
                    select(batch.c.cause).where(batch.c.version_id == v.id).order_by(batch.c.id)
                )
                .scalars()
                .all()
            )
        )
    )


async def test_a_failure_told_while_a_pass_is_made_still_brings_the_next_channel(
    world: World,
) -> None:
    """The pass reads a doubt, a callback turns it into a failure that asks for the next channel,
    the pass ends: the failure stays due.
    """
    v = await world.live([1], channels="sms>email")
    (s,) = await world.claim()
    await world.done(s, "in_doubt", due_at=datetime.now(UTC) - PAST)
    rows = await world.db.read(due_rows, v.id, datetime.now(UTC))
    await receive(world, s, 0, "failed")
    await world.db.write(settle_due, rows)
    assert await make_due(world, v) == 1
    (mail,) = await world.claim(channel="email")
    assert [person for _, person in mail.people] == [1]


async def test_an_ordered_repeat_that_is_refused_once_is_tried_again_and_stays_marked(
    world: World,
) -> None:
    v = await world.live([1, 2])
    (s,) = await world.claim()
    await world.done(s, "in_doubt")
    await order_resend(world, v.message_id, "in_doubt", [1, 2])
    assert await make_due(world, v) == 2
    (again,) = await world.claim()
    await world.done(again, "refused", code="20429", due_at=datetime.now(UTC) - PAST)
    await world.db.write(
        lambda conn: conn.execute(
            update(outcome)
            .where(outcome.c.state == "refused")
            .values(due_at=datetime.now(UTC) - PAST)
        )
    )
    assert await make_due(world, v) == 2
    last = await world.db.read(
        open_batches.candidates, "routine", "sms", ("Actual",), datetime.now(UTC)
    )
    assert [batch_causes.repeats(c.cause) for c in last] == [True]
    (third,) = await world.claim()
    assert not third.skipped
    handed = await world.db.read(attempt_look_up.handed, third.attempt, 0)
    assert handed is not None
    assert handed.repeat
    await world.done(third)
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert len(account.people["accepted"]) == 2
    assert account.adds_up


async def test_every_hand_over_that_a_person_ordered_is_marked_and_no_other(world: World) -> None:
    """A provider may have taken what failed later: what is sent again because somebody
    ordered it says so.
    """
    v = await world.live([1, 2])
    (s,) = await world.claim()
    await world.done(s, "accepted", provider_id="SM1")
    for position in (0, 1):
        await receive(world, s, position, "failed")
    await order_resend(world, v.message_id, "failed", [1, 2])
    assert await make_due(world, v) == 2
    assert [batch_causes.repeats(cause) for cause in await causes(world, v)] == [False, True]


async def test_another_contact_point_that_is_refused_once_is_tried_again_as_what_it_is(
    world: World,
) -> None:
    v = await world.live([1], severity="Extreme")
    (s,) = await world.claim("urgent")
    await world.done(s, "in_doubt", due_at=datetime.now(UTC) - PAST)
    assert await make_due(world, v, lambda _, ids: {"email": ids}) == 1
    (mail,) = await world.claim("urgent", "email")
    await world.done(mail, "not_started", due_at=datetime.now(UTC) - PAST)
    assert await make_due(world, v) == 1
    assert [batch_causes.any_contact(cause) for cause in await causes(world, v)] == [
        False,
        True,
        True,
    ]


async def test_who_took_back_their_consent_to_one_channel_is_still_owed_the_next(
    world: World,
) -> None:
    v = await world.live([1], channels="sms>email")
    await world.claim(skip={1: "no_consent"})
    assert await make_due(world, v) == 1
    (mail,) = await world.claim(channel="email")
    assert [person for _, person in mail.people] == [1]


async def test_receipts_that_no_slice_claims_are_in_nobodys_way_and_an_old_one_counts(
    world: World,
) -> None:
    await world.live([1])
    (s,) = await world.claim()
    await world.done(s, "accepted", provider_id="SM0")
    now = datetime.now(UTC)
    orphan = {
        "position": 0,
        "source": "callback",
        "provider_id": "",
        "state": "sent",
        "code": "",
        "at": now,
    }
    await world.db.write(
        lambda conn: conn.execute(
            insert(receipt),
            [orphan | {"attempt": new_slice_attempt(), "digest": str(n)} for n in range(600)],
        )
    )
    await world.db.write(
        receipts.store,
        Receipt(attempt=s.attempt, position=0, state="delivered", provider_id="SM0"),
        now - timedelta(hours=30),
    )
    assert await world.db.write(receipts.merge_waiting, now) == 1
    assert (
        await world.db.read(lambda conn: conn.execute(select(outcome.c.state)).scalar_one())
        == "delivered"
    )


async def test_doubts_that_no_list_knows_of_do_not_stand_before_the_others(world: World) -> None:
    await world.live(range(1, 61))
    for s in await world.claim(want=60):
        await world.done(s, "in_doubt")
    later = datetime.now(UTC) + timedelta(minutes=5)
    seen: list[int] = []
    after = ("", -1)
    while rows := await world.db.read(
        receipts.in_doubt_to_settle, "sms", ["Actual"], later, timedelta(0), after, 25
    ):
        seen += [row.person_id for row in rows]
        after = (rows[-1].attempt, rows[-1].position)
    assert sorted(seen) == list(range(1, 61))
    assert not await world.db.read(
        receipts.in_doubt_to_settle, "sms", ["Exercise"], later, timedelta(0)
    )


class Broken:
    """One version cannot be rendered."""

    def __init__(self, version_id: int) -> None:
        self._version_id = version_id

    async def rendered(
        self, version_id: int, channel: str, language: str, *, repeat: bool, roles: str = ""
    ) -> tuple[Rendered, datetime]:
        if version_id == self._version_id:
            raise KeyError("a bug")
        return Rendered(
            channel=channel, language=language, subject="S", body="B", html="H"
        ), datetime.now(UTC) + timedelta(hours=1)


async def test_a_version_that_cannot_be_rendered_stands_before_no_other_of_its_room(
    world: World,
) -> None:
    await world.db.write(
        importing.import_records,
        [r._replace(channels="email", email=f"p{n}@example.org") for n, r in enumerate(people(4))],
        "test",
        datetime.now(UTC),
    )
    broken = await world.live([1, 2], channels="email")
    sound = await world.live([3, 4], channels="email")
    sender = sender_of(world.db, MemoryChannel("email"), Broken(broken.id))
    await run_for(sender, 2.0)
    lines = [
        (
            await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
        ).to_json()["people"]
        for v in (broken, sound)
    ]
    assert [(line["waiting"], line["accepted"]) for line in lines] == [(2, 0), (0, 2)]


async def test_people_who_share_an_address_get_it_there_once_also_as_their_next_channel(
    world: World,
) -> None:
    some = [
        r._replace(
            channels="sms;email",
            mobile=f"+44770090000{n}",
            email=f"{'Shared' if n < 2 else 'shared' if n < 3 else 'own'}@example.org",
        )
        for n, r in enumerate(people(4))
    ]
    await world.db.write(importing.import_records, some, "test", datetime.now(UTC))
    v = await world.live([1, 2, 3, 4], channels="sms>email")
    (second,), (first,) = await world.claim(want=1), await world.claim(want=3)
    await world.done(first, "failed", code="30003", due_at=datetime.now(UTC) - PAST)
    assert (
        await world.db.write(passes.make_due, v.id, contacts=no_contacts, shared=reached.sharing)
        == 2
    )
    await world.done(second, "failed", code="30003", due_at=datetime.now(UTC) - PAST)
    assert (
        await world.db.write(passes.make_due, v.id, contacts=no_contacts, shared=reached.sharing)
        == 0
    )
    mails = await world.claim(channel="email")
    assert [person for s in mails for _, person in s.people] == [2, 4]
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert account.adds_up
    assert account.people["failed"] == BitMap([1, 3])


def sending(world: World, channel: MemoryChannel, stopped: RecentOptOuts) -> Sender:
    return sender_of(world.db, channel, Broken(0), opted_out=stopped)


async def by_mail(world: World, count: int) -> Version:
    some = [
        r._replace(channels="email", email=f"p{n}@example.org") for n, r in enumerate(people(count))
    ]
    await world.db.write(importing.import_records, some, "test", datetime.now(UTC))
    return await world.live(range(1, count + 1), channels="email")


async def told(world: World, v: Version) -> dict[str, BitMap]:
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    return {line: ids for line, ids in account.people.items() if ids}


async def test_who_stopped_and_started_again_before_the_claim_is_sent_to(world: World) -> None:
    v = await by_mail(world, 2)
    stopped, stopping = RecentOptOuts(world.db), asyncio.Event()
    await world.db.write(acts.stop, [1, 2], "email", "unsubscribe", datetime.now(UTC))
    await stopped.refresh()  # the list says so until it is read again
    await world.db.write(acts.start, [1], "email", "link", datetime.now(UTC))
    running = asyncio.create_task(sending(world, MemoryChannel("email"), stopped).run(stopping))
    async with asyncio.timeout(10):
        while "waiting" in (lines := await told(world, v)) or "handing_over" in lines:
            await asyncio.sleep(0.05)
    stopping.set()
    await running
    assert lines == {"accepted": BitMap([1]), "not_sent": BitMap([2])}


async def test_who_stops_after_the_claim_is_passed_over_before_the_wire(world: World) -> None:
    v = await by_mail(world, 3)
    channel = MemoryChannel("email", concurrency=1, by_call={0: slow(1.5)})
    stopped, stopping = RecentOptOuts(world.db), asyncio.Event()
    await stopped.refresh()
    running = asyncio.create_task(sending(world, channel, stopped).run(stopping))
    async with asyncio.timeout(10):
        while not channel.ledger:  # the first is under way, all three are claimed
            await asyncio.sleep(0.01)
        await world.db.write(acts.stop, [2], "email", "unsubscribe", datetime.now(UTC))
        await stopped.refresh()
        while "waiting" in (lines := await told(world, v)) or "handing_over" in lines:
            await asyncio.sleep(0.05)
    stopping.set()
    await running
    assert lines == {"accepted": BitMap([1, 3]), "not_sent": BitMap([2])}
    assert [entry.to for entry in channel.ledger] == ["p0@example.org", "p2@example.org"]


async def test_a_sender_of_which_a_part_failed_ends_aloud(world: World) -> None:
    await world.db.write(
        importing.import_records,
        [r._replace(channels="email", email=f"p{n}@example.org") for n, r in enumerate(people(2))],
        "test",
        datetime.now(UTC),
    )
    await world.live([1, 2], channels="email")

    def fails(person: int, channel: str, *, claimed: float) -> bool:
        raise RuntimeError("a bug")

    sender = sender_of(
        world.db,
        MemoryChannel("email", concurrency=1),
        Broken(0),
        opted_out=fails,
        send_seconds=0.2,
    )
    with pytest.raises(RuntimeError):
        await asyncio.wait_for(sender.run(asyncio.Event()), 10)
