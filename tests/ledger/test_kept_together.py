"""What is kept on PostgreSQL, where two transactions overlap: whoever changes an outcome and who
puts it into what is kept never miss each other, and nobody waits for ever.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from broadcast.ledger import delivery_report, passes, receipts
from broadcast.ledger.claims import leases, recording
from broadcast.ledger.claims.outcomes import Outcome, due_rows
from broadcast.ledger.claims.slices import Slice
from broadcast.ledger.kept import checking, folding
from broadcast.ledger.receipts import Receipt
from broadcast.messages.versions import Version
from broadcast.store.database import Connection, Database
from tests.keys import database as open_database
from tests.ledger.world import World

pytestmark = pytest.mark.postgres


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def db(migrated_postgres_url: str) -> AsyncIterator[Database]:
    database = open_database(migrated_postgres_url, pool_size=12)
    yield database
    await database.close()


async def _closed(db: Database, state: str = "accepted") -> tuple[World, Version, Slice]:
    world = await World.make(db)
    v = await world.live(range(1, 33))
    (s,) = await world.claim()
    await world.done(s, state)
    return world, v, s


def _told(s: Slice, position: int = 3, state: str = "delivered") -> Receipt:
    return Receipt(attempt=s.attempt, position=position, state=state, provider_id=f"SM{position}")


async def test_a_slice_whose_receipt_is_being_merged_is_kept_after_it_and_not_before(
    db: Database,
) -> None:
    _, v, s = await _closed(db)
    await db.write(receipts.store, _told(s), now())
    async with db.engine.connect() as other:
        held = await other.begin()
        assert await other.run_sync(receipts.merge_waiting, now()) == 1
        assert await db.write(folding.fold, now()) == 0
        await held.commit()
    assert await db.write(folding.fold, now()) == 1
    assert await db.read(checking.differences, v.id) == []
    assert list((await db.read(delivery_report.account, v)).people["delivered"]) == [4]


async def test_a_receipt_of_a_slice_that_is_just_being_kept_is_merged_after_it(
    db: Database,
) -> None:
    _, v, s = await _closed(db)
    await db.write(receipts.store, _told(s), now())
    async with db.engine.connect() as other:
        held = await other.begin()
        assert await other.run_sync(folding.fold, now()) == 1
        assert await asyncio.wait_for(db.write(receipts.merge_waiting, now()), 5) == 0
        await held.commit()
    assert await db.write(receipts.merge_waiting, now()) == 1
    assert await db.read(checking.differences, v.id) == []
    assert list((await db.read(delivery_report.account, v)).people["delivered"]) == [4]


async def test_late_outcomes_of_a_slice_that_is_just_being_kept_wait_for_it_and_are_seen(
    db: Database,
) -> None:
    world = await World.make(db)
    v = await world.live(range(1, 33))
    (s,) = await world.claim()
    await db.write(leases.expire_leases, dead_workers=["w1"], now=now())
    async with db.engine.connect() as other:
        held = await other.begin()
        assert await other.run_sync(folding.fold, now()) == 1
        late = asyncio.create_task(world.done(s))
        part = [Outcome(position=0, person_id=1, state="delivered")]
        some = asyncio.create_task(db.write(recording.record_some, s, part, at=now()))
        await asyncio.sleep(0.3)
        assert not late.done()
        assert not some.done()
        await held.commit()
    await asyncio.gather(late, some)
    assert await db.read(checking.differences, v.id) == []
    assert len((await db.read(delivery_report.account, v)).people["accepted"]) == 31


async def test_somebody_who_is_given_up_while_their_slice_is_being_kept_is_seen_as_failed(
    db: Database,
) -> None:
    world, v, _ = await _closed(db, "refused")

    def too_often(conn: Connection) -> None:
        rows = due_rows(conn, v.id, now())
        passes._fail(conn, v, rows, now())

    await db.write(lambda conn: conn.exec_driver_sql("UPDATE outcome SET due_at = now()"))
    async with db.engine.connect() as other:
        held = await other.begin()
        assert await other.run_sync(folding.fold, now()) == 1
        fails = asyncio.create_task(db.write(too_often))
        await asyncio.sleep(0.3)
        assert not fails.done()
        await held.commit()
    await fails
    assert await db.read(checking.differences, v.id) == []
    assert len((await db.read(delivery_report.account, v)).people["failed"]) == 32
    assert world.db is db


async def test_two_who_keep_take_turns_and_nothing_is_counted_twice(db: Database) -> None:
    world = await World.make(db)
    v = await world.live(range(1, 641))
    for _ in range(20):
        for s in await world.claim():
            await world.done(s)
    folded = await asyncio.gather(*(db.write(folding.fold, now(), 7) for _ in range(6)))
    assert sum(folded) == 20
    assert await db.read(checking.differences, v.id) == []


async def test_many_at_once_claim_record_merge_keep_and_look_and_every_look_is_right(
    db: Database,
) -> None:
    world = await World.make(db)
    v = await world.live(range(1, 1601))
    dice = random.Random(3)
    looks, stop = [0], asyncio.Event()

    async def send(worker: str) -> None:
        while slices := await world.claim(want=64, worker=worker):
            if dice.random() < 0.1:
                await db.write(leases.expire_leases, dead_workers=[worker], now=now())
            for s in slices:
                for position, _ in dice.sample(s.people, 3):
                    await db.write(receipts.store, _told(s, position), now())
            await db.write(recording.record, [(s, _all(s)) for s in slices], at=now())
            for s in slices:
                for position, _ in dice.sample(s.people, 3):
                    await db.write(receipts.store, _told(s, position), now())

    async def merge() -> None:
        while not stop.is_set():
            await db.write(receipts.merge_waiting, now(), 50)
            await asyncio.sleep(0)

    async def keep() -> None:
        while not stop.is_set():
            await db.write(folding.fold, now(), 5)
            await asyncio.sleep(0)

    async def look() -> None:
        while not stop.is_set():
            assert await db.read(checking.differences, v.id) == []
            looks[0] += 1

    others = [asyncio.create_task(each()) for each in (merge, merge, keep, keep, look)]
    await asyncio.gather(*(send(f"w{n}") for n in range(3)))
    await asyncio.sleep(0.3)
    stop.set()
    await asyncio.gather(*others)
    assert looks[0] > 3
    while await db.write(receipts.merge_waiting, now()):
        pass
    while await db.write(folding.fold, now()):
        pass
    assert await db.read(checking.differences, v.id) == []
    account = await db.read(delivery_report.account, v)
    assert account.adds_up
    assert len(account.people["delivered"]) > 100


def _all(s: Slice) -> list[Outcome]:
    return [Outcome(position=p, person_id=person, state="accepted") for p, person in s.people]
