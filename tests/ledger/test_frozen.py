"""What is read of a stored audience, and when it is released: shards joined, the margin below what
was approved, an expiry that came first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import select, update

from broadcast.ledger import audiences
from broadcast.ledger.claims import open_batches
from broadcast.ledger.claims.tables import batch
from broadcast.messages.tables import decision, version
from broadcast.store.database import Connection
from tests.ledger.world import World

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def frozen(world: World, version_id: int, shard: int, ids: list[int], at: datetime) -> None:
    """Freeze one shard of people who all wait for the same hour, and are sent to by one channel."""
    people = BitMap(ids)
    await world.db.write(
        audiences.freeze,
        version_id,
        shard,
        audiences.Frozen(
            addressed=people,
            send={("sms", "en"): people},
            suppressed={},
            held={NOON: people},
        ),
        registry_as_of="0",
        now=at,
    )


async def test_who_waits_for_the_same_hour_is_joined_from_every_shard(world: World) -> None:
    v = await world.approved(count=4, shards=2)
    await frozen(world, v.id, 0, [1, 2], NOON)
    await frozen(world, v.id, 1, [3, 4], NOON)
    stored = await world.db.read(audiences.read, v.id)
    assert stored.held == {NOON: BitMap([1, 2, 3, 4])}
    assert stored.send == {("sms", "en"): BitMap([1, 2, 3, 4])}
    assert stored.addressed == BitMap([1, 2, 3, 4])


async def test_an_audience_was_frozen_when_its_own_first_shard_was(world: World) -> None:
    first = await world.approved(count=2, shards=2)
    second = await world.approved(count=1)
    await frozen(world, first.id, 1, [2], NOON + timedelta(seconds=9))
    await frozen(world, first.id, 0, [1], NOON + timedelta(seconds=5))
    assert await world.db.read(audiences.frozen_at, first.id) == NOON + timedelta(seconds=5)
    assert await world.db.read(audiences.frozen_at, second.id) is None
    await frozen(world, second.id, 0, [1], NOON)
    assert await world.db.read(audiences.frozen_at, second.id) == NOON
    assert await world.db.read(audiences.frozen_at, first.id) == NOON + timedelta(seconds=5)


async def test_a_version_that_expired_before_its_audience_was_there_is_not_released(
    world: World,
) -> None:
    v = await world.approved(count=1)
    await world.freeze(v, {("sms", "en"): [1]})
    past = datetime.now(UTC) - timedelta(seconds=1)
    await world.db.write(
        lambda conn: conn.execute(
            update(version).where(version.c.id == v.id).values(expires_at=past)
        )
    )
    assert await world.release(v) == "not_ready"


def alarms(conn: Connection) -> list[str]:
    query = select(decision.c.why).where(decision.c.action == "alarm")
    return list(conn.execute(query).scalars())


@pytest.mark.parametrize(
    ("urgency", "people", "released", "alarmed"),
    [
        ("Immediate", 100, "released", 0),
        ("Immediate", 80, "released", 0),
        ("Immediate", 79, "released", 1),
        ("Expected", 80, "released", 0),
        ("Expected", 79, "blocked", 0),
    ],
)
async def test_an_alarm_is_recorded_only_where_an_urgent_audience_shrank_below_its_margin(
    world: World, urgency: str, people: int, released: str, alarmed: int
) -> None:
    more: dict[str, Any] = (
        {"severity": "Extreme", "certainty": "Observed"} if urgency == "Immediate" else {}
    )
    v = await world.approved(count=100, urgency=urgency, **more)
    assert v.urgent is (urgency == "Immediate")
    await world.freeze(v, {("sms", "en"): range(1, people + 1)})
    assert await world.release(v) == released
    assert len(await world.db.read(alarms)) == alarmed


async def test_a_batch_of_which_everybody_is_claimed_gives_nobody_out_again(world: World) -> None:
    await world.live(range(1, 6))
    (candidate,) = await world.db.read(
        open_batches.candidates, "routine", "sms", ("Actual",), datetime.now(UTC)
    )
    (s,) = await world.claim(candidate=candidate)
    assert len(s.people) == 5
    # as a sender that has kept the candidate, and a batch that was opened anew by hand
    await world.db.write(lambda conn: conn.execute(update(batch).values(open=True)))
    assert await world.claim(candidate=candidate) == []
    (stands,) = await world.db.read(
        lambda conn: conn.execute(select(batch.c.next, batch.c.size)).all()
    )
    assert tuple(stands) == (5, 5)
