"""Rules R3, R8 and R16 on both databases: who is claimed, what is recorded of it, and what becomes
of workers that die or sleep.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from pyroaring import BitMap
from sqlalchemy import select

from broadcast.events.tables import outbox
from broadcast.ledger import delivery_report, liveness, passes, receipts
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import leases, open_batches, recording, taking
from broadcast.ledger.claims.outcomes import Outcome, attempts_of
from broadcast.ledger.claims.slices import read_slice
from broadcast.ledger.receipts import Receipt
from broadcast.messages import versions
from broadcast.store.database import Connection
from tests.ledger.world import World, no_contacts


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
