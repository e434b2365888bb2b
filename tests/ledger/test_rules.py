"""The rules of the ledger, each with the interleaving it closes (docs/reliability.md), on both
databases.
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from pyroaring import BitMap

from broadcast.ledger import delivery_report, passes, receipts
from broadcast.ledger.claims import batches, open_batches, recording
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.planning import earlier_versions
from broadcast.ledger.receipts import Receipt
from broadcast.messages import authoring, publishing, versions
from broadcast.operators import operators
from broadcast.problems import Rejected
from broadcast.store.database import Connection
from service.setup.restoring import hold_everything
from tests.ledger.world import World, content, house, no_contacts


async def test_r2_a_retry_and_a_resend_of_the_same_person_are_one_hand_over(world: World) -> None:
    v = await world.live(range(1, 11))
    (s,) = await world.claim()
    due = datetime.now(UTC) - timedelta(seconds=1)
    await world.done(s, "refused", code="20429", due_at=due)
    now = datetime.now(UTC)

    def order(conn: Connection) -> str:
        return publishing.order_resend(
            conn,
            world.approver,
            v.message_id,
            only="failed",
            members=passes.pack({"sms": BitMap(range(1, 11))}),
            people=10,
            now=now,
        )

    resender, _ = await world.db.write(
        operators.add, name="Op", role="operator", area=None, email=None, now=now
    )
    world.approver, approver = resender, world.approver
    digest = await world.db.write(order)
    await world.db.write(
        publishing.approve, approver, v.message_id, content_hash=digest, house=house(), now=now
    )
    await asyncio.gather(
        *(world.db.write(passes.make_due, v.id, contacts=no_contacts) for _ in range(3))
    )
    people = []
    while claimed := await world.claim():
        for s in claimed:
            people += [person for p, person in s.people if p not in s.skipped]
            await world.done(s)
    assert sorted(people) == list(range(1, 11))


async def test_r2_a_late_arrival_stops_the_retry_at_its_claim(world: World) -> None:
    v = await world.live([1, 2])
    (s,) = await world.claim()
    await world.done(s, "refused", due_at=datetime.now(UTC))
    await world.db.write(passes.make_due, v.id, contacts=no_contacts)
    await world.db.write(
        receipts.store,
        Receipt(attempt=s.attempt, position=0, state="delivered", provider_id="SM1"),
        datetime.now(UTC),
    )
    await world.db.write(receipts.merge_waiting, datetime.now(UTC))
    (again,) = await world.claim()
    assert again.skipped == {0: "reached"}
    await world.done(again)
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert account.people["delivered"] == BitMap([1])
    assert account.people["accepted"] == BitMap([2])
    assert account.adds_up


async def test_r9_after_a_cancel_has_committed_nothing_is_claimed(world: World) -> None:
    v = await world.live(range(1, 3001))
    claimed: list[float] = []
    stopped_at: list[float] = []
    clock = asyncio.get_running_loop().time

    async def claimer(n: int) -> None:
        while not stopped_at or clock() < stopped_at[0] + 0.3:
            if await world.claim(want=1 + n, worker=f"w{n}"):
                claimed.append(clock())
            await asyncio.sleep(0)

    async def cancel() -> None:
        await asyncio.sleep(0.15)
        before = clock()
        _, under_way = await world.db.write(
            publishing.cancel,
            world.approver,
            v.message_id,
            why="wrong place",
            house=house(),
            now=datetime.now(UTC),
        )
        assert under_way > 0
        stopped_at.append(clock())
        assert stopped_at[0] - before < 5

    await asyncio.gather(*(claimer(n) for n in range(32)), cancel())
    open_people = await world.db.read(batches.handing_over, v.id)
    await asyncio.sleep(0)
    assert await world.claim() == []
    assert await world.db.read(batches.handing_over, v.id) == open_people
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert len(account.people["handing_over"]) == open_people
    assert len(account.suppressed["withdrawn"]) == 3000 - open_people
    assert account.adds_up


async def test_r9_an_expired_version_is_never_claimed(world: World) -> None:
    v = await world.live(range(1, 40), expires=timedelta(seconds=1))
    await asyncio.sleep(1.1)
    (candidate,) = await world.db.read(
        open_batches.candidates, "routine", "sms", ("Actual",), datetime.now(UTC)
    )
    assert await world.claim(candidate=candidate) == []
    await world.db.write(publishing.expire_due, datetime.now(UTC))
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert len(account.people["expired"]) == 39
    assert account.adds_up


async def test_r9_a_held_version_is_claimed_for_nobody_and_goes_on_where_it_stood(
    world: World,
) -> None:
    v = await world.live(range(1, 101))
    await world.claim()
    await world.db.write(publishing.hold, world.approver, v.message_id, datetime.now(UTC))
    assert await world.claim() == []
    await world.db.write(publishing.resume, world.approver, v.message_id, datetime.now(UTC))
    (s,) = await world.claim()
    assert s.lo == 32


async def test_what_an_older_copy_would_send_again_is_taken_out_of_play(world: World) -> None:
    """`fasttime restored`, which docs/how-to.md names; its command is in tests/console."""
    v = await world.live(range(1, 101))
    await world.claim()
    found = await world.db.write(hold_everything, "machine:ada", datetime.now(UTC))
    assert [held.message_id for held in found.held] == [v.message_id]
    assert await world.claim() == []
    assert (await world.db.read(versions.get, v.id)).state == "held"
    await world.db.write(publishing.resume, world.approver, v.message_id, datetime.now(UTC))
    (s,) = await world.claim()
    assert s.lo == 32


async def test_r10_a_correction_reaches_everybody_of_any_slice_and_waits_for_the_open_ones(
    world: World,
) -> None:
    v = await world.live(range(1, 101))
    (first,) = await world.claim()
    await world.done(first)
    (still_open,) = await world.claim()
    approved = await world.approved(
        count=64, message_id=v.message_id, action="correct", kind="correction"
    )
    assert await world.claim() == []  # nothing of the wrong one any more
    correction = await world.db.read(versions.get, approved.id)
    reached = await world.db.read(earlier_versions.reached_by_predecessors, correction)
    assert reached == {"sms": BitMap(range(1, 65))}
    await world.freeze(correction, {("sms", "en"): range(1, 65)})
    assert await world.release(correction) == "released"
    (s,) = await world.claim("urgent")
    assert [person for _, person in s.people] == list(range(1, 33))
    # those of the open slice are held until it must be over
    assert await world.claim("urgent") == []
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert account.version.state == "corrected"
    assert len(account.suppressed["withdrawn"]) == 36
    del still_open


async def test_r10_two_corrections_do_not_fork_the_chain(world: World) -> None:
    v = await world.live(range(1, 5))
    await world.submitted(count=4, message_id=v.message_id, action="correct", kind="correction")
    with pytest.raises(Rejected) as refused:
        await world.submitted(count=4, message_id=v.message_id, action="correct", kind="correction")
    assert refused.value.problems[0].code == "version_open"


async def test_r10_people_surely_refused_are_not_corrected(world: World) -> None:
    v = await world.live([1, 2, 3])
    (s,) = await world.claim()
    outcomes = [
        Outcome(position=0, person_id=1, state="accepted", provider_id="SM1"),
        Outcome(position=1, person_id=2, state="failed", code="21211"),
        Outcome(position=2, person_id=3, state="in_doubt"),
    ]
    await world.db.write(recording.record, [(s, outcomes)], at=datetime.now(UTC))
    submitted = await world.submitted(
        count=2, message_id=v.message_id, action="correct", kind="correction"
    )
    reached = await world.db.read(earlier_versions.reached_by_predecessors, submitted)
    assert reached["sms"] == BitMap([1, 3])


async def test_r11_an_edit_between_reading_and_approving_is_refused(world: World) -> None:
    v = await world.submitted(count=10)
    with pytest.raises(Rejected):
        await world.db.write(
            authoring.edit,
            world.author,
            v.message_id,
            content(severity="Severe"),
            datetime.now(UTC),
        )
    await world.db.write(
        authoring.send_back, world.approver, v.message_id, "return", "typo", datetime.now(UTC)
    )
    await world.db.write(
        authoring.edit, world.author, v.message_id, content(severity="Severe"), datetime.now(UTC)
    )
    with pytest.raises(Rejected) as refused:
        await world.db.write(
            publishing.approve,
            world.approver,
            v.message_id,
            content_hash=v.content_hash,
            house=house(),
            now=datetime.now(UTC),
        )
    assert refused.value.status == 409


async def test_r11_text_changed_behind_the_hash_is_not_approved(world: World) -> None:
    from sqlalchemy import update

    from broadcast.messages.tables import version

    v = await world.submitted(count=10)
    await world.db.write(
        lambda conn: conn.execute(
            update(version)
            .where(version.c.id == v.id)
            .values(content=versions.canonical(content(severity="Minor")))
        )
    )
    with pytest.raises(Rejected) as refused:
        await world.db.write(
            publishing.approve,
            world.approver,
            v.message_id,
            content_hash=v.content_hash,
            house=house(),
            now=datetime.now(UTC),
        )
    assert refused.value.problems[0].code == "content_changed"


async def test_r12_any_order_of_any_receipts_gives_the_same_final_state(world: World) -> None:
    v = await world.live(range(1, 25))
    (s,) = await world.claim()
    history = [("accepted", ""), ("sent", ""), ("failed", "30003"), ("delivered", "")]
    chance = random.Random(7)
    for position in range(24):
        mixed = history * 2
        chance.shuffle(mixed)
        for state, code in mixed:
            await world.db.write(
                receipts.store,
                Receipt(
                    attempt=s.attempt,
                    position=position,
                    state=state,
                    code=code,
                    provider_id=f"SM{position}",
                ),
                datetime.now(UTC),
            )
            if chance.random() < 0.4:
                await world.db.write(receipts.merge_waiting, datetime.now(UTC))
    await world.db.write(receipts.merge_waiting, datetime.now(UTC))
    await world.done(s, "in_doubt")
    account = await world.db.read(delivery_report.account, v)
    assert len(account.people["delivered"]) == 24


async def test_r12_a_taken_second_attempt_stands_over_a_failed_first_and_a_doubt_stays_visible(
    world: World,
) -> None:
    v = await world.live([1, 2])
    (s,) = await world.claim()
    now = datetime.now(UTC)
    await world.db.write(
        recording.record,
        [
            (
                s,
                [
                    Outcome(position=0, person_id=1, state="refused", due_at=now),
                    Outcome(position=1, person_id=2, state="in_doubt"),
                ],
            )
        ],
        at=now,
    )
    await world.db.write(passes.make_due, v.id, contacts=no_contacts)
    (again,) = await world.claim()
    assert [person for _, person in again.people] == [1]
    await world.done(again, "accepted")
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert account.people["accepted"] == BitMap([1])
    assert account.people["in_doubt"] == BitMap([2])


async def test_a_routine_failure_goes_on_by_the_next_channel_and_an_urgent_one_was_asked_on_all(
    world: World,
) -> None:
    v = await world.live([1, 2, 3], channels="sms>email")
    (s,) = await world.claim()
    await world.done(s, "failed", code="21211", due_at=datetime.now(UTC))
    await world.db.write(passes.make_due, v.id, contacts=no_contacts)
    (mail,) = await world.claim(channel="email")
    assert [person for _, person in mail.people] == [1, 2, 3]
    await world.done(mail)
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert len(account.people["accepted"]) == 3
    assert len(account.channels["sms"]["failed"]) == 3

    urgent = await world.live([1, 2], channels="sms>email", severity="Extreme")
    assert await world.claim("urgent", "sms")
    assert await world.claim("urgent", "email")
    del urgent


async def test_danger_to_life_tries_another_contact_point_after_a_doubt(world: World) -> None:
    v = await world.live([1, 2], severity="Extreme")
    (s,) = await world.claim("urgent")
    await world.done(s, "in_doubt", due_at=datetime.now(UTC) - timedelta(seconds=1))
    made = await world.db.write(
        passes.make_due,
        v.id,
        contacts=lambda _, people: {"sms": people, "email": people & BitMap([2])},
    )
    assert made == 1
    (mail,) = await world.claim("urgent", "email")
    assert [person for _, person in mail.people] == [2]
    assert await world.claim("urgent", "sms") == []
