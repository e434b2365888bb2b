"""Who asked to be sent to discreetly gets such words, and no exercise, by the claim itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from broadcast.ledger import delivery_report
from broadcast.messages import versions
from broadcast.store.database import Database
from channels.dispatch.ports import Renderings
from channels.memory import MemoryChannel
from service.rendering import StoredRenderings
from subscribers.registry import importing
from tests.chaos.harness import people
from tests.ledger.sending import run_for, sender_of
from tests.ledger.test_retries import Renderings as OneText
from tests.ledger.world import World

NEUTRAL = "A message for you:"


@pytest.fixture
async def world(db: Database) -> World:
    """Five people; the second is discreet, and the third is reached at the same number."""
    told = [r._replace(channels="sms") for r in people(5)]
    told[1] = told[1]._replace(discreet="yes")
    told[2] = told[2]._replace(mobile=told[1].mobile)
    await db.write(importing.import_records, told, "test", datetime.now(UTC))
    return await World.make(db)


async def sent(world: World, renderings: Renderings, status: str = "Actual") -> MemoryChannel:
    """Send what is claimable, and return what the channel got."""
    channel = MemoryChannel("sms", serves=frozenset({status}))
    sender = sender_of(world.db, channel, renderings)
    await run_for(sender, 0.4)
    return channel


def stored(world: World) -> StoredRenderings:
    return StoredRenderings(world.db, sender_name="Kent Police", public_url="")


async def test_who_asked_for_it_and_who_is_reached_at_the_same_number_get_neutral_words(
    world: World,
) -> None:
    await world.live(range(1, 6))
    channel = await sent(world, stored(world))
    told = sorted((entry.to, entry.body) for entry in channel.ledger)
    assert len(told) == 5
    hidden = people(5)[1].mobile
    for to, body in told:
        assert body.startswith(NEUTRAL) is (to == hidden)
        assert ("Kent Police" in body) is (to != hidden)
        assert "Road closed" in body


async def test_an_exercise_skips_them_at_the_claim_whatever_was_frozen(world: World) -> None:
    v = await world.live(range(1, 6), status="Exercise", exercise="Winter")
    channel = await sent(world, stored(world), "Exercise")
    assert len(channel.ledger) == 3
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert account.adds_up
    assert {n: account.of_person(n) for n in (2, 3)} == dict.fromkeys(
        (2, 3), ("not_sent", "discreet")
    )


async def test_where_there_are_no_such_words_they_are_sent_nothing_on_that_channel(
    world: World,
) -> None:
    v = await world.live(range(1, 6))
    channel = await sent(world, OneText())
    assert len(channel.ledger) == 3
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert sorted(account.people["failed"]) == [2, 3]
