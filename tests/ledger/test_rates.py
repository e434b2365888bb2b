"""What was granted and what was used of it, from slices and from what each process registered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from broadcast.ledger import liveness, speed
from broadcast.ledger.claims.tables import slice_
from broadcast.ledger.tables import worker
from broadcast.messages.versions import Version
from channels.dispatch.rates import MemoryLimiter
from channels.memory import MemoryChannel
from config import settings
from config.wiring import Adapters
from service.engine import Engine
from tests import schema
from tests.keys import database as open_database
from tests.ledger.world import World

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    db = open_database(schema.sqlite_at(tmp_path / "ledger.db"))
    yield await World.make(db)
    await db.close()


async def claim(world: World, seconds: float, want: int, worker: str, skipped: int = 0) -> None:
    """Claim so many people so long after noon."""
    for s in await world.claim(want=want, worker=worker):
        at = {"claimed_at": NOON + timedelta(seconds=seconds), "skipped": skipped}
        await world.db.write(_change, s.attempt, at)


def _change(conn: Connection, attempt: str, values: dict[str, Any]) -> None:
    conn.execute(update(slice_).where(slice_.c.attempt == attempt).values(values))


async def told(world: World, v: Version) -> list[tuple[str, int, list[tuple[float | None, float]]]]:
    found = await world.db.read(speed.rates, v)
    return [(u.channel, u.seconds, [(i.granted, i.used) for i in u.intervals]) for u in found]


async def test_people_count_when_they_are_claimed_under_the_rate_of_who_claimed_them(
    world: World,
) -> None:
    await world.db.write(liveness.register, "w1", "routine", 1, {"Actual/sms": 10.0})
    await world.db.write(liveness.register, "w2", "routine", 2, {"Actual/sms": 20.0})
    v = await world.live(range(1, 61))
    assert await told(world, v) == []
    await claim(world, 0, 10, "w1")
    await claim(world, 0.9, 5, "w1", skipped=2)  # who was skipped took no token
    await claim(world, 2.1, 20, "w2")  # a process with another setting
    await claim(world, 3.0, 5, "gone")  # of this one no rate is known
    assert await told(world, v) == [
        ("sms", 1, [(10.0, 13.0), (10.0, 0.0), (20.0, 20.0), (None, 5.0)])
    ]


@pytest.mark.parametrize(
    ("lasted", "seconds", "intervals"),
    [(39, 1, 40), (40, 2, 21), (3600, 120, 31), (9e6, 225_001, 40)],
)
async def test_however_long_it_lasts_there_are_at_most_forty_intervals(
    world: World, lasted: float, seconds: int, intervals: int
) -> None:
    v = await world.live(range(1, 11))
    await claim(world, 0, 6, "w1")
    await claim(world, lasted, 4, "w1")
    ((_, long, found),) = await told(world, v)
    assert (long, len(found)) == (seconds, intervals)
    assert round(sum(used for _, used in found) * long, 6) == 10


async def test_a_process_without_a_limit_is_told_as_such(world: World) -> None:
    await world.db.write(liveness.register, "w1", "routine", 1, {"Actual/sms": 0.0})
    await world.db.write(liveness.register, "w2", "routine", 2, {"Actual/sms": 5.0})
    v = await world.live(range(1, 9))
    await claim(world, 0, 4, "w1")
    await claim(world, 0.5, 4, "w2")
    assert await told(world, v) == [("sms", 1, [(0.0, 8.0)])]


async def test_a_process_registers_what_it_may_send(world: World) -> None:
    sms, drill = (
        MemoryChannel("sms", rate=rate, serves=frozenset({status}))
        for rate, status in ((10.0, "Actual"), (0.0, "Exercise"))
    )
    adapters = Adapters(by_status={"Actual": {"sms": sms}, "Exercise": {"sms": drill}})
    engine = Engine(
        settings=settings.load({}),
        db=world.db,
        adapters={"routine": adapters},
        limiter=MemoryLimiter(),
        roles=("routine",),
        channels_on=lambda _: frozenset({"sms"}),
    )
    beating = asyncio.create_task(engine.heartbeat.run())
    while not engine.identity.alive:
        await asyncio.sleep(0.01)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    query = select(worker.c.rates)
    kept = await world.db.read(lambda conn: conn.execute(query).scalar_one())
    assert json.loads(kept) == {"Actual/sms": 10.0, "Exercise/sms": 0.0}
