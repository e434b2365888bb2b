"""So many routine messages a week at most: decided at the freezing, once, and told as why."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import func, select

from broadcast.ledger import audiences, delivery_report
from broadcast.messages import publishing, versions
from broadcast.messages.versions import Version
from broadcast.store.database import Connection, Database
from subscribers.audience import reasons
from subscribers.index import RegistryIndex
from subscribers.matcher import Matcher, rule_for
from subscribers.people_file.record import COLUMNS, SubscriberRecord
from subscribers.registry.importing import import_records
from subscribers.weekly import using
from subscribers.weekly.tables import weekly_use
from tests.ledger.world import World, house

DAY = datetime(2036, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
AGES = timedelta(days=6000)
SMS = frozenset({"sms"})


def a_person(n: int, most: str) -> SubscriberRecord:
    given: dict[str, Any] = dict.fromkeys(COLUMNS, "") | dict.fromkeys(
        ("email", "phone", "lat", "lon")
    )
    own = {"external_id": f"p{n}", "mobile": f"+447700900{n:03d}", "channels": "sms"}
    own |= {"language": "en", "area": "E09000033", "most_a_week": most}
    return SubscriberRecord(**given | own)


@pytest.fixture
async def world(db: Database) -> World:
    """Ten people: one takes one routine message a week, two take two, the others any number."""
    most = ["1", "2", "2", *[""] * 7]
    people = [a_person(n, each) for n, each in enumerate(most)]
    await db.write(import_records, people, "test", DAY)
    return await World.make(db)


async def out(world: World, at: datetime, **more: Any) -> Version:
    """Send one message out to everybody, and hand it over."""
    v = await world.approved(count=10, expires=AGES, **more)
    done = await Matcher(world.db, lambda _: SMS, now=lambda: at).process(v.id)
    assert done == "released"
    return await world.db.read(versions.get, v.id)


async def handed(world: World) -> None:
    while claimed := await world.claim():
        for each in claimed:
            await world.done(each)


async def full(world: World, v: Version) -> list[int]:
    return list(await world.db.read(using.left_out, v.id))


async def test_routine_beyond_what_somebody_takes_a_week_is_on_record_as_not_told_budget(
    world: World,
) -> None:
    first = await out(world, DAY)
    await handed(world)
    second = await out(world, DAY + HOUR)
    await handed(world)
    third = await out(world, DAY + 2 * HOUR)
    assert [await full(world, v) for v in (first, second, third)] == [[], [1], [1, 2, 3]]
    account = await world.db.read(delivery_report.account, third)
    assert account.adds_up
    assert account.suppressed["budget"] == BitMap([1, 2, 3])
    assert account.of_person(1) == ("not_sent", "budget")
    since = datetime.now(UTC) - HOUR
    missed = await world.db.read(using.missed, 1, since, 9)
    assert [each.version_id for each in missed] == [third.id, second.id]
    assert not await world.db.read(using.missed, 9, since, 9)


async def test_a_week_later_there_is_room_again_and_what_counts_no_more_is_dropped(
    world: World,
) -> None:
    await out(world, DAY)
    await handed(world)
    assert await full(world, await out(world, DAY + using.WEEK - HOUR)) == [1]
    assert await full(world, await out(world, DAY + using.WEEK + HOUR)) == []
    assert await world.db.write(using.forget, DAY + using.WEEK + 2 * HOUR) == 3


async def test_urgent_messages_pass_and_count_for_nobody(world: World) -> None:
    for n in range(3):
        urgent = await out(world, DAY + n * HOUR, severity="Extreme")
        assert urgent.urgent
        assert await full(world, urgent) == []
    assert (
        await world.db.read(lambda c: c.execute(select(func.count(weekly_use.c.at))).scalar()) == 0
    )
    assert await full(world, await out(world, DAY + 3 * HOUR)) == []


async def test_what_follows_a_message_reaches_whom_that_reached_though_their_week_is_full(
    world: World,
) -> None:
    urgent = await out(world, DAY, severity="Extreme")
    while claimed := await world.claim("urgent"):
        for each in claimed:
            await world.done(each)
    await out(world, DAY + HOUR)
    await handed(world)
    assert await full(world, await out(world, DAY + 2 * HOUR)) == [1]
    again = await out(world, DAY + 3 * HOUR, message_id=urgent.message_id, action="update")
    assert not again.urgent
    assert await full(world, again) == []


async def test_versions_of_one_message_count_once(world: World) -> None:
    first = await out(world, DAY)
    await handed(world)
    await out(world, DAY + HOUR, message_id=first.message_id, action="update")
    await handed(world)
    assert await full(world, await out(world, DAY + 2 * HOUR)) == [1], "who takes two has room"


async def test_what_was_cancelled_before_it_reached_anybody_counts_for_nobody(
    world: World,
) -> None:
    first = await out(world, DAY)
    await world.db.write(
        publishing.cancel, world.approver, first.message_id, why="wrong", house=house(), now=DAY
    )
    assert await full(world, await out(world, DAY + HOUR)) == []


async def test_an_exercise_is_never_the_reason_that_somebody_is_not_told_what_is_real(
    world: World,
) -> None:
    def counted(conn: Connection, v: Version) -> BitMap:
        using.note(conn, v, frozen, DAY)
        return using.spent(conn, replace(v, message_id=99, status="Exercise"), DAY)

    v = await out(world, DAY)
    frozen = audiences.Frozen(addressed=BitMap(), send={}, limited={})
    assert not await world.db.write(counted, v)
    assert await world.db.read(using.spent, replace(v, message_id=99), DAY) == BitMap([1])


async def test_preview_and_explain_say_whose_week_is_full(world: World) -> None:
    await out(world, DAY)
    await handed(world)
    v = await world.approved(count=10, expires=AGES)
    index = await world.db.read(RegistryIndex.load)
    rule = await world.db.read(rule_for, v, lambda _: SMS, at=DAY + HOUR)
    assert index.match(rule).suppressed["budget"] == BitMap([1])
    trace = reasons(index, rule, 1)
    assert trace.outcome == "budget"
    assert "as many went to them" in next(s for s in trace.steps if not s.passed).detail
    assert reasons(index, rule, 2).outcome == "send"
    assert not [s for s in reasons(index, rule, 9).steps if s.name == "weekly budget"]


async def test_two_that_are_frozen_at_once_find_room_for_one(world: World) -> None:
    """Two matchers read who has room before either has counted."""
    made = [await world.approved(count=10, expires=AGES) for _ in range(2)]
    both = [Matcher(world.db, lambda _: SMS, now=lambda: DAY) for _ in made]
    done = await asyncio.gather(
        *(m.process(v.id) for m, v in zip(both, made, strict=True)), return_exceptions=False
    )
    assert done == ["released", "released"]
    assert sorted([await full(world, v) for v in made]) == [[], [1]]


async def test_who_read_the_clock_first_and_counts_last_sees_what_the_other_counted(
    world: World,
) -> None:
    """A matcher reads the clock, then matches; another one, or one whose clock is fast, counts a
    later moment before it.
    """
    slow, quick = [await world.approved(count=10, expires=AGES) for _ in range(2)]
    assert await Matcher(world.db, lambda _: SMS, now=lambda: DAY + HOUR).process(quick.id)
    assert await Matcher(world.db, lambda _: SMS, now=lambda: DAY).process(slow.id)
    assert [await full(world, v) for v in (quick, slow)] == [[], [1]]


async def test_a_moment_that_a_wrong_clock_wrote_for_the_far_future_keeps_nobody_from_anything(
    world: World,
) -> None:
    await out(world, DAY + 2 * using.WEEK)
    assert await full(world, await out(world, DAY)) == []


async def test_what_was_blocked_counts_for_nobody(world: World) -> None:
    v = await world.approved(count=1_000, expires=AGES)
    m = Matcher(world.db, lambda _: SMS, now=lambda: DAY)
    assert await m.process(v.id) == "blocked"
    assert not await world.db.read(using.spent, replace(v, message_id=99), DAY)
    assert (
        await world.db.read(lambda c: c.execute(select(func.count(weekly_use.c.at))).scalar()) == 0
    )
