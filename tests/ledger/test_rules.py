"""The rules of the ledger, each with the interleaving it closes (docs/reliability.md), on both
databases.
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import select

from broadcast.events.tables import outbox
from broadcast.ledger import audiences, delivery_report, liveness, passes, receipts
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import batches, leases, open_batches, recording, taking
from broadcast.ledger.claims.outcomes import Outcome, attempts_of
from broadcast.ledger.claims.slices import read_slice
from broadcast.ledger.receipts import Receipt
from broadcast.messages import authoring, publishing, versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.problems import Rejected
from broadcast.store.database import Connection, Database
from tests.ledger.world import World, content, house


@pytest.fixture
async def world(db: Database) -> World:
    return await World.make(db)


def no_contacts(conn: Connection, people: BitMap) -> dict[str, BitMap]:
    return {}


async def test_r1_of_two_matchers_one_freezes_the_shard_and_the_other_writes_nothing(
    world: World,
) -> None:
    v = await world.approved(count=100)
    won = await asyncio.gather(
        world.freeze(v, {("sms", "en"): range(1, 101)}),
        world.freeze(v, {("sms", "en"): range(50, 151)}),
    )
    assert sorted(won) == [False, True]
    frozen = await world.db.read(audiences.read, v.id)
    assert len(frozen.addressed) in (100, 101)
    assert frozen.send["sms", "en"] == frozen.addressed


async def test_r1_nothing_can_be_claimed_before_every_shard_is_frozen(world: World) -> None:
    v = await world.approved(count=60, shards=2)
    await world.freeze(v, {("sms", "en"): range(1, 31)}, shard=0)
    assert await world.release(v) == "not_ready"
    assert await world.claim() == []
    await world.freeze(v, {("sms", "en"): range(31, 61)}, shard=1)
    assert await world.release(v) == "released"
    assert len((await world.claim())[0].people) == 32


@pytest.mark.parametrize(
    ("people", "urgent", "result"),
    [
        (0, False, "blocked"),
        (142, False, "blocked"),
        (119, False, "released"),
        (80, False, "released"),
        (79, False, "blocked"),
        (120, False, "released"),
        (121, False, "blocked"),
        (121, True, "blocked"),
        (60, False, "blocked"),
        (60, True, "released"),
    ],
)
async def test_r1_a_total_that_is_not_what_the_approvers_saw_blocks(
    world: World, people: int, urgent: bool, result: str
) -> None:
    more: dict[str, Any] = {"severity": "Extreme"} if urgent else {}
    v = await world.approved(count=100, **more)
    await world.freeze(v, {("sms", "en"): range(1, people + 1)})
    assert await world.release(v) == result
    assert (await world.db.read(versions.get, v.id)).state == (
        "live" if result == "released" else "blocked"
    )


async def test_r1_a_blocked_version_is_frozen_anew_after_it_is_approved_anew(world: World) -> None:
    v = await world.approved(count=100)
    await world.freeze(v, {("sms", "en"): range(1, 400)})
    assert await world.release(v) == "blocked"
    now = datetime.now(UTC)
    again = await world.db.write(
        authoring.submit,
        world.author,
        v.id,
        revision=v.revision,
        resolved=v.resolved,
        count=399,
        wording_revision="test",
        now=now,
    )
    assert again.content_hash != v.content_hash
    approved = await world.db.write(
        publishing.approve,
        world.approver,
        v.message_id,
        content_hash=again.content_hash,
        house=house(),
        now=now,
    )
    assert (approved.identifier, approved.sent) == (v.identifier, v.sent)
    assert await world.freeze(v, {("sms", "en"): range(1, 400)})
    assert await world.release(v) == "released"


async def test_r1_the_lowest_id_of_people_sharing_a_number_gets_it_and_routine_duplicates_move_on(
    world: World,
) -> None:
    v = await world.approved(count=3)
    await world.freeze(v, {("sms>email", "en"): [1, 2], ("sms", "en"): [3]})
    await world.release(v, shared=[[1, 2, 3]])
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert account.channels["sms"]["waiting"] == BitMap([1])
    assert account.channels["sms"]["not_sent"] == BitMap([2, 3])
    assert account.suppressed["duplicate_person"] == BitMap([3])
    assert account.adds_up


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


async def test_r3_workers_with_different_slice_sizes_give_everybody_out_exactly_once(
    world: World,
) -> None:
    await world.live(range(1, 501))
    (candidate,) = await world.db.read(
        open_batches.candidates, "routine", "sms", ("Actual",), datetime.now(UTC)
    )

    async def worker(name: str, sizes: list[int]) -> list[int]:
        got: list[int] = []
        for size in sizes * 40:
            for s in await world.claim(want=size, worker=name, candidate=candidate):
                got += [person for _, person in s.people]
        return got

    found = await asyncio.gather(
        worker("old", [20]), worker("new", [32]), worker("odd", [7, 31, 1])
    )
    assert sorted(person for got in found for person in got) == list(range(1, 501))


async def test_r3_a_claim_of_many_is_cut_into_slices_of_at_most_32(world: World) -> None:
    await world.live(range(1, 81))
    assert [len(s.people) for s in await world.claim(want=80)] == [32, 32, 16]


async def test_every_attempt_to_a_person_is_told_with_what_became_of_it(world: World) -> None:
    v = await world.live(range(1, 4))
    (s,) = await world.claim()
    await world.done(s, "accepted")
    (told,) = await world.db.read(attempts_of, v.id, 2)
    assert (told["attempt"], told["channel"], told["state"]) == (s.attempt, "sms", "accepted")
    assert datetime.fromisoformat(told["at"]).tzinfo is not None


async def test_r3_a_claim_whose_reply_was_lost_can_be_read_back(world: World) -> None:
    await world.live(range(1, 41))
    (s,) = await world.claim()
    assert await world.db.read(read_slice, s.attempt) == s
    assert await world.db.read(read_slice, "0" * 32) is None


async def test_r3_a_slice_that_is_read_back_knows_whom_it_skipped(world: World) -> None:
    await world.live(range(1, 6))
    (s,) = await world.claim(skip={2: "stopped"})
    assert s.skipped == {1: "stopped"}
    assert await world.db.read(read_slice, s.attempt) == s


async def test_r16_a_lease_expires_ten_seconds_after_its_deadline_and_not_before(
    world: World,
) -> None:
    await world.live(range(1, 6))
    (candidate,) = await world.db.read(
        open_batches.candidates, "routine", "sms", ("Actual",), datetime.now(UTC)
    )
    claimed = await world.db.write(
        taking.claim,
        candidate,
        want=32,
        worker="w1",
        attempts=new_slice_attempt,
        suppress=lambda *_: {},
    )
    assert claimed is not None
    (s,), deadline = claimed
    for seconds, expired in ((-1, []), (10, []), (10.001, [s.attempt])):
        now = deadline + timedelta(seconds=seconds)
        assert await world.db.write(leases.expire_leases, dead_workers=(), now=now) == expired


async def test_r8_outcomes_of_a_swept_slice_are_late_evidence_and_none_is_lost(
    world: World,
) -> None:
    v = await world.live(range(1, 33))
    (s,) = await world.claim()
    await world.db.write(
        receipts.store,
        Receipt(attempt=s.attempt, position=5, state="delivered", provider_id="SM5"),
        datetime.now(UTC),
    )
    await world.db.write(receipts.merge_waiting, datetime.now(UTC))
    swept = await world.db.write(leases.expire_leases, dead_workers=["w1"], now=datetime.now(UTC))
    assert swept == [s.attempt]
    account = await world.db.read(delivery_report.account, v)
    assert len(account.people["in_doubt"]) == 31
    await world.done(s, "accepted")
    account = await world.db.read(delivery_report.account, v)
    assert (
        len(account.people["accepted"]),
        len(account.people["delivered"]),
        len(account.people["in_doubt"]),
    ) == (31, 1, 0)
    assert account.adds_up
    told = (
        select(outbox.c.type)
        .where(outbox.c.key == s.attempt, outbox.c.type.startswith("slice."))
        .order_by(outbox.c.id)
    )
    facts = await world.db.read(lambda conn: list(conn.execute(told).scalars()))
    assert facts == ["slice.swept", "slice.late"]  # it is closed once


async def test_r8_a_callback_that_comes_before_the_record_is_not_in_the_way_of_the_other_31(
    world: World,
) -> None:
    v = await world.live(range(1, 33))
    (s,) = await world.claim()
    await world.db.write(
        receipts.store,
        Receipt(attempt=s.attempt, position=0, state="sent", provider_id="SM0"),
        datetime.now(UTC),
    )
    await world.db.write(receipts.merge_waiting, datetime.now(UTC))
    await world.done(s, "accepted", provider_id="SM0")
    account = await world.db.read(delivery_report.account, v)
    assert len(account.people["accepted"]) == 32


async def test_r8_people_skipped_at_the_claim_are_not_in_doubt_after_a_kill(world: World) -> None:
    v = await world.live(range(1, 11))
    await world.claim(skip={3: "stopped", 4: "erased"})
    await world.db.write(leases.expire_leases, dead_workers=["w1"], now=datetime.now(UTC))
    account = await world.db.read(delivery_report.account, v)
    assert account.people["in_doubt"] == BitMap([1, 2, 5, 6, 7, 8, 9, 10])
    assert account.suppressed["stopped"] == BitMap([3])
    assert account.suppressed["erased"] == BitMap([4])
    assert account.adds_up


async def test_r8_what_never_began_goes_back_to_waiting_and_is_sent_once(world: World) -> None:
    v = await world.live(range(1, 6))
    (s,) = await world.claim()
    await world.done(s, "not_started", due_at=datetime.now(UTC))
    account = await world.db.read(delivery_report.account, v)
    assert len(account.people["waiting"]) == 5
    await world.db.write(passes.make_due, v.id, contacts=no_contacts)
    (again,) = await world.claim()
    await world.done(again)
    assert await world.claim() == []
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert len(account.people["accepted"]) == 5
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


async def test_r10_a_correction_reaches_everybody_of_any_slice_and_waits_for_the_open_ones(
    world: World,
) -> None:
    v = await world.live(range(1, 101))
    (first,) = await world.claim()
    await world.done(first)
    (still_open,) = await world.claim()
    submitted = await world.submitted(
        count=64, message_id=v.message_id, action="correct", kind="correction"
    )
    await world.db.write(
        publishing.approve,
        world.approver,
        v.message_id,
        content_hash=submitted.content_hash,
        house=house(),
        now=datetime.now(UTC),
    )
    assert await world.claim() == []  # nothing of the wrong one any more
    correction = await world.db.read(versions.get, submitted.id)
    reached = await world.db.read(audiences.reached_by_predecessors, correction)
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
    reached = await world.db.read(audiences.reached_by_predecessors, submitted)
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


async def test_r16_a_worker_that_fell_silent_is_declared_dead_and_must_register_anew(
    world: World,
) -> None:
    if world.db.dialect == "postgresql":
        await asyncio.sleep(
            0
            # its session lock is missing, which is found after three seconds; here the silence is
            # what counts
        )
    await world.db.write(liveness.register, "w1", "routine", 1)
    await world.live(range(1, 5))
    await world.claim()

    def age(conn: Connection) -> list[str]:
        from sqlalchemy import update

        from broadcast.ledger.tables import worker

        conn.execute(
            update(worker).values(
                heartbeat_at=datetime.now(UTC) - timedelta(seconds=7),
                started_at=datetime.now(UTC) - timedelta(seconds=60),
            )
        )
        return liveness.declare_dead(conn)

    deadline = asyncio.get_running_loop().time() + 15
    while not (dead := await world.db.write(age)) and asyncio.get_running_loop().time() < deadline:
        # PostgreSQL has only just started, and heartbeats are not judged yet
        await asyncio.sleep(0.5)
    assert dead == ["w1"]
    assert not await world.db.write(liveness.heartbeat, "w1")


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


async def test_a_level_change_from_another_level_is_refused_and_an_unchanged_one_sends_nothing(
    world: World,
) -> None:
    change: dict[str, Any] = {"kind": "threat_level_change", "scope": "UK", "areas": ()}
    first = await world.submitted(count=5, level="SEVERE", **change)
    second = await world.submitted(count=5, level="CRITICAL", **change)
    await world.db.write(
        publishing.approve,
        world.approver,
        first.message_id,
        content_hash=None,
        house=house(),
        now=datetime.now(UTC),
    )
    with pytest.raises(Rejected) as refused:
        await world.db.write(
            publishing.approve,
            world.approver,
            second.message_id,
            content_hash=None,
            house=house(),
            now=datetime.now(UTC),
        )
    assert refused.value.problems[0].code == "level_changed"
    with pytest.raises(Rejected) as refused:
        await world.submitted(count=5, level="SEVERE", **change)
    assert refused.value.problems[0].code == "level_unchanged"


async def test_r8_a_worker_that_was_declared_dead_claims_nothing_under_its_old_name(
    world: World,
) -> None:
    await world.live(range(1, 40))
    await world.db.write(liveness.register, "w1", "routine", 1)
    await world.db.write(liveness.leave, "w1")
    assert await world.claim(worker="w1") == []
    assert len(await world.claim(worker="w2")) == 1


async def test_r8_a_part_whose_commit_reply_was_lost_is_not_counted_twice(world: World) -> None:
    v = await world.live(range(1, 33))
    (s,) = await world.claim()
    at = datetime.now(UTC)
    some = [Outcome(position=p, person_id=person, state="accepted") for p, person in s.people[:10]]
    for _ in range(2):
        await world.db.write(recording.record_some, s, some, at=at)
    assert (await world.db.read(delivery_report.progress, v.id))["sms"]["accepted"] == 10
    account = await world.db.read(delivery_report.account, v)
    assert (len(account.people["accepted"]), len(account.people["handing_over"])) == (10, 22)
    assert account.adds_up


LEVEL = {"kind": "threat_level_change", "scope": "UK", "areas": (), "level": "SEVERE"}


async def approved(world: World, v: Version) -> Version:
    return await world.db.write(
        publishing.approve,
        world.approver,
        v.message_id,
        content_hash=v.content_hash,
        house=house(),
        now=datetime.now(UTC),
    )


@pytest.mark.parametrize(
    "message",
    [LEVEL, {"channels": ("web",)}, {"channels": ("sms", "web")}],
    ids=["level", "web alone", "with text messages"],
)
async def test_what_stands_on_the_page_is_published_though_nobody_is_registered(
    world: World, message: dict[str, Any]
) -> None:
    v = await approved(world, await world.submitted(count=0, **message))
    await world.freeze(v, {})
    assert await world.release(v) == "released"
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert (len(account.addressed), account.adds_up, account.complete) == (0, True, True)


@pytest.mark.parametrize(
    "message",
    [
        {"channels": ("sms", "voice", "email")},
        {"channels": ("web",), "visibility": "restricted"},
        {"channels": ("web",), "status": "Test"},
    ],
    ids=["without the web", "not public", "a test"],
)
async def test_what_would_reach_nobody_at_all_is_refused(
    world: World, message: dict[str, Any]
) -> None:
    with pytest.raises(Rejected) as refused:
        await world.submitted(count=0, **message)
    assert refused.value.problems[0].code == "audience_empty"


async def test_what_was_approved_for_some_stays_blocked_when_none_is_left_though_it_has_a_page(
    world: World,
) -> None:
    v = await approved(world, await world.submitted(count=3, channels=("sms", "web")))
    await world.freeze(v, {})
    assert await world.release(v) == "blocked"
    why = (await world.db.read(versions.get, v.id)).why
    assert why == "audience_empty: nobody is left to send to"
