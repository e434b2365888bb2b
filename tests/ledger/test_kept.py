"""What is kept beside the outcomes: at every moment of any history what the rows say; thrown away,
it is made anew; and whoever reads sees one or the other, never half.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import func, select, update

from broadcast.ledger import delivery_report, passes, receipts
from broadcast.ledger.claims import leases, recording
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice
from broadcast.ledger.claims.tables import outcome, slice_
from broadcast.ledger.kept import bitmaps, checking, folding, reading
from broadcast.ledger.kept.tables import kept_outcome, kept_pass
from broadcast.ledger.receipts import Receipt
from broadcast.messages import versions
from broadcast.messages.tables import version
from broadcast.replay import comparison
from broadcast.store.database import Connection, Database
from tests.ledger.history import History
from tests.ledger.world import World


def now() -> datetime:
    return datetime.now(UTC)


async def fold_all(db: Database, limit: int = folding.SLICES) -> int:
    folded = 0
    while more := await db.write(folding.fold, now(), limit):
        folded += more
    return folded


def apart(conn: Connection) -> list[str]:
    """Return every difference, of all versions: of what is kept, and of the whole account."""
    found = []
    for version_id in conn.execute(select(version.c.id)).scalars().all():
        found += [f"{version_id}: {line}" for line in checking.differences(conn, version_id)]
        v = versions.get(conn, version_id)
        if v.published:
            kept, there = delivery_report.account(conn, v), delivery_report.computed(conn, v)
            found += [f"{version_id}: {name}" for name in unequal(kept, there)]
    return found


def unequal(one: delivery_report.Account, other: delivery_report.Account) -> list[str]:
    names = ("addressed", "people", "channels", "suppressed")
    return [name for name in names if getattr(one, name) != getattr(other, name)]


def kept_slices(conn: Connection) -> int:
    query = select(func.count()).select_from(slice_).where(slice_.c.kept_at.is_not(None))
    return int(conn.execute(query).scalar_one())


@pytest.mark.parametrize("seed", range(1, 5))
async def test_after_every_step_of_any_history_what_is_kept_is_what_the_rows_say(
    db: Database, seed: int
) -> None:
    history, dice = await History.make(db, seed), random.Random(seed)
    for _ in range(25):
        await history.steps(7)
        if dice.random() < 0.5:
            await db.write(folding.fold, now(), dice.choice((1, 7, 512)))
        if dice.random() < 0.1 and history.messages:
            await db.write(folding.forget, dice.randint(1, len(history.messages)))
        assert await db.read(apart) == []
    await fold_all(db)
    assert await db.read(apart) == []
    closed = select(func.count()).select_from(slice_).where(slice_.c.state != "open")
    assert await db.read(kept_slices) == await db.read(lambda conn: conn.execute(closed).scalar())
    assert await db.read(kept_slices) > 0
    assert (await comparison.run(db))["differences"] == []


async def test_a_reading_of_what_is_kept_reads_no_outcome_and_no_batch(db: Database) -> None:
    """The rows may even be gone: what is told of a version that is done comes from what is kept."""
    world = await World.make(db)
    v = await world.live(range(1, 101), channels="sms>email")
    while slices := await world.claim(want=64, skip={5: "stopped", 6: "erased"}):
        for s in slices:
            await world.done(s)
    await fold_all(db)
    before = await db.read(delivery_report.account, v)
    counts = await db.read(delivery_report.progress, v.id)

    def gone(conn: Connection) -> None:
        for table in ("outcome", "batch", "slice"):
            conn.exec_driver_sql(f"DELETE FROM {table}")

    await db.write(gone)
    after = await db.read(delivery_report.account, v)
    assert unequal(before, after) == []
    assert len(after.people["accepted"]) == 98
    assert await db.read(delivery_report.progress, v.id) == counts
    assert counts["sms"]["accepted"] == 98


async def test_everybody_of_a_pass_is_kept_from_the_moment_at_which_it_is_made(
    db: Database,
) -> None:
    """So nobody reads two thousand batches between a release and the first slice."""
    world = await World.make(db)
    v = await world.live(range(1, 41), channels="sms>email")
    query = select(kept_pass.c.channel, kept_pass.c.size).where(kept_pass.c.version_id == v.id)
    assert await db.read(lambda conn: [tuple(row) for row in conn.execute(query)]) == [("sms", 40)]
    assert len((await db.read(delivery_report.account, v)).people["waiting"]) == 40


async def test_what_is_changed_behind_what_is_kept_is_found_and_mended_by_throwing_it_away(
    db: Database,
) -> None:
    world = await World.make(db)
    v = await world.live(range(1, 41))
    for s in await world.claim(want=40):
        await world.done(s)
    await fold_all(db)

    def change(conn: Connection) -> None:
        wrong = BitMap(range(1, 39)).serialize()
        accepted = kept_outcome.c.state == "accepted"
        conn.execute(update(kept_outcome).where(accepted).values(members=wrong))
        conn.execute(update(kept_pass).values(accepted=38))

    await db.write(change)
    assert await db.read(checking.differences, v.id) == [
        "sms, pass 1: 2 people are accepted on one side only, for example person 39",
        "sms: 38 accepted kept, 40 in the slices",
    ]
    await db.write(folding.forget, v.id)
    assert await db.read(checking.differences, v.id) == []
    assert await fold_all(db) == 2
    assert await db.read(checking.differences, v.id) == []
    assert len((await db.read(delivery_report.account, v)).people["accepted"]) == 40


async def _one_kept_slice(db: Database) -> tuple[World, Any, Slice]:
    world = await World.make(db)
    v = await world.live(range(1, 33))
    (s,) = await world.claim()
    await world.done(s)
    assert await fold_all(db) == 1
    return world, v, s


async def test_a_receipt_that_is_merged_takes_its_slice_out_until_the_next_turn(
    db: Database,
) -> None:
    _, v, s = await _one_kept_slice(db)
    told = Receipt(attempt=s.attempt, position=3, state="delivered", provider_id="SM3")
    await db.write(receipts.store, told, now())
    assert await db.write(receipts.merge_waiting, now()) == 1
    assert await db.read(kept_slices) == 0
    account = await db.read(delivery_report.account, v)
    assert list(account.people["delivered"]) == [4]
    assert len(account.people["accepted"]) == 31
    assert await fold_all(db) == 1
    assert await db.read(apart) == []
    # the totals of the slice are those of its closing, and are counted once
    assert (await db.read(delivery_report.progress, v.id))["sms"]["accepted"] == 32


async def test_late_outcomes_of_a_swept_slice_that_is_kept_are_seen_at_once(db: Database) -> None:
    world = await World.make(db)
    v = await world.live(range(1, 33))
    (s,) = await world.claim()
    assert await db.write(leases.expire_leases, dead_workers=["w1"], now=now()) == [s.attempt]
    await fold_all(db)
    assert len((await db.read(delivery_report.account, v)).people["in_doubt"]) == 32
    part = [Outcome(position=0, person_id=s.people[0][1], state="accepted")]
    await db.write(recording.record_some, s, part, at=now())
    assert len((await db.read(delivery_report.account, v)).people["in_doubt"]) == 31
    await fold_all(db)
    await world.done(s)
    assert len((await db.read(delivery_report.account, v)).people["accepted"]) == 32
    await fold_all(db)
    assert await db.read(apart) == []


async def test_somebody_who_was_refused_too_often_fails_at_once(db: Database) -> None:
    world = await World.make(db)
    v = await world.live(range(1, 3))
    for _ in range(12):
        slices = await world.claim()
        if not slices:
            break
        for s in slices:
            await world.done(s, "refused", code="20429", due_at=now())
        await fold_all(db)
        later = await db.read(_latest_due)
        if later is None:
            break
        await db.write(passes.make_due, v.id, contacts=lambda *_: {}, now=later)
        assert await db.read(apart) == []
    assert len((await db.read(delivery_report.account, v)).people["failed"]) == 2


def _latest_due(conn: Connection) -> datetime | None:
    found: datetime | None = conn.execute(select(func.max(outcome.c.due_at))).scalar_one()
    return found


async def test_an_older_database_of_which_nothing_is_kept_is_read_from_its_rows_and_then_kept(
    db: Database,
) -> None:
    """So it is after the step of the schema that brought the tables."""
    history = await History.make(db, 11)
    await history.steps(150)

    def as_before(conn: Connection) -> None:
        conn.exec_driver_sql("DELETE FROM kept_pass")
        conn.exec_driver_sql("DELETE FROM kept_outcome")
        conn.execute(update(slice_).values(kept_at=None, counted=False))

    await db.write(as_before)
    assert await db.read(apart) == []
    while await db.write(folding.fold, now(), 25):
        assert await db.read(apart) == []
    assert await db.read(kept_slices) > 5


@pytest.mark.parametrize(
    "ids",
    [
        [],
        [1],
        [bitmaps.PART - 1, bitmaps.PART, 3 * bitmaps.PART, 2**31 - 1],
        range(0, 3 * bitmaps.PART, 977),
    ],
    ids=["nobody", "one", "borders", "many"],
)
def test_the_parts_of_a_set_are_the_set(ids: Any) -> None:
    people = BitMap(ids)
    parts = dict(bitmaps.cut(people))
    assert BitMap().union(*parts.values()) == people
    for part, some in parts.items():
        assert some
        assert {person // bitmaps.PART for person in some} == {part}


async def test_the_people_of_several_parts_are_kept_in_several_rows(db: Database) -> None:
    world = await World.make(db)
    people = [5, bitmaps.PART + 5, 2 * bitmaps.PART + 5, 2 * bitmaps.PART + 6]
    v = await world.live(people)
    (s,) = await world.claim()
    await world.done(s)
    await fold_all(db)
    query = select(kept_outcome.c.part).where(kept_outcome.c.state == "accepted")
    parts = await db.read(lambda conn: sorted(conn.execute(query).scalars()))
    assert parts == [0, 1, 2]
    assert list((await db.read(delivery_report.account, v)).people["accepted"]) == people


async def test_how_many_are_in_doubt_is_counted_without_their_rows(db: Database) -> None:
    world = await World.make(db)
    v = await world.live(range(1, 65))
    first, second = await world.claim(want=64)
    await world.done(first, "in_doubt")
    await fold_all(db)
    await world.done(second, "in_doubt")
    assert await db.read(reading.in_state, v.id, "in_doubt") == 64
    told = Receipt(attempt=first.attempt, position=3, state="delivered", provider_id="SM3")
    await db.write(receipts.store, told, now())
    await db.write(receipts.merge_waiting, now())
    assert await db.read(reading.in_state, v.id, "in_doubt") == 63
    await fold_all(db)
    assert await db.read(reading.in_state, v.id, "in_doubt") == 63
